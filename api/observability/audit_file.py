"""A file of JSON lines that several processes append to: rotated by size, or by whoever moves or empties it.

A line is appended by one write, which the system does as a whole, so that no process waits for another; only who
rotates takes a lock, and nobody waits for it. It does not know what the lines say.
"""

import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from api.observability.logs import log
from api.observability.metrics import Metrics
from api.settings import BadSetting

_TELL_EVERY_S = 60.0


class AuditFile:
    """Appends lines from one thread. What cannot be written is counted, and told in the log and in the file itself."""

    def __init__(self, path: Path, *, max_bytes: int, files: int, metrics: Metrics) -> None:
        """Open `path`, and begin with a line that tells so.

        Args:
            max_bytes: beyond, the file becomes PATH.1, that becomes PATH.2, and so on; 0: never.
            files: so many are kept beside it.
        Raises:
            BadSetting: it cannot be written.
        """
        self._path, self._max_bytes, self._files, self._metrics = path, max_bytes, files, metrics
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._handle, self._inode = -1, (0, 0)
        self._is_torn, self._missed, self._told_at = False, 0, 0.0
        try:
            self._open()
            self._append({"event": "opened", "pid": os.getpid()})
        except OSError as error:
            raise BadSetting(
                f"audit_log is {path}, which cannot be written ({error.strerror or error}): give a file in a folder "
                f"that this user may write, on a disk that has space"
            ) from error

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append `entry`, after the time; a failure is not raised, since whoever asked has been answered."""
        try:
            self._follow()
            if self._missed:
                self._append({"event": "missed", "lines": self._missed})
                log.warning("audit_log_mended", file=str(self._path), missed=self._missed)
                self._missed = 0
            self._append(entry)
        except OSError as error:
            self._missed += 1
            self._metrics.audit_missed()
            self._tell(error)

    def end(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.end()
        found = os.fstat(handle)
        self._handle, self._inode, self._is_torn = handle, (found.st_dev, found.st_ino), False

    def _append(self, entry: Mapping[str, Any]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": moment, **entry}, separators=(",", ":")).encode() + b"\n"
        if self._is_torn:
            line = b"\n" + line
        written = os.write(self._handle, line)
        # of a disk that gets full, some bytes may have been left
        self._is_torn = written < len(line)
        if self._is_torn:
            raise OSError(f"{written} of {len(line)} bytes were written; the disk may be full")

    def _follow(self) -> None:
        """Open the file again where it was moved or removed, and move it where it is full."""
        found = self._look()
        if self._is_full(found):
            try:
                with self._lock.acquire(blocking=False):
                    # another process may have done it in the meantime
                    if self._is_full(self._look()):
                        self._rotate()
            except Timeout:
                return  # another one does it now: this line goes where the ones before it are
            except OSError as error:
                self._tell(error)
            found = self._look()
        if found is None or (found.st_dev, found.st_ino) != self._inode:
            self._open()

    def _look(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def _is_full(self, found: os.stat_result | None) -> bool:
        full = found is not None and 0 < self._max_bytes <= found.st_size
        return full and found is not None and stat.S_ISREG(found.st_mode)

    def _rotate(self) -> None:
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._files + 1))]
        for newer, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                newer.replace(older)

    def _tell(self, error: OSError) -> None:
        now = time.monotonic()
        if not self._told_at or now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            log.error("audit_log_failed", file=str(self._path), why=error.strerror or str(error), missed=self._missed)
