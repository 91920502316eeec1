"""Questions asked one after another, or by many clients at once over HTTP, and how long each took."""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

import numpy as np

_TIMEOUT_S = 60.0
OK = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What came of asking.

    Attributes:
        took_ms: of each answered question.
        wall_s: of all of them.
        failed: how many got no answer, or another status than 200.
    """

    took_ms: tuple[float, ...]
    wall_s: float
    failed: int

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return len(self.took_ms) / self.wall_s

    def percentile_ms(self, percent: float) -> float:
        """The time within which `percent` of a hundred answers came."""
        return float(np.percentile(self.took_ms, percent)) if self.took_ms else float("nan")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `method`, `path` with query, and a JSON `body`, if it has one."""

    method: str
    path: str
    body: bytes | None = None


def asked_in_turn(ask: Callable[[str], object], questions: Sequence[str], *, seconds: float) -> Load:
    """`questions` over and over for some `seconds`, one after another; the first round is not counted."""
    for question in questions[:20]:
        ask(question)
    took = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for question in questions:
            start = time.perf_counter()
            ask(question)
            took.append((time.perf_counter() - start) * 1e3)
            if time.perf_counter() - began >= seconds:
                break
    return Load(tuple(took), time.perf_counter() - began, failed=0)


def asked_by_many(address: str, requests: Sequence[Request], *, clients: int, seconds: float) -> Load:
    """`requests` over and over for some `seconds` by `clients` at once, each over a connection that stays open."""
    host = urlsplit(address).netloc
    numbers, lock = count(), threading.Lock()
    took: list[float] = []
    failures: list[str] = []
    stop_at = time.perf_counter() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
        while time.perf_counter() < stop_at:
            with lock:
                request = requests[next(numbers) % len(requests)]
            start = time.perf_counter()
            try:
                headers = {"Content-Type": "application/json"} if request.body is not None else {}
                connection.request(request.method, request.path, body=request.body, headers=headers)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                failures.append(str(error))
                connection.close()
                continue
            if response.status == OK:
                took.append((time.perf_counter() - start) * 1e3)
            else:
                failures.append(str(response.status))
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(tuple(took), time.perf_counter() - began, len(failures))
