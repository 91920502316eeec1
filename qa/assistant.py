"""A question goes in, an answer comes out: the one door that the API, the CLI and the evaluation use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from index.embedding import Embedder
from index.errors import BadK
from index.language.detect import READ_LANGUAGES, can_read
from index.policies.companies import Company
from index.policies.series import undated_twins
from index.policy_index import PolicyIndex
from qa.answers import (
    Answer,
    Answerer,
    CompanyVerdict,
    ExtractiveAnswerer,
    Hit,
    Outcome,
    PartAnswer,
)
from qa.deadline import NO_DEADLINE, Deadline
from qa.intents import Intents
from qa.judge import Examined, Judge, Judged
from qa.judgement import Calibration, passage_signals
from qa.question.mentions import CompanyNames
from qa.question.query import Part, Query
from qa.question.scope import Scope
from qa.question.spelling import Spelling
from qa.question.understanding import Understanding
from qa.reading.reader import Reader
from qa.retrieval import Prepared, Retriever
from qa.stages import stage
from qa.unread import NoVersion, Unread, unread

MAX_K = 100
MAX_HISTORY = 50
MAX_OFFSET = 1_000_000
# Where no company is named, so many are asked at once; the next page asks the next.
COMPANIES_A_PAGE = 20
# Of so few companies all passages that state what is asked are quoted; of more the best, so that the cost has a bound.
_GATHERED_COMPANIES = 4
_EVEN = 0.5

Vectors = np.ndarray


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one question got of the companies asked."""

    hits: tuple[Hit, ...]
    verdicts: tuple[CompanyVerdict, ...]

    @property
    def outcome(self) -> Outcome:
        """The best that any company's policies say."""
        outcomes = {each.outcome for each in self.verdicts}
        order = (Outcome.ANSWERED, Outcome.UNCLEAR)
        return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_STATED)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a search found, best first, and how its question was understood."""

    query: Query
    hits: tuple[Hit, ...]
    calibrated: bool = True


class Assistant:
    """Answers questions from one opened index. Safe to share between threads: it holds no state of a question."""

    def __init__(
        self,
        index: PolicyIndex,
        embedder: Embedder,
        *,
        reader: Reader | None = None,
        answerer: Answerer | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """`calibration`: for these models; None means the shipped one, which is fitted for the shipped models."""
        self.index = index
        names = CompanyNames(list(index.companies.values()), lower_case_words=index.words)
        self._understanding = Understanding(names, Spelling(index.words))
        places = index.policies.places.values()
        self._embedder = embedder
        self._retriever = Retriever(index)
        self._scope = Scope(embedder)
        self._intents = Intents(embedder)
        self._answerer = answerer or ExtractiveAnswerer()
        self._all_readable = all(can_read(place.policy.language) for place in places)
        self._calibration = calibration or Calibration.read(reader=reader is not None)
        undated = frozenset(policy.id for policy in undated_twins(place.policy for place in places))
        self._judge = Judge(index, reader=reader, calibration=self._calibration, undated=undated)
        self.calibrated = self._calibration.is_of(embedder.content_hash, reader.content_hash if reader else "")

    @property
    def thresholds(self) -> dict[str, float]:
        """Where probabilities become words, for the record: `unclear_from` and `verdict_from` of `Calibration`."""
        return {name: getattr(self._calibration, name) for name in ("unclear_from", "verdict_from")}

    def ask(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        offset: int = 0,
        deadline: Deadline = NO_DEADLINE,
    ) -> Answer:
        """The answer to `question`.

        Args:
            companies: ids, names, aliases or domains: it is about these, or those of them that it names.
            history: earlier questions of the same chat, oldest first; the last few are read.
            k: how many passages at most, 1 to 100.
            as_of: answer from the versions in force on that day; None means the day that it names, or the latest.
            offset: where no company is named, how many of the nearest are left out: `next_offset` of the last answer.
        Raises:
            BadQuestion: `question` or one of `history`, see `checked_question`.
            BadK: see `checked_k`.
            UnknownCompany: one of `companies` is not in the index. (One that the question names is an outcome.)
            DeadlineExceeded: it is later than `deadline`.
        """
        *_, answer = self.steps(
            question, companies=companies, history=history, k=k, as_of=as_of, offset=offset, deadline=deadline
        )
        if not isinstance(answer, Answer):
            raise TypeError(f"the last step is an Answer, got {answer!r}")
        return answer

    def steps(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        offset: int = 0,
        deadline: Deadline = NO_DEADLINE,
    ) -> Iterator[Query | tuple[Hit, ...] | Answer]:
        """What `ask` finds out, as soon as it does: how the question was understood, the passages, the answer.

        A question that is not about companies of the index, or not for policies at all, has no passages.

        Raises:
            BadQuestion, BadK, UnknownCompany, DeadlineExceeded: as `ask`; all but the last before the first step.
        """
        k = checked_k(k)
        query = self.understand(question, companies=companies, history=history, as_of=as_of, deadline=deadline)
        refused = _refused(query)
        if refused:
            yield query
            yield self._answer(query, refused)
            return
        deadline.check()
        vector = self._vector(query.topic)
        inside = self._inside(query.topic, vector)
        outside = inside <= _EVEN
        if query.unknown and not query.matched:
            query = replace(query, unknown=()) if outside else query
            yield query
            yield self._answer(query, Outcome.OUT_OF_SCOPE if outside else Outcome.UNKNOWN_COMPANY)
            return
        yield query
        deadline.check()
        closed = self._unread(query)
        if closed and len(closed) == len(query.companies or self.index.companies):
            yield self._answer(query, _outcome_of(closed), closed=closed[:COMPANIES_A_PAGE])
            return
        prepared = self._prepared(query.topic, vector)
        ids, next_offset = self._companies_asked(query, prepared, offset, COMPANIES_A_PAGE, closed)
        if query.parts:
            each = [replace(query, topic=part.topic, read_as=part.read_as) for part in query.parts]
            parts = [self._asked(part, None, ids, inside=inside, k=k, deadline=deadline) for part in each]
        else:
            parts = [self._asked(query, prepared, ids, inside=inside, k=k, deadline=deadline)]
        hits = _merged([part.hits for part in parts], k) if query.parts else parts[0].hits
        if outside:
            hits = tuple(replace(hit, evidence=()) for hit in hits)
        yield hits
        shut = closed if query.companies else ()
        if outside:
            yield self._answer(query, Outcome.OUT_OF_SCOPE, hits, closed=shut)
        else:
            yield self._answer_of(query, parts, hits, closed=shut, next_offset=next_offset)

    def search(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Ranking:
        """The `k` passages nearest to `question`, best first, ties in reading order; no outcome is judged.

        A question that names only companies that the index lacks finds nothing.

        Raises:
            BadQuestion, BadK, UnknownCompany, DeadlineExceeded: as `ask`.
        """
        k = checked_k(k)
        query = self.understand(question, companies=companies, as_of=as_of, deadline=deadline)
        if not query.matched and (query.unknown or query.not_covered):
            return Ranking(query, (), self.calibrated)
        deadline.check()
        vector = self._vector(query.topic)
        prepared = self._prepared(query.topic, vector)
        ids, _ = self._companies_asked(query, prepared, 0, max(COMPANIES_A_PAGE, k), closed=())
        each = self._judged_each(query, prepared, ids, self._inside(query.topic, vector), deadline)
        hits = self._judge.hits(each, k) if query.companies else self._judge.nearest(each, k)
        return Ranking(query, hits, self.calibrated)

    def understand(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Query:
        """`question` with what its chat and the companies given beside it add to it; nothing is searched.

        Raises:
            BadQuestion, UnknownCompany, DeadlineExceeded: as `ask`.
        """
        with stage("understand"):
            return self._understanding.query(
                question, companies=companies, history=history, as_of=as_of, deadline=deadline
            )

    def company(self, name: str) -> Company:
        """The company that goes by `name`: its id, name, alias or domain.

        Raises:
            UnknownCompany: none does.
        """
        return self._understanding.names.given(name)

    def examine(self, question: str, *, companies: Sequence[str] = (), history: Sequence[str] = ()) -> Examined:
        """The candidates for `question` and every signal, undecided.

        Raises:
            BadQuestion, UnknownCompany: as `ask`.
        """
        query = self.understand(question, companies=companies, history=history)
        ids = [company.id for company in query.companies] or None
        prepared = self._prepared(query.topic, self._vector(query.topic))
        candidates = self._retriever.candidates(prepared, allowed=self._rows(query, ids))
        (examined,) = self._judge.examined(query.read_as, prepared, [candidates])
        return examined

    def _vector(self, topic: str) -> Vectors:
        with stage("embed"):
            vector: Vectors = self._embedder.embed_questions([topic])[0]
            return vector

    def _prepared(self, topic: str, vector: Vectors) -> Prepared:
        with stage("intents"):
            meant = self._intents.meant(vector)
        return self._retriever.prepared(topic, vector, meant)

    def _inside(self, topic: str, vector: Vectors) -> float:
        """The probability that the question is about privacy policies at all."""
        with stage("scope"):
            return 1.0 - self._scope.probability_outside(topic, vector)

    def _asked(
        self,
        query: Query,
        prepared: Prepared | None,
        company_ids: Sequence[str],
        *,
        inside: float,
        k: int,
        deadline: Deadline,
    ) -> _Asked:
        """What the companies say to the one thing that `query` asks; `prepared`: its topic, if it is by now."""
        prepared = prepared or self._prepared(query.topic, self._vector(query.topic))
        each = self._judged_each(query, prepared, company_ids, inside, deadline)
        hits = self._judge.hits(each, k)
        verdicts = []
        for judged in each:
            deadline.check()
            verdicts.append(self._judge.verdict(query.read_as, judged, gather=len(each) <= _GATHERED_COMPANIES))
        return _Asked(hits, tuple(verdicts))

    def _companies_asked(
        self, query: Query, prepared: Prepared, offset: int, count: int, closed: Sequence[Unread]
    ) -> tuple[list[str], int | None]:
        """The ids of the companies asked, and where the next page begins; where none is named, the nearest first."""
        left_out = {each.company.id for each in closed}
        if query.companies:
            return [company.id for company in query.companies if company.id not in left_out], None
        with stage("compare"):
            candidates = self._retriever.candidates(prepared, allowed=self._rows(query, None))
        order = self._calibration.order(passage_signals(candidates))
        nearest = dict.fromkeys(
            self.index.owner(int(candidates.rows[place])) for place in np.lexsort((candidates.rows, -order))
        )
        every = [name for name in (*nearest, *sorted(set(self.index.companies) - set(nearest))) if name not in left_out]
        more = offset + count < len(every)
        return every[offset : offset + count], offset + count if more else None

    def _judged_each(
        self, query: Query, prepared: Prepared, company_ids: Sequence[str], inside: float, deadline: Deadline
    ) -> list[Judged]:
        """Each company by what its own policies say."""
        with stage("compare"):
            groups = [self._rows(query, [company_id]) for company_id in company_ids]
            candidates = self._retriever.candidates_of_each(prepared, groups)
        deadline.check()
        companies = list(zip(company_ids, candidates, strict=True))
        return self._judge.judged(query.read_as, prepared, companies, inside, query.as_of)

    def _rows(self, query: Query, company_ids: Sequence[str] | None) -> Vectors:
        """The passages in force that can be read, rising."""
        languages = None if self._all_readable else READ_LANGUAGES
        return self.index.rows(company_ids, as_of=query.as_of, languages=languages, types=query.document_types)

    def _unread(self, query: Query) -> list[Unread]:
        """Those of the companies asked about, or of all, whose policies cannot be asked, and why."""
        if not query.companies and query.as_of is None and self._all_readable:
            return []
        companies = query.companies or self.index.companies.values()
        found = (unread(company, self.index.policies_of(company.id), query.as_of) for company in companies)
        return [each for each in found if each is not None]

    def _answer_of(
        self,
        query: Query,
        parts: Sequence[_Asked],
        hits: tuple[Hit, ...],
        *,
        closed: Sequence[Unread],
        next_offset: int | None,
    ) -> Answer:
        """The answer that `parts` make: to the one thing that is asked, or to each of several."""
        outcome = _Asked(hits, tuple(verdict for part in parts for verdict in part.verdicts)).outcome
        verdicts = _of_all_parts(query.parts, parts) if query.parts else parts[0].verdicts
        answers = []
        for asked, part in zip(query.parts, parts, strict=False):
            of_part = self._in_order(query, part.verdicts)
            text = self._answerer.answer(replace(query, unknown=(), not_covered=()), part.outcome, of_part, ())
            answers.append(PartAnswer(asked.words, part.outcome, text, of_part))
        return self._answer(
            query,
            outcome,
            hits,
            closed=closed,
            verdicts=self._in_order(query, verdicts),
            parts=tuple(answers),
            next_offset=next_offset,
        )

    @staticmethod
    def _in_order(query: Query, verdicts: tuple[CompanyVerdict, ...]) -> tuple[CompanyVerdict, ...]:
        """As the companies were named; where none was, those likeliest to say it first."""
        return verdicts if query.companies else tuple(sorted(verdicts, key=lambda said: -said.probability))

    def _answer(
        self,
        query: Query,
        outcome: Outcome,
        hits: tuple[Hit, ...] = (),
        *,
        closed: Sequence[Unread] = (),
        verdicts: tuple[CompanyVerdict, ...] = (),
        parts: tuple[PartAnswer, ...] = (),
        next_offset: int | None = None,
    ) -> Answer:
        text = self._answerer.answer(query, outcome, () if parts else verdicts, closed)
        lines = [line for line in (text, *(f"{part.question}: {part.text}" for part in parts)) if line]
        if next_offset is not None:
            lines.append("More companies were not asked yet.")
        elif not lines:
            lines.append("No company is left to ask.")
        shut = tuple(CompanyVerdict(each.company, _outcome_of([each]), None, 0.0, ()) for each in closed)
        return Answer(
            question=query.question,
            standalone_question=query.standalone,
            outcome=outcome,
            text="\n".join(lines),
            companies=tuple({match.company.id: match for match in reversed(query.matched)}.values())[::-1],
            unknown_companies=(*query.unknown, *query.not_covered),
            hits=hits,
            index_version=self.index.manifest.version,
            verdicts=(*verdicts, *shut),
            calibrated=self.calibrated,
            parts=parts,
            next_offset=next_offset,
        )


def _merged(groups: Sequence[tuple[Hit, ...]], k: int) -> tuple[Hit, ...]:
    """The `k` best hits of several parts, each once: each part's best, then each its next, while k lasts."""
    best: dict[tuple[str, int], Hit] = {}
    turns = [(turn, hit) for group in groups for turn, hit in enumerate(group)]
    for _, hit in sorted(turns, key=lambda entry: (entry[0], *_reading_order(entry[1]))):
        place = (hit.policy.id, hit.passage.start)
        if len(best) < k or place in best:
            kept = best.setdefault(place, hit)
            if not kept.evidence and hit.evidence:
                best[place] = replace(kept, evidence=hit.evidence)
    return tuple(sorted(best.values(), key=_reading_order))


def _reading_order(hit: Hit) -> tuple[float, str, int]:
    """What hits are sorted by: best first, ties in reading order."""
    return -hit.score, hit.policy.id, hit.passage.start


def _of_all_parts(asked: Sequence[Part], parts: Sequence[_Asked]) -> tuple[CompanyVerdict, ...]:
    """Each company once: the best outcome, the quotes of all parts, and the verdict of the first thing asked.

    There is none where another part gets another verdict, unless it hangs on the first ("and if so, can I refuse?").
    """
    merged = []
    for of_company in zip(*(part.verdicts for part in parts), strict=True):
        best = max(of_company, key=lambda each: each.probability)
        first, *others = of_company
        beside = {each.verdict for part, each in zip(asked[1:], others, strict=True) if not part.hangs_on_another}
        every = (quote for each in of_company if each.outcome is best.outcome for quote in each.quotes)
        quotes = tuple({(quote.policy.id, quote.evidence): quote for quote in every}.values())
        undated = frozenset[str]().union(*(each.undated for each in of_company))
        verdict = first.verdict if beside <= {None, first.verdict} else None
        merged.append(replace(best, verdict=verdict, quotes=quotes, undated=undated))
    return tuple(merged)


def _refused(query: Query) -> Outcome | None:
    """The outcome of a question that nothing is searched for, whatever the policies say."""
    if query.small_talk:
        return Outcome.OUT_OF_SCOPE
    if not can_read(query.language):
        return Outcome.UNSUPPORTED_LANGUAGE
    return Outcome.UNKNOWN_COMPANY if query.not_covered and not query.matched else None


def _outcome_of(closed: Sequence[Unread]) -> Outcome:
    if any(isinstance(each, NoVersion) for each in closed):
        return Outcome.NO_VERSION
    return Outcome.UNSUPPORTED_LANGUAGE


def checked_k(k: int) -> int:
    """`k`, if it is one.

    Raises:
        BadK: below 1 or above `MAX_K`.
    """
    if not 1 <= k <= MAX_K:
        raise BadK(f"k is {k}, expected 1 to {MAX_K}")
    return k
