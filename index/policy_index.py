"""An index as opened: companies, policies and passages by row, with the vectors and terms that find them.

It does not know questions; `index.build` makes it, `index.manifest` keeps it whole.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from index.companies import Company
from index.embedding import Embedder
from index.errors import IndexCorrupt, IndexOutdated, ModelMismatch, UnknownPolicy
from index.manifest import Manifest, current_version
from index.passages import Passage
from index.policies import Policy
from index.terms import TermIndex, terms_hash
from index.vectors import FaissStore

Rows = np.ndarray


@dataclass(frozen=True, slots=True)
class SentenceTable:
    """Sentences by row: which passage each is in, and its offsets in the policy's text.

    Attributes:
        passage_rows: shape (m,), int64, never falling.
        spans: shape (m, 2), int64.
        first: shape (n + 1,): the sentences of passage row r are rows first[r] to first[r + 1].
    """

    passage_rows: Rows
    spans: Rows
    first: Rows

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> "SentenceTable":
        """The table of all sentences of `passages`, in order."""
        counts = np.array([len(passage.sentences) for passage in passages], dtype=np.int64)
        spans = [span for passage in passages for span in passage.sentences]
        return cls(
            np.repeat(np.arange(len(passages), dtype=np.int64), counts),
            np.array(spans, dtype=np.int64).reshape(len(spans), 2),
            np.concatenate([[0], np.cumsum(counts)]),
        )

    def rows_in(self, passage_rows: Rows) -> Rows:
        """The rows of all sentences of `passage_rows`, in that order."""
        if not len(passage_rows):
            return np.zeros(0, dtype=np.int64)
        return np.concatenate([np.arange(self.first[row], self.first[row + 1]) for row in passage_rows])


class PolicyIndex:
    """What a version folder holds, ready to be searched. Row *n* is passage *n* everywhere (invariant 2)."""

    def __init__(
        self,
        *,
        manifest: Manifest,
        companies: Sequence[Company],
        policies: Sequence[Policy],
        passages: Sequence[Passage],
        passage_vectors: FaissStore,
        sentence_vectors: FaissStore,
        passage_terms: TermIndex,
        sentence_coverage: TermIndex,
        words: dict[str, int],
    ) -> None:
        self.manifest = manifest
        self.companies = {company.id: company for company in companies}
        self.policies = {policy.id: policy for policy in policies}
        self.passages = passages
        self.sentences = SentenceTable.of(passages)
        self.passage_vectors = passage_vectors
        self.sentence_vectors = sentence_vectors
        self.passage_terms = passage_terms
        self.sentence_coverage = sentence_coverage
        self.words = words

    @classmethod
    def open(cls, folder: Path, *, embedder: Embedder) -> "PolicyIndex":
        """The version of `folder` that serves now.

        Raises:
            IndexMissing, IndexCorrupt: see `current_version`.
            IndexOutdated: another release built it, with other search terms.
            ModelMismatch: `embedder` is not the model that the index was built with.
        """
        where, manifest = current_version(folder)
        if (manifest.model_hash, manifest.dimension) != (embedder.content_hash, embedder.dimension):
            raise ModelMismatch(
                f"{folder} was built with the model {manifest.model} ({manifest.model_hash[:12]}), "
                f"not {embedder.name} ({embedder.content_hash[:12]}): run `askpolicy index build` with this model, "
                f"or name that one"
            )
        if manifest.terms_hash != terms_hash():
            raise IndexOutdated(f"{folder} was built with other search terms: run `askpolicy index build` again")
        try:
            index = cls(
                manifest=manifest,
                companies=[_company(entry) for entry in _read_json(where / "companies.json")],
                policies=[_policy(entry) for entry in _read_lines(where / "policies.jsonl")],
                passages=(),
                passage_vectors=FaissStore.open(where / "passages.faiss"),
                sentence_vectors=FaissStore.open(where / "sentences.faiss"),
                passage_terms=TermIndex.open(where / "terms"),
                sentence_coverage=TermIndex.open(where / "coverage"),
                words=_read_json(where / "words.json"),
            )
            index.passages = [_passage(entry, index.policies) for entry in _read_lines(where / "passages.jsonl")]
        except OSError as error:
            raise IndexCorrupt(
                f"{where}: a file is gone or unreadable ({error}); open the index again, or build it anew"
            ) from error
        except (ValueError, KeyError, TypeError, IndexError, SyntaxError, RuntimeError, TokenError) as error:
            raise IndexCorrupt(f"{where}: damaged ({error!r}); run `askpolicy index build` again") from error
        index.sentences = SentenceTable.of(index.passages)
        index._check_counts(where)
        return index

    def _check_counts(self, where: Path) -> None:
        found = {
            "policies": len(self.policies),
            "passages": len(self.passages),
            "sentences": len(self.sentences.passage_rows),
        }
        for name, count in found.items():
            expected = getattr(self.manifest, name)
            if count != expected:
                raise IndexCorrupt(f"{where}: {count} {name}, expected {expected}; run `askpolicy index build` again")
        counts = (
            len(self.passage_vectors),
            len(self.passage_terms),
            len(self.sentence_vectors),
            len(self.sentence_coverage),
        )
        expected_counts = (found["passages"], found["passages"], found["sentences"], found["sentences"])
        if counts != expected_counts:
            raise IndexCorrupt(f"{where}: rows {counts}, expected {expected_counts}; run `askpolicy index build` again")

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
        """The policies of a company, newest first."""
        return self._by_company.get(company_id, [])

    def company_of(self, passage: Passage) -> Company:
        """Whose passage it is."""
        return self.companies[self.policies[passage.policy_id].company_id]

    def rows(self, company_ids: Collection[str] | None = None, *, as_of: date | None = None) -> Rows:
        """The passages that may answer: those of the companies (None: of all) in the versions in force.

        In force are the latest versions, or the latest that were archived by `as_of`; undated ones always are.
        """
        wanted = self.companies if company_ids is None else company_ids
        in_force = {policy.id for company_id in wanted for policy in _in_force(self.policies_of(company_id), as_of)}
        ranges = [self._rows_by_policy[policy_id] for policy_id in in_force if policy_id in self._rows_by_policy]
        return np.sort(np.concatenate(ranges)) if ranges else np.zeros(0, dtype=np.int64)

    @cached_property
    def _by_company(self) -> dict[str, list[Policy]]:
        found: dict[str, list[Policy]] = defaultdict(list)
        for policy in self.policies.values():
            found[policy.company_id].append(policy)
        for policies in found.values():
            policies.sort(key=lambda policy: (policy.archived_on or date.min, policy.id), reverse=True)
        return found

    @cached_property
    def _rows_by_policy(self) -> dict[str, Rows]:
        rows: dict[str, list[int]] = defaultdict(list)
        for row, passage in enumerate(self.passages):
            rows[passage.policy_id].append(row)
        return {policy_id: np.array(found, dtype=np.int64) for policy_id, found in rows.items()}


_FOR_WHOM = ("applicant", "california", "candidate", "ccpa", "child", "employee", "europe", "gdpr", "kids")


def _in_force(policies: Sequence[Policy], as_of: date | None) -> Iterator[Policy]:
    """Of each series of versions (see `series`) the newest, undated ones beside it."""
    newest: dict[str, date] = {}
    dated = [(policy, policy.archived_on) for policy in policies if policy.archived_on is not None]
    for policy, day in dated:
        if as_of is None or day <= as_of:
            newest[series(policy)] = max(day, newest.get(series(policy), day))
    for policy in policies:
        if policy.archived_on is None or newest.get(series(policy)) == policy.archived_on:
            yield policy


def series(policy: Policy) -> str:
    """What the versions of one policy have in common: what it is on, and for whom, if not for everybody."""
    title = policy.title.casefold()
    kind = next((kind for kind in ("privacy", "terms", "cookie") if kind in title), title)
    return " ".join([kind, *sorted(word for word in _FOR_WHOM if word in title)])


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _company(entry: dict[str, Any]) -> Company:
    return Company(entry["id"], entry["name"], tuple(entry["aliases"]), tuple(entry["domains"]))


def _policy(entry: dict[str, Any]) -> Policy:
    day = entry["archived_on"]
    return Policy(**(entry | {"archived_on": date.fromisoformat(day) if day else None}))


def _passage(entry: dict[str, Any], policies: dict[str, Policy]) -> Passage:
    text = policies[entry["policy_id"]].text[entry["start"] : entry["end"]]
    lead_in = entry["lead_in"]
    return Passage(
        entry["policy_id"],
        tuple(entry["heading"]),
        entry["start"],
        entry["end"],
        text,
        (lead_in[0], lead_in[1]) if lead_in else None,
        tuple((start, end) for start, end in entry["sentences"]),
    )
