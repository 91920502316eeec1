"""By when an answer must be there: passed down, so that nobody works on for a caller who has gone."""

import time
from dataclasses import dataclass

from index.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on `time.monotonic`'s clock, in seconds; None never comes."""

    at_s: float | None = None

    @classmethod
    def after(cls, timeout_s: float) -> "Deadline":
        """The one so many seconds from now."""
        return cls(time.monotonic() + timeout_s)

    def share(self, part: float) -> "Deadline":
        """One that leaves so much of the time that is left, in (0, 1]."""
        if self.at_s is None:
            return self
        now = time.monotonic()
        return Deadline(now + part * (self.at_s - now))

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            DeadlineExceeded: it has passed.
        """
        if self.at_s is not None and time.monotonic() > self.at_s:
            raise DeadlineExceeded


NO_DEADLINE = Deadline()
