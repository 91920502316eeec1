"""Many clients at once, for `python -m eval endure`: their answers beside those of the least app, and who else waits.

A machine's speed drifts: the two are measured in turn, pair by pair, and compared within each.
"""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from eval.speed.clients import clients_asking
from eval.speed.load import Load
from eval.speed.measured import Measured
from eval.speed.plain_app import MINILM, has_minilm
from eval.speed.rivals import Served, served_askpolicy, served_plainly
from qa.reading.reader import NONE, SHIPPED

_CROWD, _FEWER = 300, 32
_PROBE_EVERY_S, _TIMEOUT_S = 0.02, 30.0


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two systems that are asked the same in turn, by so many clients at once."""

    ours: Served
    other: Served
    clients: int
    name: str
    called: str


def crowded(index: Path, asked: Sequence[bytes], *, seconds: float, pairs: int) -> Iterator[Measured]:
    """The figures of 300 clients, with the reader and without, and of 32 beside MiniLM alone.

    Args:
        seconds: how long each side of a pair is asked.
    """
    for reader in (NONE, SHIPPED):
        of = "without the reader" if reader == NONE else "with the reader"
        with served_askpolicy(index, "--reader", reader) as ours:
            with served_plainly(index, reader) as plain:
                pair = _Pair(ours, plain, _CROWD, f"{_CROWD} clients {of}", "a plain app")
                yield from _compared(pair, asked, seconds=seconds, pairs=pairs)
            if has_minilm():
                with served_plainly(index, MINILM) as minilm:
                    pair = _Pair(ours, minilm, _FEWER, f"{_FEWER} clients {of}", "MiniLM alone")
                    yield from _compared(pair, asked, seconds=seconds, pairs=pairs)


def _compared(pair: _Pair, asked: Sequence[bytes], *, seconds: float, pairs: int) -> Iterator[Measured]:
    ours, other, name = pair.ours, pair.other, pair.name
    for served in (ours, other):
        clients_asking(served.address, asked, pair.clients, seconds=seconds / 4)
    shares, waits_ms, turned_away, before_mb = [], list[float](), 0, ours.resident_mb
    for _ in range(pairs):
        with _probed(ours.address, waits_ms):
            of_ours = clients_asking(ours.address, asked, pair.clients, seconds=seconds)
        of_other = clients_asking(other.address, asked, pair.clients, seconds=seconds)
        turned_away += of_ours.failed + of_ours.refused
        shares.append(100 * of_ours.per_s / of_other.per_s)
    yield Measured("askpolicy", f"{name}: answers, the last", of_ours.per_s, "a second")
    yield Measured(pair.called, f"{name}: answers, the last", of_other.per_s, "a second")
    yield Measured("askpolicy", f"{name}: share of {pair.called}, median", statistics.median(shares), "%")
    yield Measured("askpolicy", f"{name}: refused or failed", turned_away, "requests")
    load = Load(tuple(waits_ms), seconds, 0)
    for percent in (50, 99):
        yield Measured("askpolicy", f"{name}: /healthz meanwhile, p{percent}", load.percentile_ms(percent), "ms")
    yield Measured("askpolicy", f"{name}: memory grown", ours.resident_mb - before_mb, "MB")


@contextmanager
def _probed(address: str, waits_ms: list[float]) -> Iterator[None]:
    """Ask /healthz now and then, over one connection, while the block runs."""
    ended = threading.Event()

    def probe() -> None:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_TIMEOUT_S)
        while not ended.wait(_PROBE_EVERY_S):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            waits_ms.append(1e3 * (time.perf_counter() - began))
        connection.close()

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
