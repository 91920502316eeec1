"""How long each stage of answering takes, for whoever asks; it costs next to nothing where nobody does.

`recorded()` is opened around one question by the caller, `stage(name)` around each stage by the code that does it.
No stage is inside another. Threads and tasks do not see each other's.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage once: `began_ns` is in nanoseconds since 1970."""

    name: str
    began_ns: int
    took_ms: float


@dataclass(slots=True)
class Recording:
    """The stages of one question, in order; one name may come several times."""

    stages: list[Stage] = field(default_factory=list)

    @property
    def total_ms(self) -> dict[str, float]:
        """Milliseconds by name."""
        totals: dict[str, float] = {}
        for each in self.stages:
            totals[each.name] = totals.get(each.name, 0.0) + each.took_ms
        return totals


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recorded() -> Iterator[Recording]:
    """The stages, filled while the block runs.

    >>> with recorded() as recording:
    ...     with stage("embed"):
    ...         pass
    >>> list(recording.total_ms)
    ['embed']
    """
    recording = Recording()
    token = _recording.set(recording)
    try:
        yield recording
    finally:
        _recording.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Adds the block to the stages, if somebody records."""
    recording = _recording.get()
    if recording is None:
        yield
        return
    began_ns, began = time.time_ns(), time.perf_counter()
    try:
        yield
    finally:
        recording.stages.append(Stage(name, began_ns, (time.perf_counter() - began) * 1_000))
