"""A table that is sent back to be written in a format: the data of the events that told it, one a line.

It does not know HTTP or formats.
"""

from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from api.tables.table import Table
from api.wire.comparison import CellOut, ComparisonStep

# A cell has 2,000 on average; so few bound what is wrong with one line.
_MOST_LINE_CHARS = 100_000

_Model = TypeVar("_Model", bound=BaseModel)


class BadTable(Exception):
    """The lines are no table; the message says which line, and what was expected."""


def table_in(lines: bytes, *, title: str) -> Table:
    """The table that `lines` tell: a `ComparisonStep`, then a `CellOut` for each of its companies and items.

    Raises:
        BadTable: they do not.
    """
    told = _lines(lines)
    step = _read(ComparisonStep, *next(told, (1, b"")))
    cells = {}
    for number, line in told:
        cell = _read(CellOut, number, line)
        cells[cell.key] = cell
    for company in step.companies:
        for item in step.items:
            if (company.id or company.name, item.id) not in cells:
                raise BadTable(f"there is no cell of {company.name[:100]!r} and {item.id[:100]!r}; send every cell")
    return Table(
        title,
        tuple(step.items),
        tuple(step.companies),
        cells,
        step.as_of,
        step.index_version,
        step.calibrated,
    )


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty, with its number."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _read(model: type[_Model], number: int, line: bytes) -> _Model:
    if len(line) > _MOST_LINE_CHARS:
        raise BadTable(f"line {number} has more than {_MOST_LINE_CHARS:,} bytes, which no cell has")
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step)[:60] for step in first["loc"])
        expected = "the data of a `comparison` event" if model is ComparisonStep else "the data of a `cell` event"
        raise BadTable(f"line {number}: {where or 'JSON'}: {first['msg']}; expected {expected}") from error
