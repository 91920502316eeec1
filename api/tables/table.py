"""A whole comparison as a table, and the words that stand for its cells in every format. It does not know formats."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from api.wire.comparison import CellOut, ComparedCompanyOut, ItemOut

COLUMNS = (
    "company_id",
    "company",
    "question_id",
    "question",
    "outcome",
    "verdict",
    "probability",
    "quote",
    "policy",
    "document_type",
    "heading",
    "start",
    "end",
    "archived_on",
    "effective_on",
    "link",
    "policy_id",
    "note",
    "silence_means",
    "source",
)
"""Of a cell as one row: `start:end` are code points of the first passage quoted, `link` is where its text was had."""

_WORDS = {
    "unclear": "unclear",
    "not_stated": "not stated",
    "no_version": "no version",
    "unsupported_language": "language",
    "unknown_company": "not in index",
    "out_of_scope": "out of scope",
}

Value = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Companies by questions, every cell of them.

    Attributes:
        cells: by `CellOut.key`.
        calibrated: whether probabilities are some: weights were fitted for the models used.
    """

    title: str
    items: tuple[ItemOut, ...]
    companies: tuple[ComparedCompanyOut, ...]
    cells: Mapping[tuple[str, str], CellOut]
    as_of: date | None
    index_version: str
    calibrated: bool

    def of_company(self, company: ComparedCompanyOut) -> list[CellOut]:
        """The cells of `company` in the order of the questions."""
        return [self.cells[company.id or company.name, item.id] for item in self.items]

    def __iter__(self) -> Iterator[tuple[CellOut, ItemOut]]:
        """Every cell with what it answers, company by company."""
        for company in self.companies:
            yield from zip(self.of_company(company), self.items, strict=True)


def word(cell: CellOut) -> str:
    """What a cell says, in a word or two."""
    return cell.verdict or _WORDS.get(cell.outcome, "says")


def values(cell: CellOut, item: ItemOut) -> dict[str, Value]:
    """A cell as one row, by `COLUMNS`; of several quotations the first is told in full, the words of all."""
    found: dict[str, Value] = dict.fromkeys(COLUMNS)
    found |= {
        "company_id": cell.company.id,
        "company": cell.company.name,
        "question_id": item.id,
        "question": item.question,
        "outcome": cell.outcome,
        "verdict": cell.verdict,
        "probability": cell.probability,
        "note": cell.note,
        "silence_means": item.silence if cell.outcome == "not_stated" and item.silence else None,
        "source": item.source or None,
    }
    if cell.quotations:
        first = cell.quotations[0]
        policy = first.policy
        found |= {
            "quote": "\n\n".join(quotation.text for quotation in cell.quotations),
            "policy": policy.title,
            "document_type": policy.type,
            "heading": first.heading,
            "start": first.start,
            "end": first.end,
            "archived_on": policy.archived_on.isoformat() if policy.archived_on else None,
            "effective_on": policy.effective_on.isoformat() if policy.effective_on else None,
            "link": web_link(policy.source_url),
            "policy_id": policy.id,
        }
    return found


def web_link(address: str | None) -> str | None:
    """`address`, if a browser may follow it: a policy's file may claim any."""
    return address if address and address.lower().startswith(("https://", "http://")) else None


def safe(value: Value) -> Value:
    """`value` as a spreadsheet takes it for text, never for a formula: what begins like one gets an apostrophe.

    >>> safe("=1+1"), safe(" -we do not"), safe("we do"), safe(-1.0)
    ("'=1+1", "' -we do not", 'we do', -1.0)
    """
    if isinstance(value, str) and (value[:1] in ("\t", "\r", "\n") or value.lstrip()[:1] in _FORMULA):
        return "'" + value
    return value


# The full-width forms are read as the others by some.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
