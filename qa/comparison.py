"""Companies by questions: of every pair a cell that says what `Assistant.ask` says of that company and question alone.

Each question is understood and embedded once; companies are asked in blocks, so that the passages of several are read
together and a comparison of any size takes the memory of one block. It does not know files or formats.
"""

from collections.abc import Container, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date

from index.errors import BadPage, BadQuestion, DeadlineExceeded, UnknownCompany
from index.policies.companies import Company
from index.policies.versions import Policy
from qa.answers import CompanyVerdict, Outcome, Quotation, Verdict
from qa.deadline import NO_DEADLINE, Deadline
from qa.effort import READ_PASSAGES, Effort
from qa.inquiry import EVEN, Inquiry, of_all_parts, outcome_of, queries_of_parts, refused
from qa.judge import Judged, ScoredSpan
from qa.question.query import Part, Query
from qa.question.understanding import Understanding
from qa.retrieval import Prepared
from qa.stages import stage

# Companies whose passages are read together. Of 1, 8 and 32 the quickest a cell on two cores: decision 60.
BLOCK = 32


@dataclass(frozen=True, slots=True)
class Row:
    """A company of a comparison.

    Attributes:
        name: its name; as it was given, where the index lacks it.
        company: None where the index lacks it.
        nearest: of one that it lacks, the names that are spelt most like it.
    """

    name: str
    company: Company | None
    nearest: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What tells it from every other row: the company's id, or the name that was given."""
        return self.company.id if self.company else self.name


@dataclass(frozen=True, slots=True)
class Cell:
    """What one company's policies say to one question; every field is that of `ask` for this pair alone.

    Attributes:
        question: the place of the question among those asked.
        outcome: the answer's; `UNKNOWN_COMPANY` also where the index lacks the company.
        verdict, probability, quotes, undated: those of its only `CompanyVerdict`; None, 0 and none where it has none.
        note: why the company cannot be asked, for people; else empty.
    """

    row: Row
    question: int
    outcome: Outcome
    verdict: Verdict | None = None
    probability: float = 0.0
    quotes: tuple[Quotation, ...] = ()
    undated: frozenset[str] = frozenset()
    note: str = ""

    @property
    def said(self) -> CompanyVerdict:
        """The same as `ask` tells it.

        Raises:
            ValueError: the index lacks the company.
        """
        if self.row.company is None:
            raise ValueError(f"{self.row.name} is not in the index")
        return CompanyVerdict(self.row.company, self.outcome, self.verdict, self.probability, self.quotes, self.undated)

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from every other cell of its comparison."""
        return self.row.id, self.question


@dataclass(frozen=True, slots=True)
class AnsweringSpan:
    """A sentence that answers one of the questions, for one company.

    Attributes:
        question: the place of the question among those asked.
        part: which of several things that the question asks, from 0.
    """

    company: Company
    question: int
    part: int
    policy: Policy
    span: ScoredSpan


@dataclass(frozen=True, slots=True)
class _Question:
    """A question as understood whoever is asked, and what was prepared for it, by topic."""

    query: Query
    prepared: dict[str, tuple[Prepared, float]]


class Comparison:
    """Questions put to companies of one index. It may be iterated several times, by one thread at a time."""

    def __init__(
        self,
        inquiry: Inquiry,
        understanding: Understanding,
        questions: Sequence[str],
        *,
        companies: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> None:
        """See `Assistant.compare`."""
        if not questions:
            raise BadQuestion("there is no question to compare companies by; ask one or more")
        self._inquiry, self._understanding = inquiry, understanding
        with stage("understand"):
            read = []
            for question in questions:
                deadline.check()
                read.append(understanding.read(question, has_subject=True, as_of=as_of))
        self.questions = tuple(query.question for query in read)
        self._questions = [_Question(query, {}) for query in read]
        self.rows = tuple(
            {row.id: row for row in map(self._row, companies or sorted(inquiry.index.companies))}.values()
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """What is searched for, for each question, of a company that none of them names."""
        return tuple(question.query.topic for question in self._questions)

    @property
    def index_version(self) -> str:
        """The version of the index that is asked."""
        return self._inquiry.index.manifest.version

    def __len__(self) -> int:
        """How many cells there are."""
        return len(self.rows) * len(self.questions)

    def page(self, *, after: str | None, most_cells: int) -> tuple["Comparison", str | None]:
        """As many whole rows as have at most `most_cells` cells, one at least; and the `after` of the next page.

        Args:
            after: the id of the last row before them; None means from the first on.
        Raises:
            BadPage: no row is called so.
        """
        ids = [row.id for row in self.rows]
        if after is not None and after not in ids:
            raise BadPage(f"after is {after[:100]!r}, expected `next` of the page before, or none for the first page")
        begin = 0 if after is None else ids.index(after) + 1
        end = begin + max(1, most_cells // len(self.questions))
        page = copy(self)
        page.rows = self.rows[begin:end]
        return page, page.rows[-1].id if end < len(self.rows) else None

    def cells(
        self, *, done: Container[tuple[str, int]] = (), deadline: Deadline = NO_DEADLINE, partial: bool = False
    ) -> Iterator[Cell]:
        """Every cell but those whose `key` is in `done`; a block of companies after the other, question by question.

        Args:
            partial: end quietly at the deadline, with fewer cells.
        Raises:
            DeadlineExceeded: it is later than `deadline`, and not `partial`; the cells before it are told.
        """
        try:
            yield from self._cells(done, deadline)
        except DeadlineExceeded:
            if not partial:
                raise

    def _cells(self, done: Container[tuple[str, int]], deadline: Deadline) -> Iterator[Cell]:
        for begin in range(0, len(self.rows), BLOCK):
            block = self.rows[begin : begin + BLOCK]
            for number, question in enumerate(self._questions):
                wanted = [row for row in block if (row.id, number) not in done]
                found = self._known_cells(number, question, [row for row in wanted if row.company], deadline)
                for row in wanted:
                    yield found.get(row.id) or Cell(row, number, Outcome.UNKNOWN_COMPANY, note=_missing(row))

    def spans(
        self, *, threshold: float, depth: int = READ_PASSAGES, deadline: Deadline = NO_DEADLINE
    ) -> Iterator[AnsweringSpan]:
        """Every sentence that answers in a passage whose score is `threshold` or more, best passages first.

        Args:
            threshold: in [0, 1]; what `Hit.score` is compared with.
            depth: how many passages of each company are read for each question; with more than `ask` reads,
                probabilities are no longer those that `ask` tells.
        Raises:
            DeadlineExceeded: as `cells`.
        """
        for begin in range(0, len(self.rows), BLOCK):
            block = [row for row in self.rows[begin : begin + BLOCK] if row.company]
            for number, question in enumerate(self._questions):
                together, _ = self._asked(number, question, block)
                for query, asked in together:
                    found = self._judged(question, query, asked, depth=depth, deadline=deadline)
                    for place, of_company in enumerate(zip(*found, strict=True)):
                        yield from self._spans(asked[place], number, of_company, threshold)

    def _spans(
        self, company: Company, question: int, parts: Sequence[Judged], threshold: float
    ) -> Iterator[AnsweringSpan]:
        for part, judged in enumerate(parts):
            for policy, span in self._inquiry.judge.spans(judged, threshold=threshold):
                yield AnsweringSpan(company, question, part, policy, span)

    def _row(self, name: str) -> Row:
        try:
            company = self._inquiry.index.companies.get(name) or self._understanding.names.given(name)
        except UnknownCompany as unknown:
            return Row(unknown.name, None, tuple(unknown.nearest))
        return Row(company.name, company)

    def _known_cells(
        self, number: int, question: _Question, rows: Sequence[Row], deadline: Deadline
    ) -> dict[str, Cell]:
        """The cells of companies that are in the index, by id."""
        by_id = {row.id: row for row in rows}
        together, cells = self._asked(number, question, rows)
        for query, asked in together:
            effort = Effort(deadline, max(1, len(query.parts)))
            found = self._judged(question, query, asked, depth=effort.depth(1), deadline=deadline)
            judge = self._inquiry.judge
            parts: list[list[CompanyVerdict]] = []
            for of_part, each in zip(queries_of_parts(query), found, strict=True):
                parts.append([])
                for judged in each:
                    said = judge.verdict(of_part.read_as, judged, items=effort.items(1), deadline=deadline)
                    parts[-1].append(said)
            for said in of_all_parts(query.parts, parts) if query.parts else parts[0]:
                cells[said.company.id] = _cell(by_id[said.company.id], number, said)
        return cells

    def _asked(
        self, number: int, question: _Question, rows: Sequence[Row]
    ) -> tuple[list[tuple[Query, list[Company]]], dict[str, Cell]]:
        """What is asked of whom, those together of whom the very same is; and the cells of those not asked, by id."""
        together: dict[tuple[str, str, tuple[Part, ...]], tuple[Query, list[Company]]] = {}
        closed: dict[str, Cell] = {}
        for row in rows:
            if row.company is None:
                continue
            query = self._understanding.asked_of(question.query, [row.company])
            cell = self._closed(row, number, question, query)
            if cell:
                closed[row.id] = cell
            else:
                together.setdefault((query.topic, query.read_as, query.parts), (query, []))[1].append(row.company)
        return list(together.values()), closed

    def _closed(self, row: Row, number: int, question: _Question, query: Query) -> Cell | None:
        """The cell of a company that nothing is asked of, in the order in which `ask` finds that out."""
        refusal = refused(query)
        if refusal:
            return Cell(row, number, refusal)
        unread = self._inquiry.unread(query)
        if unread:
            return Cell(row, number, outcome_of(unread), note=unread[0].words)
        _, inside = self._prepared(question, query.topic)
        return Cell(row, number, Outcome.OUT_OF_SCOPE) if inside <= EVEN else None

    def _judged(
        self, question: _Question, query: Query, companies: Sequence[Company], *, depth: int, deadline: Deadline
    ) -> list[list[Judged]]:
        """For each thing that `query` asks each company judged."""
        _, inside = self._prepared(question, query.topic)
        ids = [company.id for company in companies]
        return [
            self._inquiry.judged_alone(
                part, self._prepared(question, part.topic)[0], ids, inside=inside, deadline=deadline, depth=depth
            )
            for part in queries_of_parts(query)
        ]

    def _prepared(self, question: _Question, topic: str) -> tuple[Prepared, float]:
        """`topic` prepared, and the probability that it is about privacy policies at all."""
        if topic not in question.prepared:
            vector = self._inquiry.vector(topic)
            question.prepared[topic] = self._inquiry.prepared(topic, vector), self._inquiry.inside(topic, vector)
        return question.prepared[topic]


def _cell(row: Row, number: int, said: CompanyVerdict) -> Cell:
    return Cell(row, number, said.outcome, said.verdict, said.probability, said.quotes, said.undated)


def _missing(row: Row) -> str:
    nearest = f" Nearest names: {', '.join(row.nearest)}." if row.nearest else ""
    return f"No policy of {row.name} is in this index.{nearest}"
