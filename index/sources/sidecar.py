"""Sidecars: what is known of a policy's file and does not stand in it, in TOML beside it.

`privacy.html` has the sidecar `privacy.html.meta.toml`. `askpolicy fetch` writes one with where and when a snapshot was
taken; a person may write one for any policy's file, or add to one. Every field may be left out. It does not know HTTP.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path

import tomli_w
from rapidfuzz import process

from index.errors import SidecarError

SIDECAR_SUFFIX = ".meta.toml"
# A sidecar that people and `fetch` write has less than 2,000.
_MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What is known of a policy's file; None where nothing is said.

    Attributes:
        address: the address that was asked for; http or https, as is `final_address`.
        final_address: the address that answered, after redirects.
        fetched_at: when, with its time zone.
        status: the HTTP status of the answer.
        content_type, content_language, etag, last_modified: the headers of that name.
        sha256: of the bytes as fetched, in hexadecimal.
        company: whose document it is, by id, domain or name.
        document_type: such as "Privacy Policy".
        language: a BCP 47 tag.
        archived_on: the day of the snapshot, where `fetched_at` is not that.
        effective_on: the day from which the document holds.
        licence, attribution: under which terms it may be passed on, and whom to name.
    """

    address: str | None = None
    final_address: str | None = None
    fetched_at: datetime | None = None
    status: int | None = None
    content_type: str | None = None
    content_language: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    company: str | None = None
    document_type: str | None = None
    title: str | None = None
    language: str | None = None
    archived_on: date | None = None
    effective_on: date | None = None
    licence: str | None = None
    attribution: str | None = None

    @property
    def day(self) -> date | None:
        """The day of the snapshot: `archived_on`, or else the day of `fetched_at`."""
        return self.archived_on or (self.fetched_at.date() if self.fetched_at else None)


def sidecar_path(policy_file: Path) -> Path:
    """Where the sidecar of `policy_file` lies, if it has one.

    >>> sidecar_path(Path("acme/privacy.html")).as_posix()
    'acme/privacy.html.meta.toml'
    """
    return policy_file.with_name(policy_file.name + SIDECAR_SUFFIX)


def is_sidecar(path: Path) -> bool:
    """Whether `path` is named as a sidecar, and so is no policy."""
    return path.name.lower().endswith(SIDECAR_SUFFIX)


def read_sidecar(policy_file: Path) -> Sidecar | None:
    """The sidecar of `policy_file`; None if it has none.

    Raises:
        SidecarError: it cannot be read, is not TOML, or has an unknown field or one that cannot be.
    """
    path = sidecar_path(policy_file)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SidecarError(f"{path}: {error.strerror}; make the sidecar readable or remove it") from error
    if len(data) > _MAX_BYTES:
        raise SidecarError(f"{path}: more than the {_MAX_BYTES:,} bytes a sidecar may have; expected a few lines")
    try:
        entries = tomllib.loads(data.decode("utf-8-sig"))
    # arrays nested a thousand deep are a RecursionError
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SidecarError(f'{path}: not TOML ({error}); expected lines such as company = "Example"') from error
    for name, value in entries.items():
        if name not in _FIELDS:
            nearest = process.extractOne(name, list(_FIELDS))
            raise SidecarError(
                f"{path}: unknown field {name!r}; did you mean {nearest[0]}? The fields are {', '.join(_FIELDS)}"
            )
        expected = _FIELDS[name]
        if not expected.holds(value):
            raise SidecarError(f"{path}: {name} is {value!r}; expected {expected.words}")
    return Sidecar(**entries)


def sidecar_text(sidecar: Sidecar) -> str:
    """`sidecar` as `read_sidecar` reads it."""
    values = {field.name: getattr(sidecar, field.name) for field in fields(sidecar)}
    return tomli_w.dumps({name: value for name, value in values.items() if value is not None})


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a field may be: in words, and whether a value is that."""

    words: str
    holds: Callable[[object], bool]


def _matching(pattern: str, words: str) -> _Expected:
    compiled = re.compile(pattern)
    return _Expected(words, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None)


_LINE = _matching(r"(?=.*\S)[^\x00-\x1f\x7f]{1,1000}", 'one line of text, such as "Example"')
_ADDRESS = _matching(
    r"(?i:https?)://[^\s/?#@]+(?:[/?#]\S*)?",
    'an http or https address without credentials, such as "https://example.com/privacy"',
)
_DAY = _Expected(
    "a day without quotes, such as 2026-03-01",
    lambda value: isinstance(value, date) and not isinstance(value, datetime),
)
_FIELDS = {
    "address": _ADDRESS,
    "final_address": _ADDRESS,
    "fetched_at": _Expected(
        "a time with its zone and without quotes, such as 2026-03-01T10:15:00Z",
        lambda value: isinstance(value, datetime) and value.tzinfo is not None,
    ),
    "status": _Expected(
        "an HTTP status, such as 200",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599,
    ),
    "content_type": _LINE,
    "content_language": _LINE,
    "etag": _LINE,
    "last_modified": _LINE,
    "sha256": _matching(r"[0-9a-f]{64}", "64 hexadecimal digits"),
    "company": _LINE,
    "document_type": _LINE,
    "title": _LINE,
    "language": _matching(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", 'a BCP 47 tag, such as "en" or "pt-BR"'),
    "archived_on": _DAY,
    "effective_on": _DAY,
    "licence": _LINE,
    "attribution": _LINE,
}
