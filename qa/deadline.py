"""By when an answer must be there: passed down, so that nobody works on for a caller who has gone."""

import threading
import time
from dataclasses import dataclass, field

from index.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on `time.monotonic`'s clock, in seconds; None never comes. It comes early once it is cancelled."""

    at_s: float | None = None
    _cancelled: threading.Event | None = field(default=None, repr=False, compare=False)

    @classmethod
    def after(cls, timeout_s: float) -> "Deadline":
        """The one so many seconds from now."""
        return cls(time.monotonic() + timeout_s, threading.Event())

    def cancel(self) -> None:
        """Nobody waits any longer: let the next check raise, in whatever thread.

        Raises:
            ValueError: it is one that never comes, which callers share.
        """
        if self._cancelled is None:
            raise ValueError("NO_DEADLINE cannot be cancelled; pass Deadline.after(seconds)")
        self._cancelled.set()

    def share(self, part: float) -> "Deadline":
        """One that leaves so much of the time that is left, in (0, 1]."""
        if self.at_s is None:
            return self
        now = time.monotonic()
        return Deadline(now + part * (self.at_s - now), self._cancelled)

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            DeadlineExceeded: it has passed, or was cancelled.
        """
        cancelled = self._cancelled is not None and self._cancelled.is_set()
        if cancelled or (self.at_s is not None and time.monotonic() > self.at_s):
            raise DeadlineExceeded


NO_DEADLINE = Deadline()
