"""The JSON of a comparison: `/v1/compare`, and each line that `askpolicy compare` writes. It does not know HTTP."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from api.wire.schemas import (
    MAX_NAME_CHARS,
    AsOf,
    CompanyNames,
    OutcomeName,
    Question,
    QuotationOut,
    QuoteOut,
    Text,
    quotes_of,
    with_example,
)
from index.errors import BadQuestion
from qa.assistant import Assistant
from qa.checklists.checklist import Item, shipped_checklist
from qa.comparison import Cell, Row
from qa.deadline import Deadline
from qa.question.understanding import checked_question

MAX_CELLS = 100
"""Cells of one request: at the 12 ms that one takes, a second or two."""


class ComparedCompanyOut(BaseModel):
    """A company of a comparison; `id` is null where the index lacks it, and then `nearest` are names that it has."""

    id: str | None
    name: str
    nearest: list[str] = []

    @classmethod
    def of(cls, row: Row) -> Self:
        """`row` as JSON."""
        return cls(id=row.company.id if row.company else None, name=row.name, nearest=list(row.nearest))


class ItemOut(BaseModel):
    """A question that every company was asked; the rest is the checklist's, where it came from one."""

    id: str
    question: str
    answers: list[str] = Field(description="some of yes, no, depends and states")
    silence: str = Field(description="what it means that a policy does not say")
    source: str

    @classmethod
    def of(cls, item: Item) -> Self:
        """`item` as JSON."""
        return cls(
            id=item.id, question=item.question, answers=list(item.answers), silence=item.silence, source=item.source
        )


class CellOut(BaseModel):
    """What one company's policies say to one question: what `/v1/ask` says of these two alone."""

    company: ComparedCompanyOut
    question_id: str
    question: str
    outcome: OutcomeName
    verdict: Literal["yes", "no", "depends"] | None
    probability: float = Field(ge=0, le=1, description="that the policies answer; `answered` from one half on")
    quotes: list[QuoteOut]
    quotations: list[QuotationOut]
    note: str | None = Field(description="why the company cannot be asked, for people")

    @classmethod
    def of(cls, cell: Cell, item: Item) -> Self:
        """`cell` as JSON, of the question that `item` asks."""
        return cls(
            company=ComparedCompanyOut.of(cell.row),
            question_id=item.id,
            question=item.question,
            outcome=cell.outcome.value,
            verdict=cell.verdict.value if cell.verdict else None,
            probability=cell.probability,
            quotes=[quote for quotation in cell.quotes for quote in quotes_of(quotation)],
            quotations=[QuotationOut.of(quotation) for quotation in cell.quotes],
            note=cell.note or None,
        )

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other cell of its comparison."""
        return self.company.id or self.company.name, self.question_id


class CompareRequest(BaseModel):
    """Questions, or a checklist, and whom they are put to."""

    model_config = with_example(
        {"questions": ["do they sell my data?", "how long is it kept?"], "companies": ["JivoChat", "Mailigen"]},
        {"checklist": "consumer", "after": "jivochat.com"},
    )

    questions: list[Question] = Field(default=[], max_length=MAX_CELLS)
    checklist: Annotated[Text, Field(max_length=MAX_NAME_CHARS)] | None = Field(
        default=None, description="the name of a checklist that ships, instead of `questions`"
    )
    companies: CompanyNames = Field(default=[], description="left out: all; one that the index lacks has cells too")
    as_of: AsOf = None
    after: Annotated[Text, Field(max_length=MAX_NAME_CHARS)] | None = Field(
        default=None, description="`next` of the page before; left out: the first page"
    )


class ComparisonStep(BaseModel):
    """What is compared, before the first cell: the first event of a stream."""

    items: list[ItemOut]
    companies: list[ComparedCompanyOut] = Field(description="of this page")
    next: str | None = Field(
        description=f"the `after` that compares the companies behind these; null: there are no more. A page has "
        f"at most {MAX_CELLS} cells, and every company of it whole"
    )
    total_companies: int
    as_of: date | None
    calibrated: bool
    index_version: str


class ComparisonEnd(BaseModel):
    """The last event of a stream, once every cell of the page is told."""

    cells: int
    took_ms: float


class CompareResponse(ComparisonStep):
    """Companies by questions: a cell for each pair, company by company."""

    cells: list[CellOut]
    took_ms: float


def compared(
    assistant: Assistant, asked: CompareRequest, *, deadline: Deadline, took_s: Callable[[], float]
) -> Iterator[tuple[str, BaseModel]]:
    """The events of a page: what is compared, its cells as they are found, the end.

    Raises:
        BadChecklist, BadPage, BadQuestion, DeadlineExceeded: the first three before the first event.
    """
    items = _items(asked)
    whole = assistant.compare(
        [item.question for item in items], companies=asked.companies, as_of=asked.as_of, deadline=deadline
    )
    page, after = whole.page(after=asked.after, most_cells=MAX_CELLS)
    yield (
        "comparison",
        ComparisonStep(
            items=list(map(ItemOut.of, items)),
            companies=list(map(ComparedCompanyOut.of, page.rows)),
            next=after,
            total_companies=len(whole.rows),
            as_of=asked.as_of,
            calibrated=assistant.calibrated,
            index_version=page.index_version,
        ),
    )
    for cell in page.cells(deadline=deadline):
        yield "cell", CellOut.of(cell, items[cell.question])
    yield "end", ComparisonEnd(cells=len(page), took_ms=round(1_000 * took_s(), 1))


def gathered(events: Iterable[tuple[str, BaseModel]]) -> CompareResponse:
    """All of `events`, which `compared` makes, as one object; its cells company by company."""
    step: ComparisonStep | None = None
    end: ComparisonEnd | None = None
    cells: dict[tuple[str, str], CellOut] = {}
    for _, event in events:
        if isinstance(event, ComparisonStep):
            step = event
        elif isinstance(event, CellOut):
            cells[event.key] = event
        elif isinstance(event, ComparisonEnd):
            end = event
    if step is None or end is None:
        raise ValueError("expected the events of a whole page")
    ordered = [cells[company.id or company.name, item.id] for company in step.companies for item in step.items]
    members = {name: getattr(step, name) for name in ComparisonStep.model_fields}
    return CompareResponse(**members, cells=ordered, took_ms=end.took_ms)


def _items(asked: CompareRequest) -> tuple[Item, ...]:
    """What is asked: the items of the checklist that ships, or the questions, each once."""
    if asked.checklist is not None and not asked.questions:
        return shipped_checklist(asked.checklist).items
    if asked.checklist is not None:
        raise BadQuestion("both `questions` and a `checklist` are given; send one of them")
    if not asked.questions:
        raise BadQuestion("there is nothing to ask: give `questions` or a `checklist`")
    questions = dict.fromkeys(map(checked_question, asked.questions))
    return tuple(Item(f"q{number}", question) for number, question in enumerate(questions, start=1))
