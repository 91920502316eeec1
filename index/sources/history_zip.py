"""A dataset of Open Terms Archive is read: a zip of `name/Service/Document type/2021-08-01T01-03-12Z.md`.

The engine's export names each version's file after the second in UTC that it was fetched, beside a README and a
LICENSE.
It tells neither commits nor deletions nor which versions are technical. Nothing is unpacked to disk.
"""

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from index.errors import HistoryError
from index.sources.files import MAX_BYTES
from index.sources.history_versions import SUFFIXES, Account, Event, Outcome, is_safe, named

# What a file may unpack to: real ones of 20 archives stay under 30 times, and deflate ends at 1,032.
MAX_RATIO = 200
_RATIO_COUNTS_FROM_BYTES = 1_000_000
MAX_TOTAL_BYTES = 16_000_000_000
MAX_FILES = 1_000_000
_MAX_PROBLEMS = 1_000
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)(?:T|--)(\d\d)-(\d\d)-(\d\d)(?:-\d+)?Z?")
_DATED_PARTS = 3


class ZipContents:
    """The files of a dataset, by their number in it."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except UnicodeDecodeError as error:
            raise HistoryError(f"{path}: a file name in it is not the UTF-8 it claims to be; pack it anew") from error
        except (*_DAMAGE, NotImplementedError) as error:
            raise HistoryError(f"{path}: no whole zip file ({error}); download it again") from error
        self.files = self._zip.infolist()
        if len(self.files) > MAX_FILES:
            self.close()
            raise HistoryError(f"{path}: {len(self.files):,} files, more than the {MAX_FILES:,} a dataset may have")

    def read(self, place: str) -> bytes:
        """The bytes of the file number `place`; never more than its entry declares."""
        file = self.files[int(place)]
        try:
            return self._zip.read(file)
        except (*_DAMAGE, NotImplementedError) as error:
            raise HistoryError(f"{file.filename}: damaged in its zip ({error}); download it again") from error

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


@dataclass(slots=True)
class ZipReading:
    """What reading a dataset gave."""

    events: list[Event] = field(default_factory=list)
    account: Account = field(default_factory=lambda: Account("files"))
    problems: list[HistoryError] = field(default_factory=list)
    root_files: dict[str, bytes] = field(default_factory=dict)


def read_dataset(contents: ZipContents) -> ZipReading:
    """Every file of a dataset, each counted once; folders are none."""
    reading = ZipReading()
    total = 0
    for number, file in enumerate(contents.files):
        if file.is_dir():
            continue
        total += file.file_size
        try:
            path = _checked_path(file, total)
            outcome = _read(reading, contents, number, path)
        except HistoryError as error:
            outcome = Outcome.UNREADABLE
            if len(reading.problems) < _MAX_PROBLEMS:
                reading.problems.append(error)
        reading.account.add([outcome], otherwise=outcome)
    return reading


def _read(reading: ZipReading, contents: ZipContents, number: int, path: str) -> Outcome:
    parts = path.split("/")
    stamp = _moment(parts[-1])
    if len(parts) < _DATED_PARTS or len(parts) > _DATED_PARTS + 1 or stamp is None:
        reading.account.other_paths[path] += 1
        if len(parts) <= _DATED_PARTS - 1:
            reading.root_files.setdefault(parts[-1], contents.read(str(number)))
        return Outcome.NOT_A_DOCUMENT
    data = contents.read(str(number))
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    name = named(parts[-3], parts[-2])
    reading.events.append(Event(name, path, stamp, number, "", blob, technical=False, place=str(number)))
    return Outcome.VERSION


def _checked_path(file: zipfile.ZipInfo, total: int) -> str:
    """The path of `file`.

    Raises:
        HistoryError: it must not be read, and why.
    """
    shown = file.filename[:200]
    path = file.filename
    if not file.flag_bits & _UTF8 and not path.isascii():
        try:
            path = path.encode("cp437").decode("utf-8")
        except UnicodeError as error:
            raise HistoryError(f"{shown!r}: its name is not UTF-8; left out") from error
    if not is_safe(path):
        raise HistoryError(f"{shown!r}: a path that climbs out, is too long or has control characters; left out")
    if stat.S_ISLNK(file.external_attr >> 16):
        raise HistoryError(f"{shown}: a link; left out")
    for reason in _excess(file, total):
        raise HistoryError(f"{shown}: {reason}; left out")
    return path


def _excess(file: zipfile.ZipInfo, total: int) -> Iterator[str]:
    if file.flag_bits & _ENCRYPTED:
        yield "encrypted"
    if file.file_size > MAX_BYTES:
        yield f"{file.file_size:,} bytes, more than the {MAX_BYTES:,} a policy may have"
    if file.file_size > _RATIO_COUNTS_FROM_BYTES and file.file_size > MAX_RATIO * max(file.compress_size, 1):
        yield f"unpacks to over {MAX_RATIO} times its size, as no text does"
    if total > MAX_TOTAL_BYTES:
        yield f"the files before it unpack to over {MAX_TOTAL_BYTES:,} bytes"


def _moment(file_name: str) -> datetime | None:
    """When the version in a file of this name was fetched.

    >>> _moment("2021-08-01T01-03-12Z.md")
    datetime.datetime(2021, 8, 1, 1, 3, 12, tzinfo=datetime.timezone.utc)
    >>> _moment("README.md"), _moment("2021-02-31T00-00-00Z.md")
    (None, None)
    """
    stem, _, ending = file_name.rpartition(".")
    found = _STAMP.fullmatch(stem)
    if not found or f".{ending.lower()}" not in SUFFIXES:
        return None
    day, hour, minute, second = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}").replace(tzinfo=UTC)
    except ValueError:
        return None
