"""What an archive of documents' histories holds: versions, documents, renames, and an account of every commit."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol, Self

from index.errors import HistoryError

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf", ".docx")
# Files of the archive itself, at any depth; Open Terms Archive has no document type of such a name.
_OWN_FILES = {"readme", "license", "licence", "changelog", "contributing"}
_SOURCE_MARK = " #"
_UNSAFE_PARTS = {"", ".", "..", ".git"}
MAX_PATH_CHARS = 1_000


class Outcome(StrEnum):
    """What became of a commit, or of one change in it; a commit counts as the first of these that its changes hold."""

    VERSION = "version"
    TECHNICAL = "technical change"
    RENAME = "rename"
    DELETION = "deletion"
    NOT_A_DOCUMENT = "not a document"
    UNREADABLE = "unreadable"
    MERGE = "merge"
    EMPTY = "no change"


class DocumentName(NamedTuple):
    """Which document: `Service/Document type #source`."""

    service: str
    document_type: str
    source: str | None

    def __str__(self) -> str:
        """As its path shows it, without the ending."""
        return f"{self.service}/{self.document_type}" + (f"{_SOURCE_MARK}{self.source}" if self.source else "")


class Contents(Protocol):
    """Where the bytes of versions are read from, one at a time."""

    def read(self, place: str) -> bytes:
        """The bytes that the archive keeps at `place`.

        Raises:
            HistoryError: they are missing, damaged or too many.
        """
        ...

    def close(self) -> None:
        """Let go of the archive's files; nothing can be read afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class HistoryVersion:
    """One version of one document.

    Attributes:
        service, document_type, source: see `DocumentName`.
        path: in the archive.
        fetched_at: the author date, in UTC.
        number: its place among all events of the archive by author date, ties by topology.
        commit: empty in a dataset, which does not tell it.
        blob: git's id of the bytes; equal for equal bytes, in a repository and in a dataset.
        technical: a change of the archive's own tools, not the company's. A dataset does not tell.
        ended_on: the day that the document was taken out of the archive, if nothing came after this version.
        place: where `contents` keeps the bytes.
    """

    service: str
    document_type: str
    source: str | None
    path: str
    fetched_at: datetime
    number: int
    commit: str
    blob: str
    technical: bool
    ended_on: date | None = None
    place: str = field(default="", repr=False, compare=False)
    contents: Contents | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> DocumentName:
        """The document that this is a version of."""
        return DocumentName(self.service, self.document_type, self.source)

    @property
    def day(self) -> date:
        """The day in UTC that it was fetched."""
        return self.fetched_at.date()

    def read(self) -> bytes:
        """Its bytes, read from the archive anew each time.

        Raises:
            HistoryError: they are missing, damaged or too many, or the archive is closed.
        """
        if self.contents is None:
            raise HistoryError(f"{self.path}: this version came without its archive; open the archive again")
        return self.contents.read(self.place)


@dataclass(frozen=True, slots=True)
class HistoryDocument:
    """A document and all its versions, in order; `ended_on` where the archive took it out and it never came back."""

    name: DocumentName
    versions: tuple[HistoryVersion, ...]
    predecessor: DocumentName | None = None
    successor: DocumentName | None = None

    @property
    def ended_on(self) -> date | None:
        """The day on which it left the archive for good."""
        return self.versions[-1].ended_on


@dataclass(frozen=True, slots=True)
class Rename:
    """A document that went on under another name from `day` on.

    Attributes:
        similarity: the share of the texts that is the same, in [0, 1].
        in_one_commit: one path ended and the other began in the same commit, as `git mv` does.
    """

    old: DocumentName
    new: DocumentName
    day: date
    similarity: float
    in_one_commit: bool


@dataclass(frozen=True, slots=True)
class Licence:
    """Under which terms the archive may be passed on: its usual name and its whole text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """A document got other bytes, or went: what a reader of an archive finds; `blob` is `None` where it went."""

    name: DocumentName
    path: str
    at: datetime
    order: int
    commit: str
    blob: str | None
    technical: bool
    place: str = ""


@dataclass(slots=True)
class Account:
    """What became of each commit of a repository, or of each file of a dataset.

    Attributes:
        unit: "commits" or "files".
        commits: each unit once.
        changes: each change of each unit; a commit may hold several.
        other_paths: how often what is no document changed, by path.
    """

    unit: str
    commits: Counter[Outcome] = field(default_factory=Counter)
    changes: Counter[Outcome] = field(default_factory=Counter)
    other_paths: Counter[str] = field(default_factory=Counter)

    def add(self, changes: Iterable[Outcome], *, otherwise: Outcome) -> None:
        """Count one unit with its `changes`; it is `otherwise` where it has none."""
        found = Counter(changes)
        self.changes.update(found)
        self.commits[next((outcome for outcome in Outcome if found[outcome]), otherwise)] += 1


@dataclass(frozen=True, slots=True)
class History:
    """An archive, listed: every version of every document, whose bytes are read one at a time.

    Attributes:
        title: the first heading of its README, or the name of its file or folder.
        attribution: whom to name where a text of it is shown.
        documents: sorted by name.
        problems: what could not be read, or was left out, each with its reason.
    """

    title: str
    licence: Licence | None
    attribution: str
    documents: tuple[HistoryDocument, ...]
    renames: tuple[Rename, ...]
    account: Account
    problems: tuple[HistoryError, ...]
    contents: Contents = field(repr=False)

    def versions(self) -> Iterator[HistoryVersion]:
        """Every version of every document by author date, ties by topology."""
        yield from sorted((v for document in self.documents for v in document.versions), key=lambda v: v.number)

    def former_names(self) -> Mapping[str, tuple[str, ...]]:
        """The names that services had before, oldest first: {"Hygraph": ("GraphCMS",)}."""
        found: dict[str, list[str]] = defaultdict(list)
        for rename in sorted(self.renames, key=lambda rename: rename.day):
            old, new = rename.old.service, rename.new.service
            if old != new and old not in found[new]:
                found[new] += [name for name in [*found.get(old, ()), old] if name not in (new, *found[new])]
        return {service: tuple(names) for service, names in found.items() if names}

    def close(self) -> None:
        """Let go of the archive's files; versions cannot be read afterwards."""
        self.contents.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def document_name(path: str) -> DocumentName | None:
    """The document that stands at `path` of an archive, or `None` if what stands there is no document.

    >>> document_name("Acme/Privacy Policy #app.md")
    DocumentName(service='Acme', document_type='Privacy Policy', source='app')
    >>> document_name("README.md"), document_name("Acme/logo.png"), document_name(".github/notes.md")
    (None, None, None)
    """
    folder, _, file = path.rpartition("/")
    stem = PurePosixPath(file).stem
    if not file.lower().endswith(SUFFIXES) or stem.lower() in _OWN_FILES:
        return None
    if not folder or "/" in folder or folder.startswith(".") or file.startswith("."):
        return None
    return named(folder, stem)


def named(service: str, document: str) -> DocumentName:
    """The document of `service` that a file or folder called `document` stands for."""
    document_type, mark, source = document.partition(_SOURCE_MARK)
    return (
        DocumentName(service, document_type, source)
        if mark and document_type and source
        else DocumentName(service, document, None)
    )


def is_safe(path: str) -> bool:
    r"""Whether `path` stays inside its archive and has a length that people write.

    >>> is_safe("Acme/Privacy Policy.md"), is_safe("../../etc/passwd"), is_safe("/etc/passwd"), is_safe("C:\\\\x")
    (True, False, False, False)
    """
    parts = path.split("/")
    return (
        len(path) <= MAX_PATH_CHARS
        and "\\" not in path
        and path.isprintable()
        and not (len(parts[0]) == len("C:") and parts[0].endswith(":"))
        and not any(part.lower() in _UNSAFE_PARTS for part in parts)
    )


def instant(seconds: int) -> datetime:
    """The moment `seconds` after 1970 in UTC.

    Raises:
        HistoryError: there is no such day in the calendar.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise HistoryError(f"the author date {seconds} is no moment between the years 1 and 9999") from error


def documents_of(events: Iterable[Event], contents: Contents) -> list[HistoryDocument]:
    """The documents that `events` tell of, sorted by name, each with its versions by author date, ties by topology."""
    found: dict[DocumentName, list[HistoryVersion]] = defaultdict(list)
    for number, event in enumerate(sorted(events, key=lambda event: (event.at, event.order))):
        versions = found[event.name]
        if event.blob is not None:
            versions.append(
                HistoryVersion(
                    *event.name,
                    event.path,
                    event.at,
                    number,
                    event.commit,
                    event.blob,
                    event.technical,
                    place=event.place,
                    contents=contents,
                )
            )
        elif versions and versions[-1].path == event.path:
            versions[-1] = replace(versions[-1], ended_on=event.at.date())
    return [HistoryDocument(name, tuple(found[name])) for name in sorted(found, key=str) if found[name]]


def in_force_on(versions: Iterable[HistoryVersion], day: date) -> HistoryVersion | None:
    """The one of one document's `versions` that was in force at the end of `day` in UTC.

    `None` before the first, and from the day on which the document left the archive until it came back.
    """
    latest = max((v for v in versions if v.day <= day), key=lambda v: (v.fetched_at, v.number), default=None)
    if latest is None or (latest.ended_on is not None and latest.ended_on <= day):
        return None
    return latest
