"""The JSON of a comparison: `/v1/compare`, and each line that `askpolicy compare` writes. It does not know HTTP."""

from collections.abc import Sequence
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
from qa.checklists.checklist import Item
from qa.comparison import Cell, Row

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


def ordered(
    cells: Sequence[CellOut], companies: Sequence[ComparedCompanyOut], items: Sequence[ItemOut]
) -> list[CellOut]:
    """`cells` company by company, each in the order of the questions."""
    by_key = {cell.key: cell for cell in cells}
    return [by_key[company.id or company.name, item.id] for company in companies for item in items]
