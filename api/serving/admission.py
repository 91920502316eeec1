"""Who is answered now, who waits, and who is told at once that the queue is full. It does not know what is asked.

Work runs in daemon threads of its own: a thread that hangs keeps its place, so that no more run than there are
threads, and keeps no process from ending.
"""

import asyncio
import contextvars
import math
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from api.observability.metrics import Metrics
from index.errors import DeadlineExceeded

T = TypeVar("T")

# How much a new duration counts in the mean that Retry-After is told from.
_WEIGHT, _FIRST_MEAN_S = 0.1, 0.02
_LONGEST_RETRY_S = 30


class Busy(Exception):
    """Whoever came now would not be answered in time."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the queue is full; retry in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class TookTooLong(Exception):
    """There was no answer in time."""

    def __init__(self, timeout_s: float, retry_after_s: int) -> None:
        super().__init__(f"there was no answer within {timeout_s:g} s; ask again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Work:
    """What a thread is to do, and where it tells what came of it."""

    run: Callable[[], object]
    future: "Future[object]"
    queued_at: float


class Admission:
    """Threads that answer, and a bounded queue before them. All its methods belong to one event loop."""

    def __init__(self, *, running: int, waiting: int, timeout_s: float, metrics: Metrics) -> None:
        """At most `running` at once, and `timeout_s` seconds for each, waiting included.

        Args:
            waiting: at most so many wait; 0: as many as are answered in time, by how long the last ones took.
        """
        self._running, self._waiting, self._timeout_s, self._metrics = running, waiting, timeout_s, metrics
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._admitted = 0
        self._counting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._mean_s = _FIRST_MEAN_S

    def _check(self) -> None:
        waiting = self._admitted - self._running
        # the first that waits is always let in, however long the last ones took
        full = waiting >= self._waiting if self._waiting else waiting > 0 and self._wait_s() >= self._timeout_s
        if full:
            self._metrics.refused("busy")
            raise Busy(self._retry_after_s)

    @property
    def _retry_after_s(self) -> int:
        return min(_LONGEST_RETRY_S, max(1, math.ceil(self._wait_s())))

    def _wait_s(self) -> float:
        """Seconds until those who wait now are answered, as long as the last ones took."""
        return self._admitted * self._mean_s / self._running

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, from a thread; its context is the caller's.

        Raises:
            Busy: the queue is full.
            TookTooLong: it did not end in time; if it is under way, it keeps its thread until it ends.
        """
        future = self._submit(work)
        with self._in_time(asyncio.timeout(self._timeout_s)) as limit:
            async with limit:
                return await asyncio.wrap_future(future)

    async def iterate(self, steps: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """What the iterator of `steps` yields, each as soon as it does; errors as `run` and as the iterator raise."""
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[T | None] = asyncio.Queue()
        given_up = threading.Event()
        future = self._submit(
            partial(_tell_all, steps, lambda step: loop.call_soon_threadsafe(told.put_nowait, step), given_up)
        )
        # The error of a client that leaves keeps this frame until the garbage collector comes by: it must not keep an
        # exchanged index with it.
        del steps
        waiting = asyncio.wrap_future(future)
        waiting.add_done_callback(lambda _: told.put_nowait(None))
        until = loop.time() + self._timeout_s
        try:
            while True:
                # not around the yield: that would interrupt whoever takes the step
                with self._in_time(asyncio.timeout_at(until)) as limit:
                    async with limit:
                        step = await told.get()
                if step is None:
                    break
                yield step
            with self._in_time(asyncio.timeout_at(until)):
                await waiting
        finally:
            given_up.set()
            waiting.cancel()
            # so would the error of work that was stopped in the middle
            del future, waiting

    @contextmanager
    def _in_time(self, limit: asyncio.Timeout) -> Iterator[asyncio.Timeout]:
        """`limit`; a timeout, its own or the work's deadline, becomes `TookTooLong`; other errors pass."""
        try:
            yield limit
        except (TimeoutError, DeadlineExceeded) as error:
            if isinstance(error, TimeoutError) and not limit.expired():
                raise
            self._metrics.refused("took-too-long")
            raise TookTooLong(self._timeout_s, self._retry_after_s) from error

    def _submit(self, work: Callable[[], T]) -> "Future[T]":
        self._check()
        while len(self._threads) < min(self._running, self._admitted + 1):
            self._threads.append(threading.Thread(target=self._serve, name="answering", daemon=True))
            self._threads[-1].start()
        future: Future[T] = Future()
        context = contextvars.copy_context()
        self._count(1)
        future.add_done_callback(lambda _: self._count(-1))
        self._work.put(_Work(lambda: context.run(work), future, time.perf_counter()))  # type: ignore[arg-type]
        return future

    def _serve(self) -> None:
        while True:
            work = self._work.get()
            # who has gone away in the meantime is not answered
            if not work.future.set_running_or_notify_cancel():
                continue
            began = time.perf_counter()
            self._metrics.staged({"wait": 1_000 * (began - work.queued_at)})
            try:
                result = work.run()
            except BaseException as error:  # noqa: BLE001 - whoever waits must be told, whatever it is
                work.future.set_exception(error)
            else:
                work.future.set_result(result)
            self._mean_s += _WEIGHT * (time.perf_counter() - began - self._mean_s)
            del work

    def _count(self, change: int) -> None:
        with self._counting:
            self._admitted += change
            running = min(self._admitted, self._running)
            self._metrics.queued(running=running, waiting=self._admitted - running)


def _tell_all(steps: Callable[[], Iterator[T]], tell: Callable[[T], object], given_up: threading.Event) -> None:
    """Tell each of `steps` as it comes, until nobody wants more."""
    for step in steps():
        if given_up.is_set():
            return
        tell(step)
