"""The order in which a page of a PDF is read: columns one after the other, what spans them in its place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import mean, median

from index.parsing.pdf_page import Line, Page
from index.parsing.pdf_tables import Table, aligned_table, ruled_tables

_MIN_GUTTER_PT = 7.0
_MIN_COLUMN_LINES = 3
_MAX_DEPTH = 8
_MAX_INSET_PT = 75.0
Element = Line | Table


@dataclass(frozen=True, slots=True)
class _Gutter:
    """White space between two columns, beside which the rows `first` to `last` stand."""

    left: float
    right: float
    first: int
    last: int


def reading_order(page: Page, lines: list[Line]) -> list[Element]:
    """The lines and tables of `page` as they are read; pieces of one line are joined where no column parts them."""
    tables, rest = ruled_tables(page, lines)
    elements = _ordered([*rest, *tables], depth=0)
    for line in elements:
        if isinstance(line, Line):
            line.bullet_x = _bullet_x(page, line)
    return elements


def set_bases(lines: Sequence[Line]) -> None:
    """Tell each line where its column's text begins, by where lines of the document mostly begin near to its edge."""
    begins = Counter(round(line.x0) for line in lines if line.bullet_x is None)
    bases = {}
    for left in {line.left for line in lines}:
        near = [x for x in begins if left - _MAX_INSET_PT < x <= left + 1]
        most = max((begins[x] for x in near), default=0)
        # A page's left margin may be another than the right page's; each has lines of its own.
        bases[left] = left if begins[round(left)] >= 0.25 * most else max(near, key=lambda x: begins[x])
    for line in lines:
        line.base = bases[line.left]


def _bullet_x(page: Page, line: Line) -> float | None:
    for x0, y0, x1, y1 in page.dots:
        middle = (y0 + y1) / 2 - line.y
        if -0.1 < middle / line.size < 0.8 and 0 <= line.x0 - x1 < 2.5 * line.size and y1 - y0 < 0.8 * line.size:
            return x0
    return None


def _ordered(elements: list[Element], *, depth: int) -> list[Element]:
    rows = _rows(elements)
    gutter = _widest_run(rows) if depth < _MAX_DEPTH else None
    if gutter is None:
        return _leaf(rows)
    above = [element for row in rows[: gutter.first] for element in row]
    below = [element for row in rows[gutter.last + 1 :] for element in row]
    beside = [element for row in rows[gutter.first : gutter.last + 1] for element in row]
    left = [element for element in beside if element.x1 <= gutter.left + 0.5]
    right = [element for element in beside if element.x0 >= gutter.right - 0.5]
    result = _ordered(above, depth=depth + 1) if above else []
    left_lines, right_lines = _lines(left), _lines(right)
    if _is_prose(left_lines, right_lines):
        result += _ordered(left, depth=depth + 1) + _ordered(right, depth=depth + 1)
    else:
        table = aligned_table(_lines(beside))
        result += [table] if table else _leaf(rows[gutter.first : gutter.last + 1])
    return result + (_ordered(below, depth=depth + 1) if below else [])


def _lines(elements: list[Element]) -> list[Line]:
    return [element for element in elements if isinstance(element, Line)]


def _rows(elements: list[Element]) -> list[list[Element]]:
    """`elements` from the top, those on one baseline together."""
    rows: list[list[Element]] = []
    for element in sorted(elements, key=lambda element: (-element.y, element.x0)):
        close = rows and isinstance(element, Line) and isinstance(rows[-1][0], Line)
        if close and rows[-1][0].y - element.y < 0.4 * min(element.size, rows[-1][0].size):
            rows[-1].append(element)
        else:
            rows.append([element])
    return [sorted(row, key=lambda element: element.x0) for row in rows]


def _leaf(rows: list[list[Element]]) -> list[Element]:
    """One column: its rows as whole lines, each with the column's edges."""
    result: list[Element] = []
    for row in rows:
        for is_line, group in groupby(row, key=lambda element: isinstance(element, Line)):
            members = list(group)
            if not is_line:
                result += members
                continue
            lines = _lines(members)
            result.append(Line([word for line in lines for word in line.words], lines[0].page))
    lines = _lines(result)
    if lines:
        left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
        for line in lines:
            line.left, line.right = left, right
    return result


def _widest_run(rows: list[list[Element]]) -> _Gutter | None:
    """The gutter beside which most rows stand on both sides."""
    best, best_worth = None, 0
    tried: list[tuple[int, float]] = []
    for number, row in enumerate(rows):
        for before, after in pairwise(row):
            middle = (before.x1 + after.x0) / 2
            if after.x0 - before.x1 < _MIN_GUTTER_PT or any(n >= number and abs(m - middle) < 4 for n, m in tried):
                continue
            gutter = _run(rows, number, before.x1, after.x0)
            tried.append((gutter.last, middle))
            beside = [element for row in rows[gutter.first : gutter.last + 1] for element in row]
            on_left = sum(element.x1 <= gutter.left + 0.5 for element in beside)
            worth = min(on_left, len(beside) - on_left)
            if worth >= _MIN_COLUMN_LINES and worth > best_worth:
                best, best_worth = gutter, worth
    return best


def _run(rows: list[list[Element]], start: int, left: float, right: float) -> _Gutter:
    """How far up and down from row `start` no element crosses the white space from `left` to `right`."""
    reached = {}
    for step, limit in ((-1, -1), (1, len(rows))):
        number = start
        last_both = start
        while number + step != limit:
            row = rows[number + step]
            new_left = max([left, *(e.x1 for e in row if (e.x0 + e.x1) / 2 < (left + right) / 2)])
            new_right = min([right, *(e.x0 for e in row if (e.x0 + e.x1) / 2 >= (left + right) / 2)])
            if new_right - new_left < _MIN_GUTTER_PT:
                break
            left, right, number = new_left, new_right, number + step
            last_both = number
        reached[step] = last_both
    return _trimmed(rows, _Gutter(left, right, reached[-1], reached[1]))


def _trimmed(rows: list[list[Element]], gutter: _Gutter) -> _Gutter:
    """`gutter` without the rows at its top and foot that are set apart and have words on one side only.

    A short heading over two columns does not reach across the gutter, but stands over both.
    """
    first, last = gutter.first, gutter.last
    middle = (gutter.left + gutter.right) / 2

    def sides(rows_of: list[list[Element]]) -> set[bool]:
        return {element.x0 > middle for row in rows_of for element in row}

    for number in range(first, last):
        gap = rows[number][0].y - rows[number + 1][0].y
        here = sides(rows[first : number + 1])
        if len(here) > 1 or number - first > 3:
            break
        size = max(rows[number][0].size, rows[number + 1][0].size)
        if len(sides(rows[number + 1 : number + 2])) > 1 and gap > 1.7 * size:
            first = number + 1
            break
    return _Gutter(gutter.left, gutter.right, first, last)


def _is_prose(left: list[Line], right: list[Line]) -> bool:
    """Whether two sides of a gutter are columns of text, not of a table."""
    if not left or not right:
        return True
    dense = [
        median(len(line.text) for line in side) >= 18 and _filled(side) >= 0.4 and len(side) >= 4
        for side in (left, right)
    ]
    if all(dense) and min(len(left), len(right)) >= 0.3 * max(len(left), len(right)):
        return True
    fewer, more = sorted(({round(line.y) for line in side} for side in (left, right)), key=len)
    return mean(any(abs(y - other) < 2 for other in more) for y in fewer) < 0.8


def _filled(lines: list[Line]) -> float:
    """The share of lines that reach the right edge, as lines of running text do."""
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    return mean(line.x1 > right - 0.2 * (right - left) for line in lines)
