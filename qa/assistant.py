"""A question goes in, an answer comes out: the one door that the API, the CLI and the evaluation use."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date

from index.embedding import Embedder
from index.errors import BadK
from index.policies.companies import Company
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
from qa.comparison import Comparison
from qa.counts import READ_OUTCOMES, count
from qa.deadline import NO_DEADLINE, Deadline
from qa.effort import Effort
from qa.historian import Historian
from qa.history import History
from qa.inquiry import EVEN, Asked, Inquiry, of_all_parts, outcome_of, queries_of_parts, refused
from qa.judge import Examined
from qa.judgement import Calibration
from qa.question.mentions import CompanyNames
from qa.question.query import Query
from qa.question.spelling import Spelling
from qa.question.timing import TimeKind
from qa.question.understanding import Understanding
from qa.reading.reader import Reader
from qa.retrieval import Prepared
from qa.stages import stage
from qa.unread import Unread

MAX_K = 100
MAX_HISTORY = 50
MAX_OFFSET = 1_000_000
# So many companies are asked at once, and fewer where several things are; the next page asks the next.
COMPANIES_A_PAGE = 20
# Of so many companies at most the versions are followed for a question of time.
MOST_HISTORIES = 4


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
        self._answerer = answerer or ExtractiveAnswerer()
        self._calibration = calibration or Calibration.read(reader=reader is not None)
        self._inquiry = Inquiry(index, embedder, reader=reader, calibration=self._calibration)
        models = f"{embedder.content_hash} {reader.content_hash if reader else ''} {self._calibration}"
        self._made_by = hashlib.sha256(models.encode()).hexdigest()
        self.calibrated = self._calibration.is_of(embedder.content_hash, reader.content_hash if reader else "")

    def restricted(self, company_ids: Collection[str]) -> "Assistant":
        """The same where the index holds these companies alone: it can neither quote nor name another."""
        assistant = copy(self)
        assistant.index = self.index.restricted(company_ids)
        assistant._inquiry = self._inquiry.of(assistant.index)
        assistant._understanding = self._understanding.restricted(list(assistant.index.companies.values()))
        return assistant

    @property
    def made_by(self) -> str:
        """Changes whenever the same index might answer otherwise: models, weights and thresholds, as a hash."""
        return self._made_by

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
            offset: how many of the companies named, or of the nearest where none is, are left out: `next_offset` of the
                last answer.
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
        refusal = refused(query)
        if refusal:
            yield query
            yield self._answer(query, refusal)
            return
        deadline.check()
        vector = self._inquiry.vector(query.topic)
        inside = self._inquiry.inside(query.topic, vector)
        outside = inside <= EVEN
        if query.unknown and not query.matched:
            query = replace(query, unknown=()) if outside else query
            yield query
            yield self._answer(query, Outcome.OUT_OF_SCOPE if outside else Outcome.UNKNOWN_COMPANY)
            return
        yield query
        deadline.check()
        closed = self._inquiry.unread(query)
        if closed and len(closed) == len(query.companies or self.index.companies):
            yield self._answer(query, outcome_of(closed), closed=closed[:COMPANIES_A_PAGE])
            return
        if query.timing and (found := self._of_time(query, closed, k, deadline)):
            yield from found
            return
        prepared = self._inquiry.prepared(query.topic, vector)
        if query.counting and not query.companies and not outside:
            yield from self._counted(query, self._inquiry.nearest(query, prepared), offset, k, deadline)
            return
        if outside:
            query = replace(query, parts=())  # the nearest passages are shown, and nothing is said of them
        effort = Effort(deadline, max(1, len(query.parts)), reads=not outside)
        ids, next_offset = self._companies_asked(query, prepared, offset, COMPANIES_A_PAGE // effort.parts, closed)
        parts = []
        for part in queries_of_parts(query):
            of_part = self._inquiry.prepared(part.topic) if query.parts else prepared
            parts.append(self._inquiry.asked(part, of_part, ids, inside=inside, k=k, effort=effort))
        hits = _merged([part.hits for part in parts], k) if query.parts else parts[0].hits
        if outside:
            hits = tuple(replace(hit, evidence=()) for hit in hits)
        yield hits
        shut = closed if query.companies else ()
        if outside:
            yield self._answer(query, Outcome.OUT_OF_SCOPE, hits, closed=shut)
        else:
            yield self._answer_of(query, parts, hits, closed=shut, next_offset=next_offset)

    def _counted(
        self, query: Query, nearest: Sequence[str], offset: int, k: int, deadline: Deadline
    ) -> Iterator[tuple[Hit, ...] | Answer]:
        """The steps of a question that asks which or how many companies do something."""
        if query.counting is None:
            raise ValueError("expected a question that counts")
        comparison = self.compare([query.counting.asked], companies=nearest, as_of=query.as_of, deadline=deadline)
        counts, cells = count(query.counting, comparison, deadline)
        page = [cell.said for cell in cells[offset : offset + COMPANIES_A_PAGE]]
        asked = replace(query, topic=comparison.topics[0], read_as=query.counting.asked)
        vector = self._inquiry.vector(asked.topic)
        readable = [said.company.id for said in page if said.outcome in READ_OUTCOMES]
        judged = self._inquiry.judged(
            asked,
            self._inquiry.prepared(asked.topic, vector),
            readable,
            inside=self._inquiry.inside(asked.topic, vector),
            effort=Effort(deadline),
        )
        hits = self._inquiry.judge.hits(judged, k)
        yield hits
        outcome = Asked((), tuple(cell.said for cell in cells)).outcome
        shown = self._answerer.answer(query, outcome, page, ())
        yield replace(
            self._answer(query, outcome, hits, verdicts=tuple(page)),
            text="\n".join(filter(None, (counts.words, shown))),
            next_offset=offset + COMPANIES_A_PAGE if offset + COMPANIES_A_PAGE < len(cells) else None,
            counts=counts,
        )

    def _of_time(
        self, query: Query, closed: Sequence[Unread], k: int, deadline: Deadline
    ) -> tuple[tuple[Hit, ...], Answer] | None:
        """The passages and the answer of a question of time; None where it names no company, too many, or no topic."""
        timing, shut = query.timing, {each.company.id for each in closed}
        companies = query.companies or (tuple(self.index.companies.values()) if len(self.index.companies) == 1 else ())
        asked = [company for company in companies if company.id not in shut]
        if timing is None or not 0 < len(asked) <= MOST_HISTORIES:
            return None
        historian = Historian(self._inquiry)
        if timing.kind is TimeKind.LISTED:
            histories = [historian.of_everything(each, timing, query, deadline=deadline) for each in asked]
            hits: tuple[Hit, ...] = ()
        else:
            vector = self._inquiry.vector(timing.asked)
            inside = self._inquiry.inside(timing.asked, vector)
            if inside <= EVEN:
                return None
            topic = historian.topic(query, timing, self._inquiry.prepared(timing.asked, vector), inside)
            histories = [historian.of_topic(each, timing, topic, deadline=deadline) for each in asked]
            ids = [each.id for each in asked]
            judged = self._inquiry.judged(topic.query, topic.prepared, ids, inside=inside, effort=Effort(deadline))
            hits = self._inquiry.judge.hits(judged, k)
        history = History(timing, tuple(histories))
        verdicts = tuple(each.now for each in history.companies if each.now)
        beside = self._answerer.answer(query, history.outcome, (), closed)
        answer = self._answer(query, history.outcome, hits, closed=closed, verdicts=verdicts)
        return hits, replace(answer, text="\n".join(filter(None, (beside, history.words))), history=history)

    def compare(
        self,
        questions: Sequence[str],
        *,
        companies: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Comparison:
        """The companies by the questions: each cell says what `ask` says of that company and that question alone.

        Args:
            companies: ids, names, aliases or domains, in this order; none means all, by id.
        Raises:
            BadQuestion: one of `questions`, or there is none.
            DeadlineExceeded: as `ask`.
        """
        return Comparison(
            self._inquiry, self._understanding, questions, companies=companies, as_of=as_of, deadline=deadline
        )

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
        vector = self._inquiry.vector(query.topic)
        prepared, inside = self._inquiry.prepared(query.topic, vector), self._inquiry.inside(query.topic, vector)
        ids, _ = self._companies_asked(query, prepared, 0, max(COMPANIES_A_PAGE, k), closed=())
        each = self._inquiry.judged(query, prepared, ids, inside=inside, effort=Effort(deadline))
        judge = self._inquiry.judge
        hits = judge.hits(each, k) if query.companies else judge.nearest(each, k)
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
        return self._inquiry.examined(query, self._inquiry.prepared(query.topic))

    def _companies_asked(
        self, query: Query, prepared: Prepared, offset: int, count: int, closed: Sequence[Unread]
    ) -> tuple[list[str], int | None]:
        """The ids of the companies asked, and where the next page begins; where none is named, the nearest first."""
        left_out = {each.company.id for each in closed}
        if query.companies:
            named = [company.id for company in query.companies if company.id not in left_out]
            return named[offset : offset + count], offset + count if offset + count < len(named) else None
        every = [name for name in self._inquiry.nearest(query, prepared) if name not in left_out]
        more = offset + count < len(every)
        return every[offset : offset + count], offset + count if more else None

    def _answer_of(
        self,
        query: Query,
        parts: Sequence[Asked],
        hits: tuple[Hit, ...],
        *,
        closed: Sequence[Unread],
        next_offset: int | None,
    ) -> Answer:
        """The answer that `parts` make: to the one thing that is asked, or to each of several."""
        outcome = Asked(hits, tuple(verdict for part in parts for verdict in part.verdicts)).outcome
        verdicts = of_all_parts(query.parts, [part.verdicts for part in parts]) if query.parts else parts[0].verdicts
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
        shut = tuple(CompanyVerdict(each.company, outcome_of([each]), None, 0.0, ()) for each in closed)
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


def checked_k(k: int) -> int:
    """`k`, if it is one.

    Raises:
        BadK: below 1 or above `MAX_K`.
    """
    if not 1 <= k <= MAX_K:
        raise BadK(f"k is {k}, expected 1 to {MAX_K}")
    return k
