"""What a service left running endures, `python -m eval endure`: overload, many questions, new versions, a stop.

Each against `askpolicy serve` in a process of its own, over connections that stay open. It does not know how a service
bears it.
"""

import asyncio
import http.client
import json
import os
import re
import shutil
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from eval.speed.clients import Asker, Tally, clients_asking, steadily_asking
from eval.speed.crowd import crowded
from eval.speed.load import OK, Load
from eval.speed.measured import Measured
from eval.speed.rivals import Served, served_askpolicy
from eval.speed.run import SAMPLE
from eval.tasks.sample import sample_task
from index.build import build
from index.embedding import open_embedder
from index.manifest import published_version
from index.policy_index import PolicyIndex

_TIMEOUT_S = 60.0
_RAMP = (2, 8, 16)
_PAIRS = 5
# A shorter run only shows that it runs.
_WHOLE_S = 10.0
_WARM_QUESTIONS = 2_000
_LOOK_EVERY_S = 0.02
_BEGUN_ANEW_S = 40.0
_VERSION = re.compile(r"x-index-version: (\S+)", re.I)


PARTS = ("overload", "memory", "crowd", "publications", "signals")


def endured(
    policies: Sequence[Path], parts: Sequence[str] = PARTS, *, seconds: float, questions: int, publications: int
) -> Iterator[Measured]:
    """The figures, each as soon as it is measured.

    Args:
        parts: what is measured, of `PARTS`.
        seconds: how long 64 clients ask.
        questions: over how many the growth of memory is measured.
        publications: how many index versions are published under load.
    """
    asked = [
        json.dumps({"question": question.text, "k": 5}).encode()
        for question in sample_task().questions
        if question.kind == "answerable"
    ]
    with tempfile.TemporaryDirectory(prefix="askpolicy-endurance-") as temporary:
        where = Path(temporary)
        build([SAMPLE, *policies], where / "index", embedder=open_embedder())
        with served_askpolicy(where / "index") as served:
            if "overload" in parts:
                yield from _overload(served, asked, seconds)
            if "memory" in parts:
                yield from _memory(served, asked, questions)
        if "crowd" in parts:
            pairs = _PAIRS if seconds >= _WHOLE_S else 1
            yield from crowded(where / "index", asked, seconds=min(seconds, 8.0), pairs=pairs)
        if "publications" in parts:
            yield from _published(where, publications)
        if "signals" in parts:
            yield from _signalled_each(where, asked)


def _overload(served: Served, asked: Sequence[bytes], seconds: float) -> Iterator[Measured]:
    for clients in _RAMP:
        tally = clients_asking(served.address, asked, clients, seconds=min(seconds, 10.0))
        yield Measured("askpolicy", f"{clients} clients: answers", tally.per_s, "a second")
    tally = clients_asking(served.address, asked, 64, seconds=seconds)
    yield from _tallied("64 clients", tally)
    # a machine's speed drifts: each overload is compared with the best rate just before it
    shares = []
    for number in range(_PAIRS if seconds >= _WHOLE_S else 1):
        before = max(
            clients_asking(served.address, asked, clients, seconds=min(seconds, 6.0)).per_s for clients in (8, 64)
        )
        tally = steadily_asking(served.address, asked, per_s=2 * before, seconds=min(seconds, 12.0))
        shares.append(100 * tally.per_s / before)
        yield Measured("askpolicy", f"2 x the best rate, {number + 1}: share of the best", shares[-1], "%")
        yield Measured("askpolicy", f"2 x the best rate, {number + 1}: failed", tally.failed, "requests")
    yield from _tallied("2 x the best rate, the last", tally)
    yield Measured("askpolicy", "2 x the best rate: share of the best, median", statistics.median(shares), "%")


def _tallied(name: str, tally: Tally) -> Iterator[Measured]:
    yield Measured("askpolicy", f"{name}: answers", tally.per_s, "a second")
    load = Load(tuple(1_000 * took_s for _, took_s in tally.ended), tally.seconds, tally.failed)
    for percent in (50, 99):
        yield Measured("askpolicy", f"{name}: p{percent}", load.percentile_ms(percent), "ms")
    yield Measured("askpolicy", f"{name}: refused on purpose", tally.refused, "requests")
    yield Measured("askpolicy", f"{name}: failed", tally.failed, "requests")


def _memory(served: Served, asked: Sequence[bytes], questions: int) -> Iterator[Measured]:
    clients_asking(served.address, asked, 8, questions=min(questions, _WARM_QUESTIONS))
    before = served.resident_mb
    tally = clients_asking(served.address, asked, 8, questions=questions)
    after = served.resident_mb
    yield Measured("askpolicy", "resident before", before, "MB")
    yield Measured("askpolicy", f"grown over {tally.statuses[OK]:,} questions", 100 * (after / before - 1), "%")


def _published(where: Path, publications: int) -> Iterator[Measured]:
    """Index versions are published one after another, each as soon as the one before serves, while four clients ask."""
    policies, folder = where / "growing", where / "growing-index"
    shutil.copytree(SAMPLE, policies)
    embedder = open_embedder()
    holds: dict[str, set[str]] = {}

    def publish(number: int) -> str:
        words = f"# Novalis{number} Privacy Policy\n\nWe, Novalis{number}, sell what we know of you to advertisers.\n"
        (policies / f"novalis{number}.md").write_text(words, encoding="utf-8")
        build([policies], folder, embedder=embedder)
        version = published_version(folder)
        holds[version] = set(PolicyIndex.open(folder, embedder=embedder).companies)
        return version

    seen: set[str] = set()

    def whole(head: str, content: bytes) -> str | None:
        answer, header = json.loads(content), _VERSION.findall(head)[0]
        seen.add(header)
        named = {passage["company"]["id"] for passage in answer["passages"]}
        # what a version holds is noted a moment after it is published; until then its own word is taken
        if answer["index_version"] != header or not named <= holds.get(header, named):
            return f"{header} and {answer['index_version']}: {sorted(named)}"
        return None

    publish(0)
    bodies = [
        json.dumps({"question": question, "k": 50}).encode()
        for question in (
            "who sells my data?",
            "does JivoChat notify me on acquisition?",
            "which companies use cookies?",
        )
    ]
    tally, ended = Tally(began=time.perf_counter()), threading.Event()

    async def load(address: str) -> None:
        async def client() -> None:
            asker = Asker(address, tally, whole)
            numbers = count()
            while not ended.is_set() and asker.reachable:
                await asker.ask(bodies[next(numbers) % len(bodies)])
            asker.close()

        await asyncio.gather(*(client() for _ in range(4)))

    with served_askpolicy(folder, "--watch-s", "0.1") as served:
        loading = threading.Thread(target=lambda: asyncio.run(load(served.address)))
        loading.start()
        try:
            for number in range(1, publications + 1):
                _await_version(served.address, publish(number))
        finally:
            ended.set()
            loading.join()
            tally.seconds = time.perf_counter() - tally.began
    yield Measured("askpolicy", "published under load", publications, "versions")
    yield Measured("askpolicy", "published under load: answered from", len(seen), "versions")
    yield from _tallied("published under load", tally)
    yield Measured("askpolicy", "published under load: mixed versions", len(tally.wrong), "answers")


def _await_version(address: str, version: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_TIMEOUT_S)
    for _ in range(int(_TIMEOUT_S / _LOOK_EVERY_S)):
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        response.read()
        if response.headers["X-Index-Version"] == version:
            connection.close()
            return
        time.sleep(_LOOK_EVERY_S)
    raise TimeoutError(f"{version} does not serve after {_TIMEOUT_S:g} s")


def _signalled_each(where: Path, asked: Sequence[bytes]) -> Iterator[Measured]:
    """A signal comes while 32 clients ask: it ends the service, but for SIGHUP, which begins workers anew."""
    for workers in (1, 2):
        for signalled in (signal.SIGTERM, signal.SIGHUP):
            yield from _signalled(where, asked, signalled, workers=workers)


def _signalled(where: Path, asked: Sequence[bytes], signalled: signal.Signals, *, workers: int) -> Iterator[Measured]:
    tally = Tally()
    goes_on = signalled is signal.SIGHUP and workers > 1
    with served_askpolicy(where / "index", "--workers", str(workers)) as served:
        seconds = 3.0 + _BEGUN_ANEW_S if goes_on else 30.0
        loading = threading.Thread(
            target=lambda: tally.statuses.update(clients_asking(served.address, asked, 32, seconds=seconds).statuses)
        )
        loading.start()
        time.sleep(3.0)
        began, before = time.perf_counter(), served.children
        os.kill(served.pid, signalled)
        if not goes_on:
            served.wait(timeout_s=30.0)
        took_s = time.perf_counter() - began
        loading.join()
        # one of the children is no worker: Python's resource tracker
        kept = set(before) & set(served.children)
        if goes_on and len(kept) > 1:
            raise RuntimeError(f"of the processes {before} {sorted(kept)} were not begun anew in {_BEGUN_ANEW_S} s")
    name = f"{signalled.name}, 32 clients, {workers} worker{'s' if workers > 1 else ''}"
    yield Measured("askpolicy", f"{name}: answered", tally.statuses[OK], "requests")
    yield Measured("askpolicy", f"{name}: accepted and not answered", tally.failed, "requests")
    if not goes_on:
        yield Measured("askpolicy", f"{name}: ended after", took_s, "s")
