"""A question as understood is put to companies' policies: prepared once, then found, read and judged for each of them.

It knows no names and no chats. One question of many companies (`qa.assistant`) and many questions of many
(`qa.comparison`) go through the same door, so that they say the same.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from index.embedding import Embedder
from index.language.detect import READ_LANGUAGES, can_read
from index.policies.series import undated_twins
from index.policy_index import PolicyIndex
from qa.answers import CompanyVerdict, Hit, Outcome
from qa.deadline import Deadline
from qa.effort import READ_PASSAGES, Effort
from qa.intents import Intents
from qa.judge import Examined, Judge, Judged
from qa.judgement import Calibration, passage_signals
from qa.question.query import Part, Query
from qa.question.scope import Scope
from qa.reading.reader import Reader
from qa.retrieval import Candidates, Prepared, Retriever
from qa.stages import stage
from qa.unread import NoVersion, Unread, unread

# Of so few companies all passages that state what is asked are quoted; of more the best, so that the cost has a bound.
_GATHERED_COMPANIES = 4
EVEN = 0.5

Vectors = np.ndarray


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question got of the companies asked."""

    hits: tuple[Hit, ...]
    verdicts: tuple[CompanyVerdict, ...]

    @property
    def outcome(self) -> Outcome:
        """The best that any company's policies say."""
        outcomes = {each.outcome for each in self.verdicts}
        order = (Outcome.ANSWERED, Outcome.UNCLEAR)
        return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_STATED)


class Inquiry:
    """Puts questions to the policies of one index. It holds no state of a question, so threads may share it."""

    def __init__(
        self, index: PolicyIndex, embedder: Embedder, *, reader: Reader | None, calibration: Calibration
    ) -> None:
        self._embedder, self._reader, self._calibration = embedder, reader, calibration
        self._scope = Scope(embedder)
        self._intents = Intents(embedder)
        self._look_into(index)

    def of(self, index: PolicyIndex) -> "Inquiry":
        """The same, of another index that was built with the same model."""
        inquiry = copy(self)
        inquiry._look_into(index)
        return inquiry

    def remembering(self) -> "Inquiry":
        """The same, for one question that is asked of several versions: what was read is not read again."""
        inquiry = copy(self)
        inquiry.judge = self.judge.remembering()
        return inquiry

    def _look_into(self, index: PolicyIndex) -> None:
        policies = [place.policy for place in index.policies.places.values()]
        self.index = index
        self._retriever = Retriever(index)
        self._all_readable = all(can_read(policy.language) for policy in policies)
        undated = frozenset(policy.id for policy in undated_twins(policies))
        self.judge = Judge(index, reader=self._reader, calibration=self._calibration, undated=undated)

    def vector(self, topic: str) -> Vectors:
        """Shape (dimension,), unit."""
        with stage("embed"):
            vector: Vectors = self._embedder.embed_questions([topic])[0]
            return vector

    def prepared(self, topic: str, vector: Vectors | None = None) -> Prepared:
        """What every comparison with `topic` needs; `vector`: its own, if it is known by now."""
        vector = self.vector(topic) if vector is None else vector
        with stage("intents"):
            meant = self._intents.meant(vector)
        return self._retriever.prepared(topic, vector, meant)

    def inside(self, topic: str, vector: Vectors) -> float:
        """The probability that the question is about privacy policies at all."""
        with stage("scope"):
            return 1.0 - self._scope.probability_outside(topic, vector)

    def rows(self, query: Query, company_ids: Sequence[str] | None) -> Vectors:
        """The passages in force that can be read, rising."""
        languages = None if self._all_readable else READ_LANGUAGES
        return self.index.rows(company_ids, as_of=query.as_of, languages=languages, types=query.document_types)

    def unread(self, query: Query) -> list[Unread]:
        """Those of the companies asked about, or of all, whose policies cannot be asked, and why."""
        if not query.companies and query.as_of is None and self._all_readable:
            return []
        companies = query.companies or self.index.companies.values()
        found = (unread(company, self.index.policies_of(company.id), query.as_of) for company in companies)
        return [each for each in found if each is not None]

    def nearest(self, query: Query, prepared: Prepared) -> list[str]:
        """The ids of all companies, the nearest first; those that nothing is near of follow by id."""
        with stage("compare"):
            candidates = self._retriever.candidates(prepared, allowed=self.rows(query, None))
        order = self._calibration.order(passage_signals(candidates))
        nearest = dict.fromkeys(
            self.index.owner(int(candidates.rows[place])) for place in np.lexsort((candidates.rows, -order))
        )
        return [*nearest, *sorted(set(self.index.companies) - set(nearest))]

    def examined(self, query: Query, prepared: Prepared) -> Examined:
        """The candidates for `query` among all its companies' passages and every signal, undecided."""
        ids = [company.id for company in query.companies] or None
        candidates = self._retriever.candidates(prepared, allowed=self.rows(query, ids))
        (examined,) = self.judge.examined(query.read_as, prepared, [candidates], depths=[READ_PASSAGES])
        return examined

    def candidates(self, prepared: Prepared, rows: Vectors) -> Candidates:
        """Those of the passages at `rows`, of whatever versions, that may answer; rising."""
        with stage("compare"):
            return self._retriever.candidates(prepared, allowed=rows)

    def judged(
        self, query: Query, prepared: Prepared, company_ids: Sequence[str], *, inside: float, effort: Effort
    ) -> list[Judged]:
        """Each company by what its own policies say; of many, fewer passages of each are read."""
        effort.deadline.check()
        with stage("compare"):
            groups = [self.rows(query, [company_id]) for company_id in company_ids]
            candidates = self._retriever.candidates_of_each(prepared, groups)
        effort.deadline.check()
        companies = list(zip(company_ids, candidates, strict=True))
        return self.judge.judged(
            query.read_as,
            prepared,
            companies,
            inside=inside,
            as_of=query.as_of,
            depths=effort.depths(len(companies)),
            deadline=effort.deadline,
        )

    def judged_alone(
        self,
        query: Query,
        prepared: Prepared,
        company_ids: Sequence[str],
        *,
        inside: float,
        deadline: Deadline,
        depth: int = READ_PASSAGES,
    ) -> list[Judged]:
        """Each company as if it alone were asked; only the passages of all are read together."""
        companies = []
        for company_id in company_ids:
            deadline.check()
            with stage("compare"):
                # One by one: a matrix product of other shape differs in its last bits, and a rounded number then.
                (candidates,) = self._retriever.candidates_of_each(prepared, [self.rows(query, [company_id])])
            companies.append((company_id, candidates))
        return self.judge.judged(
            query.read_as,
            prepared,
            companies,
            inside=inside,
            as_of=query.as_of,
            depths=[depth] * len(companies),
            deadline=deadline,
        )

    def asked(
        self,
        query: Query,
        prepared: Prepared,
        company_ids: Sequence[str],
        *,
        inside: float,
        k: int,
        effort: Effort,
    ) -> Asked:
        """What the companies say to the one thing that `query` asks."""
        each = self.judged(query, prepared, company_ids, inside=inside, effort=effort)
        hits = self.judge.hits(each, k)
        items = effort.items(len(each)) if len(each) <= _GATHERED_COMPANIES else None
        verdicts = (self.judge.verdict(query.read_as, judged, items=items, deadline=effort.deadline) for judged in each)
        return Asked(hits, tuple(verdicts))


def queries_of_parts(query: Query) -> list[Query]:
    """A query for each thing that `query` asks."""
    return [replace(query, topic=part.topic, read_as=part.read_as) for part in query.parts] or [query]


def of_all_parts(asked: Sequence[Part], parts: Sequence[Sequence[CompanyVerdict]]) -> tuple[CompanyVerdict, ...]:
    """Each company once: the best outcome, the quotes of all parts, and the verdict of the first thing asked.

    There is none where another part gets another verdict, unless it hangs on the first ("and if so, can I refuse?").

    Args:
        parts: of each part a verdict for each company.
    """
    merged = []
    for of_company in zip(*parts, strict=True):
        best = max(of_company, key=lambda each: each.probability)
        first, *others = of_company
        beside = {each.verdict for part, each in zip(asked[1:], others, strict=True) if not part.hangs_on_another}
        every = (quote for each in of_company if each.outcome is best.outcome for quote in each.quotes)
        quotes = tuple({(quote.policy.id, quote.evidence): quote for quote in every}.values())
        undated = frozenset[str]().union(*(each.undated for each in of_company))
        verdict = first.verdict if beside <= {None, first.verdict} else None
        merged.append(replace(best, verdict=verdict, quotes=quotes, undated=undated))
    return tuple(merged)


def refused(query: Query) -> Outcome | None:
    """The outcome of a question that nothing is searched for, whatever the policies say."""
    if query.small_talk:
        return Outcome.OUT_OF_SCOPE
    if not can_read(query.language):
        return Outcome.UNSUPPORTED_LANGUAGE
    return Outcome.UNKNOWN_COMPANY if query.not_covered and not query.matched else None


def outcome_of(closed: Sequence[Unread]) -> Outcome:
    """The outcome of policies that cannot be asked."""
    if any(isinstance(each, NoVersion) for each in closed):
        return Outcome.NO_VERSION
    return Outcome.UNSUPPORTED_LANGUAGE
