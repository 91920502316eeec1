"""What one request may cost, `python -m eval cost`: the processor time of the costliest that are allowed, over HTTP.

And how long work goes on for a client that has left. Both are read from the system's account of the service's threads.
"""

import http.client
import json
import socket
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from eval.speed.load import OK
from eval.speed.measured import Measured
from eval.speed.rivals import Served, served_askpolicy
from index.embedding import open_embedder
from index.policy_index import PolicyIndex
from qa.assistant import MAX_HISTORY, MAX_K
from qa.question.understanding import MAX_QUESTION_CHARS

_TIMES = 5
_LEAVES_AFTER_S = 0.02
_LOOK_EVERY_S, _LOOK_FOR_S = 0.01, 0.6
# A service that waits uses less than this between two looks.
_IDLE_S = 0.004
_TIMEOUT_S = 120.0
_MOST_COMPANIES = 50

Body = Mapping[str, Any]


def costs(index: Path, *, times: int = _TIMES) -> Iterator[Measured]:
    """The median processor time of each request, the most of them, and when the work for a client that left ended."""
    built = PolicyIndex.open(index, embedder=open_embedder())
    requests = costly([company.name for company in built.companies.values()])
    del built
    with served_askpolicy(index) as served:
        found = []
        for name, (path, body) in requests.items():
            _posted(served, path, body)
            found.append(statistics.median(_cost_ms(served, path, body) for _ in range(times)))
            yield Measured("askpolicy", f"{name}: processor time", found[-1], "ms")
        yield Measured("askpolicy", "the costliest: processor time", max(found), "ms")
        costliest = list(requests)[found.index(max(found))]
        ended = [_work_after_leaving_ms(served, *requests[costliest]) for _ in range(times)]
        yield Measured(
            "askpolicy", "a client leaves the costliest: its work ended after, the longest", max(ended), "ms"
        )


def costly(companies: Sequence[str]) -> dict[str, tuple[str, Body]]:
    """Requests that are allowed and cost much, by what they hold: path and body.

    Args:
        companies: the names of those that the index holds.
    """
    draw = Random(0)
    some = draw.sample(list(companies), min(_MOST_COMPANIES, len(companies)))
    several = ", ".join(some[:20])
    words = "which data do you collect, share, sell and keep, and for how long, and why"
    asks: dict[str, Body] = {
        "a plain question": {"question": f"does {some[0]} sell my data?"},
        "nobody named": {"question": "do you collect data about children?", "k": MAX_K},
        "several things": {"question": "what do you collect, and what do you sell, and which cookies do you use?"},
        "several things of four": {
            "question": "what do they collect, and what do they sell, and how long do they keep it?",
            "companies": some[:4],
        },
        "two dozen named": {"question": f"which data do {several} collect, and which do they sell?", "k": MAX_K},
        "fifty given": {"question": words + "?", "companies": some, "k": MAX_K},
        "the longest of one word": {"question": _filled("data ")},
        "the longest of questions": {"question": _filled("do you sell my data? and who gets it? ")},
        "the longest of names": {"question": _filled(" and ".join(draw.sample(list(companies), len(some))) + " ")},
        "the longest of unknown names": {"question": _filled("does Qwrtz Zplk or Brmft Hgnd sell it, ")},
        "the longest of misspellings": {"question": _filled("wich dataa doess yuor polisy colect ")},
        "the longest of thanks": {"question": _filled("ok. thanks! ")},
        "the longest history": {"question": "and how long?", "history": [_filled(f"do you {words}? ")] * MAX_HISTORY},
        "a history of names": {"question": "and the others?", "history": [_filled(several + ", ")] * MAX_HISTORY},
        "a history of nothing": {"question": "and how long?", "history": [_filled("ok. thanks! ")] * MAX_HISTORY},
        "another day": {"question": "do they sell my data?", "companies": some, "as_of": "2020-01-01"},
        "out of scope": {"question": "how do I bake bread?", "companies": some, "k": MAX_K},
    }
    searches: dict[str, Body] = {
        "search, nobody named": {"question": "do you collect data about children?", "k": MAX_K},
        "search, fifty given": {"question": words + "?", "companies": some, "k": MAX_K},
    }
    return {
        name: (path, body)
        for path, bodies in (("/v1/ask", asks), ("/v1/search", searches))
        for name, body in bodies.items()
    }


def _filled(words: str) -> str:
    return (words * MAX_QUESTION_CHARS)[:MAX_QUESTION_CHARS].strip()


def _cost_ms(served: Served, path: str, body: Body) -> float:
    before = _used_s(served)
    _posted(served, path, body)
    return 1e3 * (_used_s(served) - before)


def _posted(served: Served, path: str, body: Body) -> None:
    connection = http.client.HTTPConnection(urlsplit(served.address).netloc, timeout=_TIMEOUT_S)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.status != OK:
        raise RuntimeError(f"{path} answered {response.status}: {content[:300]!r}")


def _work_after_leaving_ms(served: Served, path: str, body: Body) -> float:
    """How long after its client has left the service last worked."""
    where, content = urlsplit(served.address), json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    with socket.create_connection((where.hostname or "", where.port or 80)) as client:
        client.sendall(head.encode() + str(len(content)).encode() + b"\r\n\r\n" + content)
        time.sleep(_LEAVES_AFTER_S)
    left = last = time.perf_counter()
    used = _used_s(served)
    while time.perf_counter() - left < _LOOK_FOR_S:
        time.sleep(_LOOK_EVERY_S)
        now = _used_s(served)
        if now - used > _IDLE_S:
            last = time.perf_counter()
        used = now
    return 1e3 * (last - left)


def _used_s(served: Served) -> float:
    """The processor time that all threads of the service have used; see proc_pid_schedstat(5)."""
    threads = Path(f"/proc/{served.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9
