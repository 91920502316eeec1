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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from eval.speed.load import OK, Load
from eval.speed.rivals import Served, served_askpolicy
from eval.speed.run import SAMPLE, Measured
from eval.tasks.sample import sample_task
from index.build import build
from index.embedding import open_embedder
from index.manifest import published_version
from index.policy_index import PolicyIndex

# Refused on purpose: too many questions, or too many in a short time.
_DELIBERATE = (503, 429)
_TIMEOUT_S = 60.0
_RAMP = (2, 8, 16)
_STEADY_CONNECTIONS = 256
_PAIRS = 5
# A shorter run only shows that it runs.
_WHOLE_S = 10.0
_WARM_QUESTIONS = 2_000
_LOOK_EVERY_S = 0.02
_HEAD = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
_LENGTH = re.compile(r"content-length: (\d+)", re.I)
_VERSION = re.compile(r"x-index-version: (\S+)", re.I)


@dataclass(slots=True)
class Tally:
    """What came of requests.

    Attributes:
        statuses: how often each came; 0: no response.
        ended: of each answered question when its answer came and how long it took, in seconds.
        wrong: responses that a check did not pass, in words.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    ended: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    began: float = 0.0
    seconds: float = 0.0

    @property
    def per_s(self) -> float:
        """Answers a second, of those that came while questions were sent."""
        until = self.began + self.seconds
        return sum(at <= until for at, _ in self.ended) / self.seconds

    @property
    def failed(self) -> int:
        """How many got neither an answer nor a refusal that is meant."""
        return sum(count for status, count in self.statuses.items() if status != OK and status not in _DELIBERATE)


class Line(asyncio.Protocol):
    """One connection that stays open, read by hand: a library's client costs the machine as much as an answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._response: asyncio.Future[tuple[int, str, bytes]] | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport, self.is_open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._response is None or self._response.done():
            return
        head = self._received[:end].decode("latin-1")
        length = int(_LENGTH.findall(head)[0])
        if len(self._received) >= end + 4 + length:
            content = bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            self._response.set_result((int(head[9:12]), head, content))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.is_open = False
        if self._response is not None and not self._response.done():
            self._response.set_exception(exc or ConnectionResetError("closed"))

    async def ask(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, head and content of the response."""
        if self._transport is None:
            raise ConnectionResetError("there is no connection")
        self._response = asyncio.get_running_loop().create_future()
        self._transport.write(_HEAD + str(len(body)).encode() + b"\r\n\r\n" + body)
        async with asyncio.timeout(_TIMEOUT_S):
            return await self._response

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


Check = Callable[[str, bytes], str | None]


class Asker:
    """Asks over one connection, which is opened again where the service has closed it as HTTP allows."""

    def __init__(self, address: str, tally: Tally, check: Check | None = None) -> None:
        where = urlsplit(address)
        self._host, self._port = where.hostname or "", where.port or 80
        self._tally, self._check = tally, check
        self._line = Line()
        self.reachable = True

    async def ask(self, body: bytes) -> None:
        """Ask once; `reachable` is false once nobody listens any more."""
        began = time.perf_counter()
        if not self._line.is_open:
            try:
                loop = asyncio.get_running_loop()
                _, self._line = await loop.create_connection(Line, self._host, self._port)
            except OSError:
                self.reachable = False
                return
        try:
            status, head, content = await self._line.ask(body)
        except (OSError, TimeoutError):
            self._tally.statuses[0] += 1
            self._line.close()
            self._line = Line()
            return
        now = time.perf_counter()
        self._tally.statuses[status] += 1
        if status == OK:
            self._tally.ended.append((now, now - began))
            wrong = self._check(head, content) if self._check else None
            self._tally.wrong += [wrong] if wrong else []
        if "connection: close" in head.lower():
            self._line.close()
            self._line = Line()

    def close(self) -> None:
        """Close the connection."""
        self._line.close()


def endured(policies: Sequence[Path], *, seconds: float, questions: int, publications: int) -> Iterator[Measured]:
    """The figures, each as soon as it is measured.

    Args:
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
            yield from _overload(served, asked, seconds)
            yield from _memory(served, asked, questions)
        yield from _published(where, publications)
        yield from _stopped(where, asked)


def _overload(served: Served, asked: Sequence[bytes], seconds: float) -> Iterator[Measured]:
    for clients in _RAMP:
        tally = _clients(served.address, asked, clients, seconds=min(seconds, 10.0))
        yield Measured("askpolicy", f"{clients} clients: answers", tally.per_s, "a second")
    tally = _clients(served.address, asked, 64, seconds=seconds)
    yield from _tallied("64 clients", tally)
    # a machine's speed drifts: each overload is compared with the best rate just before it
    shares = []
    for number in range(_PAIRS if seconds >= _WHOLE_S else 1):
        before = max(_clients(served.address, asked, clients, seconds=min(seconds, 6.0)).per_s for clients in (8, 64))
        tally = _steady(served.address, asked, per_s=2 * before, seconds=min(seconds, 12.0))
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
    refused = sum(tally.statuses[status] for status in _DELIBERATE)
    yield Measured("askpolicy", f"{name}: refused on purpose", refused, "requests")
    yield Measured("askpolicy", f"{name}: failed", tally.failed, "requests")


def _memory(served: Served, asked: Sequence[bytes], questions: int) -> Iterator[Measured]:
    _clients(served.address, asked, 8, questions=min(questions, _WARM_QUESTIONS))
    before = served.resident_mb
    tally = _clients(served.address, asked, 8, questions=questions)
    after = served.resident_mb
    yield Measured("askpolicy", "resident before", before, "MB")
    yield Measured("askpolicy", f"grown over {tally.statuses[OK]:,} questions", 100 * (after / before - 1), "%")


def _clients(
    address: str, asked: Sequence[bytes], clients: int, *, seconds: float = 3_600.0, questions: int = 10**9
) -> Tally:
    """`clients` ask one question after another, for some `seconds` or until `questions` are asked."""
    numbers = count()

    def next_number(tally: Tally) -> int | None:
        number = next(numbers)
        return number if number < questions and time.perf_counter() - tally.began < seconds else None

    return asyncio.run(_loaded(address, asked, clients, next_number, per_s=None))


def _steady(address: str, asked: Sequence[bytes], *, per_s: float, seconds: float) -> Tally:
    """Questions come at a constant rate, whether those before are answered or not."""
    numbers = iter(range(int(per_s * seconds)))
    tally = asyncio.run(_loaded(address, asked, _STEADY_CONNECTIONS, lambda _: next(numbers, None), per_s=per_s))
    tally.seconds = seconds
    return tally


async def _loaded(
    address: str,
    asked: Sequence[bytes],
    connections: int,
    next_number: Callable[[Tally], int | None],
    *,
    per_s: float | None,
) -> Tally:
    tally = Tally(began=time.perf_counter())

    async def client() -> None:
        asker = Asker(address, tally)
        while asker.reachable and (number := next_number(tally)) is not None:
            if per_s is not None:
                await asyncio.sleep(max(0.0, tally.began + number / per_s - time.perf_counter()))
            await asker.ask(asked[number % len(asked)])
        asker.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    tally.seconds = time.perf_counter() - tally.began
    return tally


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


def _stopped(where: Path, asked: Sequence[bytes]) -> Iterator[Measured]:
    """SIGTERM comes while 32 clients ask."""
    for workers in (1, 2):
        tally = Tally()
        with served_askpolicy(where / "index", "--workers", str(workers)) as served:
            loading = threading.Thread(
                target=lambda into=tally, address=served.address: into.statuses.update(
                    _clients(address, asked, 32, seconds=30.0).statuses
                )
            )
            loading.start()
            time.sleep(3.0)
            began = time.perf_counter()
            os.kill(served.pid, signal.SIGTERM)
            served.wait(timeout_s=30.0)
            took_s = time.perf_counter() - began
            loading.join()
        name = f"SIGTERM, 32 clients, {workers} worker{'s' if workers > 1 else ''}"
        yield Measured("askpolicy", f"{name}: answered", tally.statuses[OK], "requests")
        yield Measured("askpolicy", f"{name}: accepted and not answered", tally.failed, "requests")
        yield Measured("askpolicy", f"{name}: ended after", took_s, "s")
