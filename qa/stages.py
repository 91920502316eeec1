"""How long each stage of answering takes, for whoever asks; it costs next to nothing where nobody does.

`recorded()` is opened around one question by the caller, `stage(name)` around each stage by the code that does it.
Stages of one name add up; none is inside another. Threads and tasks do not see each other's.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_recording: ContextVar[dict[str, float] | None] = ContextVar("recording", default=None)


@contextmanager
def recorded() -> Iterator[dict[str, float]]:
    """Milliseconds by stage, filled while the block runs.

    >>> with recorded() as stages_ms:
    ...     with stage("embed"):
    ...         pass
    >>> list(stages_ms)
    ['embed']
    """
    stages_ms: dict[str, float] = {}
    token = _recording.set(stages_ms)
    try:
        yield stages_ms
    finally:
        _recording.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Adds the time of the block to the stage called `name`, if somebody records."""
    stages_ms = _recording.get()
    if stages_ms is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        stages_ms[name] = stages_ms.get(name, 0.0) + (time.perf_counter() - began) * 1000
