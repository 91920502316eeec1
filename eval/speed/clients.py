"""Many clients at once over connections that stay open: as fast as they are answered, or at a constant rate."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast
from urllib.parse import urlsplit

from eval.speed.load import OK

# Refused on purpose: too many questions, or too many in a short time.
_DELIBERATE = (503, 429)
_TIMEOUT_S = 60.0
_STEADY_CONNECTIONS = 256
_HEAD = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
_LENGTH = re.compile(r"content-length: (\d+)", re.I)


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
    def refused(self) -> int:
        """How many were refused on purpose."""
        return sum(self.statuses[status] for status in _DELIBERATE)

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


def clients_asking(
    address: str, asked: Sequence[bytes], clients: int, *, seconds: float = 3_600.0, questions: int = 10**9
) -> Tally:
    """`clients` ask one question after another, for some `seconds` or until `questions` are asked."""
    numbers = count()

    def next_number(tally: Tally) -> int | None:
        number = next(numbers)
        return number if number < questions and time.perf_counter() - tally.began < seconds else None

    return asyncio.run(_loaded(address, asked, clients, next_number, per_s=None))


def steadily_asking(address: str, asked: Sequence[bytes], *, per_s: float, seconds: float) -> Tally:
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
