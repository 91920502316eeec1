"""Documents that go on under another name are told by how much of their texts is the same.

It does not know repositories.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import xxhash

from index.errors import HistoryError
from index.sources.history_versions import Contents, DocumentName, Event, HistoryDocument, HistoryVersion, Rename

MIN_SIMILARITY = 0.5
# Of a service that goes on under another name, its names apart: of contrib-versions' 8,741 pairs the three that were
# renamed have .96 and more, and the next, two services of one group with one lawyer, .78.
MIN_SERVICE_SIMILARITY = 0.9
# Where an archive is made to hold more pairs than this, none is looked at: contrib-versions has 13,000.
MAX_PAIRS = 300_000
_MAYBE_RENAMED = 0.25
_MAX_COMPARED_BYTES = 200_000
_CLAUSE_ENDS = re.compile(rb"[.,;:!?()\n]+")

_Fingerprint = Counter[int]


@dataclass(frozen=True, slots=True)
class Gone:
    """A document that a commit took away, and the id of the bytes that it had."""

    event: Event
    blob: str


def similarity(a: bytes, b: bytes) -> float:
    """The share of the longer text that stands in the other too, counted in bytes of whole clauses, in [0, 1].

    >>> similarity(b"We sell data. We keep it.", b"We keep it. We sell data.")
    1.0
    """
    return _similarity(_fingerprint(a), _fingerprint(b))


def _fingerprint(text: bytes) -> _Fingerprint:
    """How many bytes of `text` each clause has, by the clause's hash: git compares lines, which here are paragraphs."""
    found: _Fingerprint = Counter()
    for clause in _CLAUSE_ENDS.split(text[:_MAX_COMPARED_BYTES]):
        words = b" ".join(clause.split())
        if words:
            found[xxhash.xxh3_64_intdigest(words)] += len(words)
    return found


def _similarity(a: _Fingerprint, b: _Fingerprint) -> float:
    longer = max(a.total(), b.total())
    return (a & b).total() / longer if longer else 0.0


def moved_in_one_commit(
    gone: Sequence[Gone], came: Sequence[Event], contents: Contents
) -> list[tuple[Gone, Event, Rename]]:
    """Which of the documents that one commit took away are which of those it brought, the most similar first."""
    if not gone or not came or len(gone) * len(came) > MAX_PAIRS:
        return []
    read = _reader(contents)
    found = []
    for i, old in enumerate(gone):
        for j, new in enumerate(came):
            same = 1.0 if old.blob == new.blob else _similarity(read(old.blob), read(new.place))
            found.append((-same, old.event.name != new.name, i, j))
    pairs = []
    for same, _, i, j in _one_to_one(sorted(entry for entry in found if -entry[0] >= MIN_SIMILARITY)):
        old, new = gone[i], came[j]
        pairs.append((old, new, Rename(old.event.name, new.name, new.at.date(), -same, in_one_commit=True)))
    return pairs


def _one_to_one(ranked: Iterable[tuple[float, bool, int, int]]) -> list[tuple[float, bool, int, int]]:
    taken: tuple[set[int], set[int]] = (set(), set())
    kept = []
    for entry in ranked:
        if entry[2] not in taken[0] and entry[3] not in taken[1]:
            taken[0].add(entry[2])
            taken[1].add(entry[3])
            kept.append(entry)
    return kept


def _reader(contents: Contents) -> Callable[[str], _Fingerprint]:
    known: dict[str, _Fingerprint] = {}

    def read(place: str) -> _Fingerprint:
        if place not in known:
            try:
                known[place] = _fingerprint(contents.read(place))
            except HistoryError:  # told when somebody reads that version
                known[place] = Counter()
        return known[place]

    return read


def renames_between(documents: Sequence[HistoryDocument], contents: Contents) -> list[Rename]:
    """The documents that end where another, of much the same words, begins.

    Either the service went on under another name (the old one has no version once the new one begins) with the same
    document type, or a service's document went on under another type.

    Raises:
        HistoryError: there are too many pairs to look at.
    """
    pairs = list(_candidates(documents))
    if len(pairs) > MAX_PAIRS:
        raise HistoryError(f"{len(pairs):,} pairs of documents may be renames, more than {MAX_PAIRS:,}: none was told")
    read = _reader(contents)
    numbers = {document.name: number for number, document in enumerate(documents)}
    found = []
    for old, new in pairs:
        last, first = old.versions[-1], new.versions[0]
        same = 1.0 if last.blob == first.blob else _similarity(read(last.place), read(first.place))
        other_service = old.name.service != new.name.service
        # A text that calls its service otherwise throughout is the same in few whole clauses.
        if other_service and _MAYBE_RENAMED <= same < 1.0:
            services = (old.name.service, new.name.service)
            same = similarity(
                _unnamed(contents.read(last.place), services), _unnamed(contents.read(first.place), services)
            )
        if same >= (MIN_SERVICE_SIMILARITY if other_service else MIN_SIMILARITY):
            found.append((-same, other_service, numbers[old.name], numbers[new.name]))
    return [
        Rename(documents[i].name, documents[j].name, documents[j].versions[0].day, -same, in_one_commit=False)
        for same, _, i, j in _one_to_one(sorted(found))
    ]


def _unnamed(text: bytes, services: Iterable[str]) -> bytes:
    """`text` without the names of services.

    >>> _unnamed(b"GraphCMS sells it. Hygraph keeps it.", ("GraphCMS", "Hygraph"))
    b' sells it.  keeps it.'
    """
    return re.sub(b"|".join(re.escape(name.encode()) for name in services), b"", text, flags=re.IGNORECASE)


def _candidates(documents: Sequence[HistoryDocument]) -> Iterable[tuple[HistoryDocument, HistoryDocument]]:
    by_type: dict[tuple[str, str | None], list[HistoryDocument]] = defaultdict(list)
    by_service: dict[str, list[HistoryDocument]] = defaultdict(list)
    last: dict[str, HistoryVersion] = {}
    for document in documents:
        by_type[document.name[1:]].append(document)
        by_service[document.name.service].append(document)
        newest = document.versions[-1]
        if document.name.service not in last or last[document.name.service].number < newest.number:
            last[document.name.service] = newest
    for new in documents:
        began = new.versions[0].number
        for old in by_type[new.name[1:]]:
            if last[old.name.service].number < began:
                yield old, new
        for old in by_service[new.name.service]:
            if old.name[1:] != new.name[1:] and old.versions[-1].number < began:
                yield old, new


def linked(documents: Sequence[HistoryDocument], renames: Iterable[Rename]) -> list[HistoryDocument]:
    """`documents` with the names that they had before and got later."""
    before: dict[DocumentName, DocumentName] = {}
    after: dict[DocumentName, DocumentName] = {}
    for rename in renames:
        if rename.old != rename.new:
            before.setdefault(rename.new, rename.old)
            after.setdefault(rename.old, rename.new)
    return [replace(d, predecessor=before.get(d.name), successor=after.get(d.name)) for d in documents]
