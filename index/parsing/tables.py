"""Tables of Markdown: which lines are rows, their cells and the names of the columns. It does not know blocks."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from index.parsing.document import Cell, Span

_RULE_MARKS, _RULE_CELL = re.compile(r"[\s:|-]*$"), re.compile(r":?-+:?$")
_BAR = re.compile(r"(?<!\\)\|")

Line = tuple[int, str]
"""Where a line starts, and its text."""


def table_rows(lines: Sequence[Line]) -> dict[int, tuple[Cell, ...]]:
    """The cells of every table row among `lines`, by where its line starts.

    A table is what GitHub's Markdown takes for one: a row, a rule of dashes with as many columns, rows; or lines that
    begin with a bar, which then have no names of columns. Cells of the header row are their own columns.
    """
    rows: dict[int, tuple[Cell, ...]] = {}
    position = 0
    while position < len(lines):
        start, line = lines[position]
        below = lines[position + 1][1] if position + 1 < len(lines) else ""
        if "|" in line and _is_rule(below, columns=len(_spans(start, line))):
            names = _spans(start, line)
            empty = all(begins == ends for begins, ends in names)
            rows[start] = tuple(Cell(*span, None if empty else span) for span in names)
            position += 2
            while position < len(lines) and "|" in lines[position][1]:
                start, line = lines[position]
                rows[start] = tuple(_named(_spans(start, line), () if empty else names))
                position += 1
            continue
        if line.lstrip().startswith("|") and not _RULE_MARKS.match(line):
            rows[start] = tuple(Cell(*span) for span in _spans(start, line))
        position += 1
    return rows


def _is_rule(line: str, *, columns: int) -> bool:
    if "|" not in line or "-" not in line or not _RULE_MARKS.match(line):
        return False
    cells = _spans(0, line)
    return len(cells) == columns and all(_RULE_CELL.match(line[start:end]) for start, end in cells)


def _spans(start: int, line: str) -> list[Span]:
    """Where the cells of a row stand, trimmed; an empty one is an empty span."""
    edges = [found.start() for found in _BAR.finditer(line)]
    first = edges.pop(0) + 1 if edges and not line[: edges[0]].strip() else 0
    last = edges.pop() if edges and not line[edges[-1] + 1 :].strip() else len(line.rstrip())
    bounds = [first, *(edge + 1 for edge in edges), last + 1]
    spans = []
    for begins, ends in pairwise(bounds):
        cell = line[begins : ends - 1]
        lead = len(cell) - len(cell.lstrip())
        spans.append((start + begins + lead, start + begins + max(lead, len(cell.rstrip()))))
    return spans


def _named(spans: Sequence[Span], names: Sequence[Span]) -> Iterator[Cell]:
    for place, span in enumerate(spans):
        name = names[place] if place < len(names) else None
        yield Cell(*span, name if name and name[0] < name[1] else None)
