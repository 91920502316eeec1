"""The journal of a long comparison: its cells as they are found, so that a run that was stopped can go on.

JSON lines; the first tells what is compared with what, and a journal of anything else is refused. It stands beside the
file that is written, until that is whole.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import ValidationError

from api.wire.comparison import CellOut
from index.errors import AskPolicyError

_FORMAT = 1
_SUFFIX = ".journal.jsonl"


class JournalError(AskPolicyError):
    """A journal that belongs to another run, is in use, or should have been resumed."""


class Journal:
    """The cells that are known, in memory and on disk. One process at a time."""

    def __init__(self, out: Path, run: Mapping[str, Any], *, resume: bool) -> None:
        """Open the journal of the file `out`.

        Args:
            run: what makes the cells: index version, questions, companies, settings; JSON.
            resume: take over the cells that are there.
        Raises:
            JournalError: another process writes it; it holds cells and `resume` is not asked for, or is of another run.
        """
        self.path = out.with_name(out.name + _SUFFIX)
        self._lock = FileLock(f"{self.path}.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise JournalError(
                f"{self.path}: another process is writing it; wait for it, or give another --out"
            ) from error
        self.cells: dict[tuple[str, str], CellOut] = {}
        header = {"format": _FORMAT, **json.loads(json.dumps(run))}
        try:
            whole = self._read(header, resume=resume)
            self._file = self.path.open("r+b" if whole else "wb")
            self._file.truncate(whole)
            self._file.seek(whole)
            if not whole:
                self._write(json.dumps({"comparison": header}, ensure_ascii=False))
        except BaseException:
            self._lock.release()
            raise

    def _read(self, header: Mapping[str, Any], *, resume: bool) -> int:
        """Take the cells that are there; how many bytes of the file are whole lines."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return 0
        whole = content.rfind(b"\n") + 1  # a process that was killed may have left half a line
        lines = content[:whole].split(b"\n")[:-1]
        if not lines:
            return 0
        if not resume:
            raise JournalError(
                f"{self.path} holds {len(lines) - 1:,} cells of a run that was stopped: give --resume to go on "
                f"with it, or delete it"
            )
        try:
            before = json.loads(lines[0])["comparison"]
            cells = [CellOut.model_validate_json(line) for line in lines[1:]]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise JournalError(
                f"{self.path}: no journal of a comparison, or damaged; delete it to begin anew"
            ) from error
        differs = sorted(name for name in {*before, *header} if before.get(name) != header.get(name))
        if differs:
            raise JournalError(
                f"{self.path} is of another run ({', '.join(name.replace('_', ' ') for name in differs)} differ): give "
                f"what was given then, or delete it to begin anew"
            )
        self.cells = {cell.key: cell for cell in cells}
        return whole

    def add(self, cell: CellOut) -> None:
        """Keep `cell`."""
        self._write(cell.model_dump_json())
        self.cells[cell.key] = cell

    def _write(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def delete(self) -> None:
        """Remove it: what it is for is whole."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; the cells stay on disk."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()
        self._lock.release()
