"""Files become policies: decoded text, and what the header line says of it. It does not know passages.

Four of the five sample policies open with a line that names a domain, the day of the snapshot and
its address; other corpora put a company's name there, and some files have no such line at all.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from markdown_it.helpers import parseLinkDestination

from index.errors import EmptyPolicy, NotText, PolicyError, UnreadablePolicy

SUFFIXES = (".md", ".markdown", ".txt")
# A policy of 20 MB is none; the longest of 800 real ones has 0.5 MB.
MAX_BYTES = 20_000_000

_HEADER = re.compile(
    r"\A\ufeff?\s*>?\s*\*?The following text is extracted and transformed from the (?P<company>.{1,200}?) "
    r"(?P<kind>privacy (?:policy|notice|statement)|terms of (?:service|use)|terms and conditions|"
    r"(?:cookies?|data|security|children's privacy) policy|data processing (?:agreement|addendum)) "
    r"that was archived on (?P<day>\d{4}-\d{2}-\d{2})\.(?P<rest>[^\n]*)(?:\n|\Z)",
    re.IGNORECASE,
)
_HEADER_CHARS = 3_000
# What may stand between a link's address and its closing parenthesis: a title.
_LINK_END = re.compile(r"""\s*(?:"[^"]*"|'[^']*'|\([^()]*\))?\s*\)""")


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file as read, before its company is known; `named` is the header's company, if it has a header."""

    path: str
    text: str
    body_start: int
    named: str | None
    archived_on: date | None
    source_url: str | None


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
    if b"\0" in data:
        raise NotText(f"{path}: binary (a zero byte at {data.index(0)}); convert it to text in UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotText(
            f"{path}: not UTF-8 (byte 0x{data[error.start]:02x} at {error.start}); "
            f"convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8`"
        ) from error
    return parse_policy_text(text, path=str(path))


def parse_policy_text(text: str, *, path: str) -> PolicyFile:
    """What stands in the header line of `text`, and where the policy proper begins.

    Raises:
        EmptyPolicy: nothing but white space behind the header.
    """
    header = _HEADER.match(text[:_HEADER_CHARS])
    body_start = header.end() if header else (1 if text.startswith("\ufeff") else 0)
    if not text[body_start:].strip():
        raise EmptyPolicy(f"{path}: empty; put the policy's text into it or leave it out")
    if header is None:
        return PolicyFile(path, text, body_start, None, None, None)
    return PolicyFile(
        path, text, body_start, header["company"].strip(), _day(header["day"]), _linked_address(header["rest"])
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _linked_address(line: str) -> str | None:
    """The address of the first link in `line`, where it is one that a page may link to: `javascript:` is none.

    >>> _linked_address("See the [original](https://example.com/Acme_(company)) for more.")
    'https://example.com/Acme_(company)'
    """
    for opening in re.finditer(r"\]\(", line):
        found = parseLinkDestination(line, opening.end(), len(line))
        if found.ok and _LINK_END.match(line, found.pos):
            address = found.str
        else:  # no link to CommonMark, such as one whose parentheses do not balance
            address, closed, _ = line[opening.end() :].partition(")")
            if not closed or re.search(r"\s", address):
                continue
        return address if re.fullmatch(r"https?://[^\s/]+\.\S+", address, re.IGNORECASE) else None
    return None
