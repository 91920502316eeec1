"""An index as opened: companies, policies and passages by row, with the vectors and terms that find them.

It does not know questions; `index.build` makes it, `index.manifest` keeps it whole, `index.segment` holds its parts.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache, partial
from pathlib import Path
from tokenize import TokenError
from typing import Any, overload

import numpy as np

from index.embedding import Embedder
from index.errors import IndexCorrupt, IndexOutdated, ModelMismatch, UnknownPolicy
from index.manifest import Manifest, check, current_version, kept_version, resized_files
from index.parsing.document import Markup
from index.policies.companies import Company, Related
from index.policies.passages import Passage
from index.policies.series import day_of, in_force, moment_of
from index.policies.versions import Policy
from index.segment import Segment
from index.terms import TermIndex, terms_hash
from index.vectors import JoinedStores

Rows = np.ndarray

# A file that is cut short under its map kills the process that touches it (SIGBUS): up to this size an index is read,
# and the files of a larger one are looked at before each question.
_READ_BYTES = 256 << 20
# So many policies' texts are kept decoded.
_TEXTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class PolicyPlace:
    """A version of a policy without its text, and where it lies.

    Attributes:
        policy: its text and blocks are empty.
        segment, place: which segment it is in, and where there.
        group: the versions of its series in that segment.
        first, end: the first passage row of the group, and the first that is not its, counted over all segments.
        alone: whether it is the only version of its group, so that all of these rows are its own.
    """

    policy: Policy
    segment: int
    place: int
    group: int
    first: int
    end: int
    alone: bool


@dataclass(frozen=True, slots=True)
class SentenceTable:
    """Sentences by row: which passage each is in.

    Attributes:
        first: shape (n + 1,): the sentences of passage row r are rows first[r] to first[r + 1].
    """

    first: Rows

    def __len__(self) -> int:
        return int(self.first[-1])

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> "SentenceTable":
        """The table of all sentences of `segments`, in order."""
        before = np.cumsum([0, *(len(segment.sentences) for segment in segments)])
        first = [segment.first[:-1] + count for segment, count in zip(segments, before, strict=False)]
        return cls(np.concatenate([*first, before[-1:]]))

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
    """The versions of policies that may answer, by id; a text is read when its policy is asked for."""

    def __init__(self, places: Sequence[PolicyPlace], segments: Sequence[Segment]) -> None:
        self.places = {place.policy.id: place for place in places}
        # A cache of a method of this object would keep both for ever: each would hold the other.
        self._read = lru_cache(_TEXTS_KEPT)(partial(_whole, self.places, segments))

    def __getitem__(self, policy_id: str) -> Policy:
        return self._read(policy_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _whole(places: Mapping[str, PolicyPlace], segments: Sequence[Segment], policy_id: str) -> Policy:
    found = places[policy_id]
    segment = segments[found.segment]
    return replace(found.policy, text=segment.text(found.place), blocks=segment.blocks(found.place))


class Passages(Sequence[Passage]):
    """All passages by row, made when they are asked for, as the newest version has them that has them.

    A row of a policy that was removed is no passage, and asking for it is a `KeyError`.
    """

    def __init__(self, policies: Policies, segments: Sequence[Segment]) -> None:
        self._policies, self._segments = policies, segments
        self._firsts = np.cumsum([0, *map(len, segments)])
        groups: dict[tuple[int, int], list[PolicyPlace]] = defaultdict(list)
        for place in policies.places.values():
            groups[place.segment, place.group].append(place)
        self._groups = {key: sorted(places, key=lambda place: place.place) for key, places in groups.items()}

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @overload
    def __getitem__(self, row: int) -> Passage: ...
    @overload
    def __getitem__(self, row: slice) -> list[Passage]: ...
    def __getitem__(self, row: int | slice) -> Passage | list[Passage]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        return self.at(row, as_of=None)

    def at(self, row: int, *, as_of: date | None) -> Passage:
        """The passage at `row` as the newest version has it, or the newest by `as_of`.

        Raises:
            IndexError: no such row.
            KeyError: no version that may answer has it, or had it by then.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row}, expected 0 to {len(self) - 1}")
        number, inside = self._where(row)
        place = self._holder(number, inside, as_of)
        return self._segments[number].passage(inside, place.place, policy_id=place.policy.id)

    def held(self, row: int) -> list[tuple[date | None, date | None]]:
        """The days between which the passage at `row` stood in its policy: from the first, until before the second.

        The second is None where it stands in the newest version.
        """
        number, inside = self._where(row)
        segment = self._segments[number]
        spells: list[tuple[date | None, date | None]] = []
        began: date | None = None
        holds = False
        for place in reversed(self._groups.get((number, segment.group_of_row(inside)), [])):
            has = bool((segment.rows_of(place.place) == inside).any())
            if has and not holds:
                began = day_of(place.policy)
            elif holds and not has:
                spells.append((began, day_of(place.policy)))
            holds = has
        return [*spells, (began, None)] if holds else spells

    def policy_id(self, row: int) -> str:
        """Whose passage `row` is, in the newest version that has it; quicker than the passage."""
        number, inside = self._where(row)
        return self._holder(number, inside, None).policy.id

    def _holder(self, number: int, inside: int, as_of: date | None) -> PolicyPlace:
        """The newest version that has the row; of those that there were by `as_of`, if it is given."""
        segment = self._segments[number]
        group = self._groups.get((number, segment.group_of_row(inside)), [])
        if len(group) == 1 and len(segment.versions_of(group[0].group)) == 1:
            return group[0]
        for place in group:
            day = day_of(place.policy)
            in_time = as_of is None or day is None or day <= as_of
            if in_time and bool((segment.rows_of(place.place) == inside).any()):
                return place
        raise KeyError(inside)

    def company_id(self, row: int) -> str:
        """Whose passage `row` is; all versions of a group are one company's."""
        number, inside = self._where(row)
        return self._groups[number, self._segments[number].group_of_row(inside)][0].policy.company_id

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
        folders, mapped = [segment.folder for segment in segments], any(segment.mapped for segment in segments)
        self.passage_terms = TermIndex.open([folder / "terms" for folder in folders], mapped=mapped)
        self.sentence_coverage = TermIndex.open([folder / "coverage" for folder in folders], mapped=mapped)
        self.words = _summed([segment.words for segment in segments])
        self._all: dict[frozenset[str] | None, Rows] = {}
        self.restricted_to: frozenset[str] | None = None
        self._mapped_at: Path | None = None

    def restricted(self, company_ids: Collection[str]) -> "PolicyIndex":
        """The same version with these companies alone: no other's name, policy or passage is found in it.

        Rows, vectors and terms are shared, so it costs what its companies do. What words weigh is still counted over
        all policies.
        """
        index = copy(self)
        index.restricted_to = frozenset(company_ids)
        index.companies = {each.id: each for each in self.companies.values() if each.id in index.restricted_to}
        places = [place for place in self.policies.places.values() if place.policy.company_id in index.companies]
        index.policies = Policies(places, self.segments)
        index.passages = Passages(index.policies, self.segments)
        index._all = {}
        vars(index).pop("_by_company", None)
        return index

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
            return cls.open_version(where, manifest, embedder=embedder)
        except IndexCorrupt:
            # A version may be pruned while it is opened: then another one serves by now.
            where, newer = current_version(folder)
            if newer.version == manifest.version:
                raise
            return cls.open_version(where, newer, embedder=embedder)

    @classmethod
    def open_kept(cls, folder: Path, version: str, *, embedder: Embedder) -> "PolicyIndex":
        """A version of `folder` that is still kept, whether it serves or not.

        Raises:
            IndexMissing: it is not kept.
            IndexCorrupt, IndexOutdated, ModelMismatch: as `open`.
        """
        where, manifest = kept_version(folder, version)
        return cls.open_version(where, manifest, embedder=embedder)

    @classmethod
    def open_version(cls, where: Path, manifest: Manifest, *, embedder: Embedder) -> "PolicyIndex":
        """The version in the folder `where`; every byte of it is checked.

        Raises:
            IndexCorrupt, IndexOutdated, ModelMismatch: as `open`.
        """
        if (manifest.model_hash, manifest.dimension) != (embedder.content_hash, embedder.dimension):
            raise ModelMismatch(
                f"{where} was built with the model {manifest.model} ({manifest.model_hash[:12]}), "
                f"not {embedder.name} ({embedder.content_hash[:12]}): run `askpolicy index build` with this model, "
                f"or name that one"
            )
        if manifest.terms_hash != terms_hash():
            raise IndexOutdated(f"{where} was built with other search terms: run `askpolicy index build` again")
        check(where, manifest)
        try:
            mapped = sum(sealed.size for sealed in manifest.files.values()) > _READ_BYTES
            segments = [Segment(where / name, mapped=mapped) for name in manifest.segments]
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
        index._mapped_at = where if mapped else None
        return index

    def check_mapped(self) -> None:
        """Nothing, if no file that is memory-mapped was cut short since: to read that would end the process.

        Raises:
            IndexCorrupt: files were; the message names them.
        """
        if self._mapped_at is not None and (resized := resized_files(self._mapped_at, self.manifest)):
            raise IndexCorrupt(
                f"{self._mapped_at}: the size of {', '.join(resized)} was changed while the index was open; import the "
                f"index again, or build it again"
            )

    def _check_counts(self, where: Path) -> None:
        found = {"policies": len(self.policies), "companies": len(self.companies)}
        for name, count in found.items():
            expected = getattr(self.manifest, name)
            if count != expected:
                raise IndexCorrupt(f"{where}: {count} {name}, expected {expected}; run `askpolicy index build` again")
        counts = (len(self.passage_vectors), len(self.passage_terms))
        sentence_counts = (len(self.sentence_vectors), len(self.sentence_coverage))
        expected_counts = (len(self.passages), len(self.sentences))
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
        self.check_policy(policy_id)
        return self.policies[policy_id]

    def check_policy(self, policy_id: str) -> None:
        """Nothing, if there is a policy called `policy_id`; its text is not read.

        Raises:
            UnknownPolicy: there is none such.
        """
        if policy_id not in self.policies.places:
            raise UnknownPolicy(
                f"no policy {policy_id!r} in this index: `askpolicy companies --json` lists them, and GET /v1/companies"
            )

    def policies_of(self, company_id: str) -> list[Policy]:
        """The policies of a company, newest first, without their texts."""
        return [place.policy for place in self._by_company.get(company_id, ())]

    def company_of(self, passage: Passage) -> Company:
        """Whose passage it is."""
        return self.companies[self.policies.places[passage.policy_id].policy.company_id]

    def owner(self, row: int) -> str:
        """The id of the company whose passage `row` is; quicker than the passage."""
        return self.passages.company_id(row)

    def rows(
        self,
        company_ids: Collection[str] | None = None,
        *,
        as_of: date | None = None,
        languages: Collection[str] | None = None,
        types: Collection[str] = (),
    ) -> Rows:
        """The passages that may answer, rising: those of the companies (None: of all) in the versions in force.

        Args:
            as_of: the day on which they are in force, see `index.policies.series`; None: now.
            languages: tags of the languages that count; None: all.
            types: document types that count, of a company that has one of them; none: all.
        """
        if company_ids is None and as_of is None and not types:
            return self._all_rows(None if languages is None else frozenset(languages))
        return self._rows(self.companies if company_ids is None else company_ids, as_of, languages, types)

    def _rows(
        self,
        company_ids: Iterable[str],
        as_of: date | None,
        languages: Collection[str] | None,
        types: Collection[str],
    ) -> Rows:
        whole: set[tuple[int, int]] = set()
        parts: list[Rows] = []
        for company_id in company_ids:
            policies = in_force(self.policies_of(company_id)[::-1], as_of)
            for policy in [policy for policy in policies if policy.type in types] or policies:
                place = self.policies.places[policy.id]
                if languages is not None and policy.language not in languages:
                    continue
                if place.alone:
                    whole.add((place.first, place.end))
                else:
                    parts.append(self._placed_rows(place))
        ranges = [np.arange(first, end) for first, end in sorted(whole)]
        if not parts:
            return np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64)
        rows: Rows = np.unique(np.concatenate([*ranges, *parts]))
        return rows

    def rows_of(self, policy_id: str) -> Rows:
        """The passages of one version, rising."""
        place = self.policies.places[policy_id]
        return np.arange(place.first, place.end) if place.alone else self._placed_rows(place)

    def _placed_rows(self, place: PolicyPlace) -> Rows:
        segment = self.segments[place.segment]
        first_of_group, _ = segment.rows(place.group)
        rows: Rows = segment.rows_of(place.place) - first_of_group + place.first
        return rows

    def _all_rows(self, languages: frozenset[str] | None) -> Rows:
        if languages not in self._all:
            self._all[languages] = self._rows(self.companies, None, languages, ())
        return self._all[languages]

    @cached_property
    def _by_company(self) -> dict[str, list[PolicyPlace]]:
        found: dict[str, list[PolicyPlace]] = defaultdict(list)
        for place in self.policies.places.values():
            found[place.policy.company_id].append(place)
        for places in found.values():
            places.sort(key=lambda place: (moment_of(place.policy), place.policy.id), reverse=True)
        return found


def _places(entries: Iterator[dict[str, Any]], segments: Sequence[Segment]) -> Iterator[PolicyPlace]:
    before = np.cumsum([0, *map(len, segments)]).tolist()
    for entry in entries:
        number, place = entry.pop("segment"), entry.pop("place")
        for name in ("archived_on", "effective_on"):
            entry[name] = date.fromisoformat(entry[name]) if entry[name] else None
        policy = Policy(**(entry | {"markup": Markup(entry["markup"]), "text": ""}))
        segment = segments[number]
        group = segment.group(place)
        first, end = segment.rows(group)
        alone = len(segment.versions_of(group)) == 1
        yield PolicyPlace(policy, number, place, group, before[number] + first, before[number] + end, alone)


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
