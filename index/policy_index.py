"""An index as opened: companies, policies and passages by row, with the vectors and terms that find them.

It does not know questions; `index.build` makes it, `index.manifest` keeps it whole, `index.segment` holds its parts.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from tokenize import TokenError
from typing import Any, overload

import numpy as np

from index.embedding import Embedder
from index.errors import IndexCorrupt, IndexOutdated, ModelMismatch, UnknownPolicy
from index.manifest import Manifest, check, current_version
from index.parsing.document import Markup
from index.policies.companies import Company, Related
from index.policies.passages import Passage
from index.policies.versions import Policy
from index.segment import Segment
from index.terms import TermIndex, terms_hash
from index.vectors import JoinedStores

Rows = np.ndarray

# So many policies' texts are kept decoded.
_TEXTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class PolicyPlace:
    """A policy without its text, and where it lies.

    Attributes:
        policy: its text is empty.
        segment, place: which segment it is in, and where there.
        first, end: its first passage row, and the first that is not its.
    """

    policy: Policy
    segment: int
    place: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class SentenceTable:
    """Sentences by row: which passage each is in, and its offsets in the policy's text.

    Attributes:
        spans: shape (m, 2), int32.
        first: shape (n + 1,): the sentences of passage row r are rows first[r] to first[r + 1].
    """

    spans: Rows
    first: Rows

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> "SentenceTable":
        """The table of all sentences of `segments`, in order."""
        before = np.cumsum([0, *(len(segment.sentences) for segment in segments)])
        first = [segment.first[:-1] + count for segment, count in zip(segments, before, strict=False)]
        return cls(_joined([segment.sentences for segment in segments]), np.concatenate([*first, before[-1:]]))

    def rows_in(self, passage_rows: Rows) -> Rows:
        """The rows of all sentences of `passage_rows`, in that order."""
        if not len(passage_rows):
            return np.zeros(0, dtype=np.int64)
        begins, ends = self.first[passage_rows], self.first[passage_rows + 1]
        counts = ends - begins
        # each passage's first row, less how many stand before it, plus a running number
        shifts = np.repeat(begins - np.cumsum(counts) + counts, counts)
        rows: Rows = shifts + np.arange(len(shifts))
        return rows

    def passage_rows(self, rows: Rows) -> Rows:
        """The passage that each of the sentences at `rows` is in."""
        found: Rows = np.searchsorted(self.first, rows, side="right") - 1
        return found


class Policies(Mapping[str, Policy]):
    """The policies that may answer, by id; a text is read when its policy is asked for."""

    def __init__(self, places: Sequence[PolicyPlace], segments: Sequence[Segment]) -> None:
        self.places = {place.policy.id: place for place in places}
        self._segments = segments
        self._read = lru_cache(_TEXTS_KEPT)(self._whole)

    def __getitem__(self, policy_id: str) -> Policy:
        return self._read(policy_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def _whole(self, policy_id: str) -> Policy:
        found = self.places[policy_id]
        return replace(found.policy, text=self._segments[found.segment].text(found.place))


class Passages(Sequence[Passage]):
    """All passages by row, made when they are asked for.

    A row of a policy that was removed is no passage, and asking for it is a `KeyError`.
    """

    def __init__(self, policies: Policies, segments: Sequence[Segment]) -> None:
        self._policies, self._segments = policies, segments
        self._firsts = np.cumsum([0, *(len(segment.passages) for segment in segments)])
        self._ids = {(place.segment, place.place): policy_id for policy_id, place in policies.places.items()}

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @overload
    def __getitem__(self, row: int) -> Passage: ...
    @overload
    def __getitem__(self, row: slice) -> list[Passage]: ...
    def __getitem__(self, row: int | slice) -> Passage | list[Passage]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(f"row {row}, expected 0 to {len(self) - 1}")
        number, inside = self._where(row)
        segment = self._segments[number]
        policy_id = self._ids[number, int(segment.passages[inside, 0])]
        return segment.passage(inside, policy_id=policy_id, text=self._policies[policy_id].text)

    def policy_id(self, row: int) -> str:
        """Whose passage `row` is; quicker than the passage."""
        number, inside = self._where(row)
        return self._ids[number, int(self._segments[number].passages[inside, 0])]

    def _where(self, row: int) -> tuple[int, int]:
        number = int(np.searchsorted(self._firsts, row, side="right")) - 1
        return number, int(row - self._firsts[number])


class PolicyIndex:
    """What a version folder holds, ready to be searched. Row *n* is passage *n* everywhere (invariant 2)."""

    def __init__(
        self,
        *,
        manifest: Manifest,
        companies: Sequence[Company],
        policies: Sequence[PolicyPlace],
        segments: Sequence[Segment],
    ) -> None:
        self.manifest = manifest
        self.segments = segments
        self.companies = {company.id: company for company in companies}
        self.policies = Policies(policies, segments)
        self.passages = Passages(self.policies, segments)
        self.sentences = SentenceTable.of(segments)
        self.passage_vectors = JoinedStores([segment.passage_vectors for segment in segments])
        self.sentence_vectors = JoinedStores([segment.sentence_vectors for segment in segments])
        self.passage_terms = TermIndex.open([segment.folder / "terms" for segment in segments])
        self.sentence_coverage = TermIndex.open([segment.folder / "coverage" for segment in segments])
        self.words = _summed([segment.words for segment in segments])

    @classmethod
    def open(cls, folder: Path, *, embedder: Embedder) -> "PolicyIndex":
        """The version of `folder` that serves now; every byte of it is checked.

        Raises:
            IndexMissing, IndexCorrupt: see `current_version`.
            IndexOutdated: another release built it, with other search terms.
            ModelMismatch: `embedder` is not the model that the index was built with.
        """
        where, manifest = current_version(folder)
        try:
            return cls._opened(folder, where, manifest, embedder)
        except IndexCorrupt:
            # A version may be pruned while it is opened: then another one serves by now.
            where, newer = current_version(folder)
            if newer.version == manifest.version:
                raise
            return cls._opened(folder, where, newer, embedder)

    @classmethod
    def _opened(cls, folder: Path, where: Path, manifest: Manifest, embedder: Embedder) -> "PolicyIndex":
        if (manifest.model_hash, manifest.dimension) != (embedder.content_hash, embedder.dimension):
            raise ModelMismatch(
                f"{folder} was built with the model {manifest.model} ({manifest.model_hash[:12]}), "
                f"not {embedder.name} ({embedder.content_hash[:12]}): run `askpolicy index build` with this model, "
                f"or name that one"
            )
        if manifest.terms_hash != terms_hash():
            raise IndexOutdated(f"{folder} was built with other search terms: run `askpolicy index build` again")
        check(where, manifest)
        try:
            segments = [Segment(where / name) for name in manifest.segments]
            for segment in segments:
                segment.check_counts()
            index = cls(
                manifest=manifest,
                companies=[_company(entry) for entry in _read_json(where / "companies.json")],
                policies=list(_places(_read_lines(where / "policies.jsonl"), segments)),
                segments=segments,
            )
        except OSError as error:
            raise IndexCorrupt(
                f"{where}: a file is gone or unreadable ({error}); open the index again, or build it anew"
            ) from error
        except (ValueError, KeyError, TypeError, IndexError, SyntaxError, RuntimeError, TokenError) as error:
            raise IndexCorrupt(f"{where}: damaged ({error!r}); run `askpolicy index build` again") from error
        index._check_counts(where)
        return index

    def _check_counts(self, where: Path) -> None:
        found = {"policies": len(self.policies), "companies": len(self.companies)}
        for name, count in found.items():
            expected = getattr(self.manifest, name)
            if count != expected:
                raise IndexCorrupt(f"{where}: {count} {name}, expected {expected}; run `askpolicy index build` again")
        counts = (len(self.passage_vectors), len(self.passage_terms))
        sentence_counts = (len(self.sentence_vectors), len(self.sentence_coverage))
        expected_counts = (len(self.passages), len(self.sentences.spans))
        if {*counts} != {expected_counts[0]} or {*sentence_counts} != {expected_counts[1]}:
            raise IndexCorrupt(
                f"{where}: rows {counts} and {sentence_counts}, expected {expected_counts}; "
                f"run `askpolicy index build` again"
            )

    def policy(self, policy_id: str) -> Policy:
        """The policy called `policy_id`.

        Raises:
            UnknownPolicy: there is none such.
        """
        try:
            return self.policies[policy_id]
        except KeyError:
            raise UnknownPolicy(
                f"no policy {policy_id!r} in this index: `askpolicy companies --json` lists them, and GET /v1/companies"
            ) from None

    def policies_of(self, company_id: str) -> list[Policy]:
        """The policies of a company, newest first, without their texts."""
        return [place.policy for place in self._by_company.get(company_id, ())]

    def company_of(self, passage: Passage) -> Company:
        """Whose passage it is."""
        return self.companies[self.policies.places[passage.policy_id].policy.company_id]

    def owner(self, row: int) -> str:
        """The id of the company whose passage `row` is; quicker than the passage."""
        return self.policies.places[self.passages.policy_id(row)].policy.company_id

    def rows(self, company_ids: Collection[str] | None = None, *, as_of: date | None = None) -> Rows:
        """The passages that may answer, rising: those of the companies (None: of all) in the versions in force.

        In force are the latest versions, or the latest that were archived by `as_of`; undated ones always are.
        """
        if company_ids is None:
            return self._all_rows if as_of is None else self._rows(self.companies, as_of)
        return self._rows(company_ids, as_of)

    def _rows(self, company_ids: Collection[str], as_of: date | None) -> Rows:
        in_force = [
            (place.first, place.end)
            for company_id in company_ids
            for place in _in_force(self._by_company.get(company_id, ()), as_of)
        ]
        ranges = [np.arange(first, end) for first, end in sorted(set(in_force))]
        return np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64)

    @cached_property
    def _all_rows(self) -> Rows:
        return self._rows(self.companies, None)

    @cached_property
    def _by_company(self) -> dict[str, list[PolicyPlace]]:
        found: dict[str, list[PolicyPlace]] = defaultdict(list)
        for place in self.policies.places.values():
            found[place.policy.company_id].append(place)
        for places in found.values():
            places.sort(key=lambda place: (place.policy.archived_on or date.min, place.policy.id), reverse=True)
        return found


_FOR_WHOM = ("applicant", "california", "candidate", "ccpa", "child", "employee", "europe", "gdpr", "kids")


def _in_force(places: Sequence[PolicyPlace], as_of: date | None) -> Iterator[PolicyPlace]:
    """Of each series of versions (see `series`) the newest, undated ones beside it."""
    newest: dict[str, date] = {}
    for place in places:
        day = place.policy.archived_on
        if day is not None and (as_of is None or day <= as_of):
            newest[series(place.policy)] = max(day, newest.get(series(place.policy), day))
    for place in places:
        policy = place.policy
        if policy.archived_on is None or newest.get(series(policy)) == policy.archived_on:
            yield place


def series(policy: Policy) -> str:
    """What the versions of one policy have in common: what it is on, and for whom, if not for everybody."""
    title = policy.title.casefold()
    kind = next((kind for kind in ("privacy", "terms", "cookie") if kind in title), title)
    return " ".join([kind, *sorted(word for word in _FOR_WHOM if word in title)])


def _places(entries: Iterator[dict[str, Any]], segments: Sequence[Segment]) -> Iterator[PolicyPlace]:
    before = np.cumsum([0, *(len(segment.passages) for segment in segments)]).tolist()
    for entry in entries:
        segment, place = entry.pop("segment"), entry.pop("place")
        for name in ("archived_on", "effective_on"):
            entry[name] = date.fromisoformat(entry[name]) if entry[name] else None
        policy = Policy(**(entry | {"markup": Markup(entry["markup"]), "text": ""}))
        first, end = segments[segment].rows(place)
        yield PolicyPlace(policy, segment, place, before[segment] + first, before[segment] + end)


def _joined(arrays: Sequence[Rows]) -> Rows:
    """Arrays one after another; one alone stays mapped."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _summed(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for word, count in each.items():
            total[word] = total.get(word, 0) + count
    return total


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _company(entry: dict[str, Any]) -> Company:
    related = tuple(Related(**one) for one in entry.get("related", ()))
    return Company(entry["id"], entry["name"], tuple(entry["aliases"]), tuple(entry["domains"]), related)
