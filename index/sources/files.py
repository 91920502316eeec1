"""Policy files: found in folders, read and parsed; bad ones are named. It does not know whose they are."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from index.errors import NotText, PolicyError, UnreadablePolicy
from index.parsing.document import Document
from index.parsing.markdown import parse_markdown
from index.parsing.parse import parse

SUFFIXES = (".md", ".markdown", ".txt")
# A policy of 20 MB is none; the longest of 800 real ones has 0.5 MB.
MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file as read and parsed, before its company is known."""

    path: str
    document: Document

    @property
    def text(self) -> str:
        """The document's text."""
        return self.document.text

    @property
    def body_start(self) -> int:
        """Where the first block stands."""
        return self.document.blocks[0].start if self.document.blocks else 0

    @property
    def named(self) -> str | None:
        """The company that the file says it is of."""
        return self.document.metadata.company

    @property
    def archived_on(self) -> date | None:
        """The day that somebody fetched it."""
        return self.document.metadata.archived_on

    @property
    def source_url(self) -> str | None:
        """Where it was published, or its snapshot."""
        return self.document.metadata.address


def policy_paths(paths: Iterable[Path]) -> Iterator[Path | PolicyError]:
    """The policy files among `paths` and in their folders, in sorted order, each real file once.

    A path that does not exist comes as the error that says so; links that lead in a circle end there.
    """
    seen: set[str] = set()
    for path in paths:
        if not path.exists():
            yield UnreadablePolicy(f"{path}: there is no such file or folder; check the path")
        elif path.is_dir():
            yield from _walk(path, seen)
        elif _first_time(path, seen):
            yield path


def _walk(folder: Path, seen: set[str]) -> Iterator[Path | PolicyError]:
    errors: list[OSError] = []
    entered: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True, onerror=errors.append):
        real = os.path.realpath(where)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where) / name
            if name.lower().endswith(SUFFIXES) and not name.startswith(".") and _first_time(path, seen):
                yield path
    for error in errors:
        yield UnreadablePolicy(f"{error.filename}: {error.strerror}; make the folder readable or leave it out")


def _first_time(path: Path, seen: set[str]) -> bool:
    real = os.path.realpath(path)
    if real in seen:
        return False
    seen.add(real)
    return True


def read_policy_file(path: Path) -> PolicyFile:
    """The file at `path`, decoded, with what its header line says.

    Raises:
        UnreadablePolicy: missing, no regular file, or may not be read.
        NotText: binary, too large to be a policy, or not UTF-8.
        EmptyPolicy: nothing but white space behind the header.
    """
    try:
        kind = path.stat()
        if not stat.S_ISREG(kind.st_mode):
            raise UnreadablePolicy(f"{path}: not a regular file; give files and folders of .md or .txt")
        if kind.st_size > MAX_BYTES:
            raise NotText(f"{path}: {kind.st_size:,} bytes, more than the {MAX_BYTES:,} a policy may have; split it")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadablePolicy(f"{path}: {error.strerror}; make the file readable or leave it out") from error
    return PolicyFile(str(path), parse(data, path=str(path)))


def parse_policy_text(text: str, *, path: str) -> PolicyFile:
    """Markdown or plain text as a file of it would be read.

    Raises:
        EmptyPolicy: nothing but white space behind the header.
    """
    return PolicyFile(path, parse_markdown(text.encode(), path=path))
