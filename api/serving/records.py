"""Records of an index as they are sent: made once, one at a time in a thread, and kept within a bound.

It does not know what they say.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from pydantic import BaseModel

from api.serving.admission import TookTooLong
from api.wire.representation import Representation

_MOST_KEPT_BYTES = 32 * 1024 * 1024


T = TypeVar("T")


class Runner(Protocol):
    """Where the work of making a record is done: an `Admission`, or `Aside`."""

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns."""
        ...


class Aside:
    """A thread of its own for what takes longer than an answer may: nobody's answer waits for it."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, however long it takes; whoever waits gives up alone."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class Records:
    """Keeps what was sent last, and lets nobody wait for work that is under way twice.

    The interpreter makes one record at a time however many threads there are: with several, the event loop waits for
    each of them.
    """

    def __init__(self, runner: Runner, *, timeout_s: float, most_kept_bytes: int = _MOST_KEPT_BYTES) -> None:
        """`timeout_s`: for each record, waiting included."""
        self._runner, self._timeout_s, self._most = runner, timeout_s, most_kept_bytes
        self._kept: OrderedDict[str, Representation] = OrderedDict()
        self._size = 0
        self._making: dict[str, asyncio.Task[Representation]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def get(
        self, tag: str, make: Callable[[], BaseModel | bytes], *, media_type: str = "application/json"
    ) -> Representation:
        """What `make` returns, a model as JSON, or what it returned when it was last asked for by `tag`.

        Raises:
            Busy, TookTooLong: as `Admission.run`; and what `make` raises.
        """
        if tag in self._kept:
            self._kept.move_to_end(tag)
            return self._kept[tag]
        making = self._making.get(tag)
        if making is None:
            making = self._making[tag] = asyncio.create_task(self._make(tag, make, media_type))
            making.add_done_callback(lambda done: self._made(tag, done))
        # whoever leaves must not take it from the others that wait for it
        return await asyncio.shield(making)

    async def _make(self, tag: str, make: Callable[[], BaseModel | bytes], media_type: str) -> Representation:
        def made() -> Representation:
            found = make()
            body = found if isinstance(found, bytes) else found.model_dump_json().encode()
            return Representation.of(body, media_type=media_type, tag=tag)

        try:
            async with asyncio.timeout(self._timeout_s):
                await self._one_at_a_time.acquire()
        except TimeoutError as error:
            raise TookTooLong(self._timeout_s, retry_after_s=1) from error
        try:
            return await self._runner.run(made)
        finally:
            self._one_at_a_time.release()

    def _made(self, tag: str, done: "asyncio.Task[Representation]") -> None:
        del self._making[tag]
        # asked for, or an error that nobody waits for any longer would be logged as a mistake of ours
        if done.cancelled() or done.exception() is not None or done.result().size > self._most:
            return
        self._kept[tag] = done.result()
        self._size += done.result().size
        while self._size > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size
