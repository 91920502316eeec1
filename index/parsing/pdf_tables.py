"""Tables of a PDF's page: by the lines drawn around their cells, or by columns that stand under each other."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from index.parsing.pdf_page import Box, Line, Page

_THIN_PT = 2.6
_TOUCH_PT = 4.0
_MIN_GUTTER_PT = 5.0
Row = list[list[Line]]


@dataclass(slots=True)
class Table:
    """Rows of cells, each cell the lines in it; `x0` to `x1` and `y` (its top) are its place, as of a line."""

    rows: list[Row]
    page: int
    x0: float
    x1: float
    y: float
    bottom: float
    has_header: bool = False
    has_bold_header: bool = False
    size: float = 10.0

    @property
    def column_count(self) -> int:
        """How many columns it has."""
        return len(self.rows[0])


def ruled_tables(page: Page, lines: list[Line]) -> tuple[list[Table], list[Line]]:
    """The tables with drawn lines or shades, and the lines outside them."""
    across, down = _rules(page, lines)
    tables: list[Table] = []
    for group in _touching(across + down):
        members = set(group)
        table = _gridded(page, [rule for rule in across if rule in members], [r for r in down if r in members], lines)
        if table:
            _add_header_above(table, lines)
            tables.append(table)
            inside = {id(line) for row in table.rows for cell in row for line in cell}
            lines = [line for line in lines if id(line) not in inside and not _covers(table, line)]
    for stack in _stacks(across):
        table = None if any(_overlap(stack, table) for table in tables) else _striped(page, stack, lines)
        if table:
            _add_header_above(table, lines)
            tables.append(table)
            inside = {id(line) for line in lines if _covers(table, line)}
            lines = [line for line in lines if id(line) not in inside]
    return tables, lines


def _add_header_above(table: Table, lines: list[Line]) -> None:
    """Put the names of the columns into `table` where they stand over its frame, in bold."""
    if table.has_bold_header:
        return
    edges = [
        min((line.x0 for row in table.rows for line in row[n]), default=table.x0) for n in range(table.column_count)
    ]
    header: Row = [[] for _ in edges]
    top = table.y
    for line in sorted(lines, key=lambda line: line.y):
        beside = table.x0 - 3 < line.x0 and line.x1 < table.x1 + 3
        if not beside or not line.bold or not 0 <= line.y - top < 1.7 * line.size:
            continue
        middle = (line.x0 + line.x1) / 2
        header[max(0, bisect_right(edges, middle) - 1)].insert(0, line)
        top = max(table.y, line.y)
    if sum(map(bool, header)) > 1:
        for cell in header:
            cell.sort(key=lambda line: -line.y)
        table.rows.insert(0, header)
        table.has_header = table.has_bold_header = True
        table.y = max(line.y + line.size for cell in header for line in cell)


def _overlap(stack: list[Box], table: Table) -> bool:
    across = stack[0][0] < table.x1 and table.x0 < stack[0][2]
    return across and stack[0][1] < table.y + 1 and table.bottom - 1 < stack[-1][1]


def _stacks(across: list[Box]) -> list[list[Box]]:
    """Rules of the same width under each other, from the foot up; the pieces of one are joined."""
    whole: list[Box] = []
    for rule in sorted(across, key=lambda rule: (round(rule[1]), rule[0])):
        last = whole[-1] if whole else None
        if last and abs(last[1] - rule[1]) < 1.5 and rule[0] - last[2] < _TOUCH_PT:
            whole[-1] = (last[0], last[1], max(last[2], rule[2]), last[3])
        else:
            whole.append(rule)
    by_width: dict[tuple[int, int], list[Box]] = {}
    for rule in whole:
        by_width.setdefault((round(rule[0] / 4), round(rule[2] / 4)), []).append(rule)
    return [sorted(rules, key=lambda rule: rule[1]) for rules in by_width.values() if len(rules) >= 3]


def _striped(page: Page, stack: list[Box], lines: list[Line]) -> Table | None:
    """The table whose rows only rules part, and whose columns white space does in every row."""
    x0, x1 = stack[0][0], stack[0][2]
    ys = _distinct(rule[1] for rule in stack)
    within = [line for line in lines if x0 - 3 < line.x0 and line.x1 < x1 + 3 and ys[0] - 1 < line.y]
    inside = [line for line in within if line.y < ys[-1]]
    if not inside or len(ys) < 3:
        return None
    size = median(line.size for line in inside)
    gap = max(3.5, 0.45 * size)
    columns = _columns([Line([word], page.number) for line in inside for word in line.words], gap)
    if len(columns) < 2:
        return None
    rows: list[Row] = [[[] for _ in columns] for _ in range(len(ys) - 1)]
    for line in sorted(inside, key=lambda line: -line.y):
        number = min(max(bisect_right(ys, line.y + 0.1 * line.size) - 1, 0), len(rows) - 1)
        for part in _parted(line, [left - 1 for left, _ in columns]):
            column = min(max(bisect_right([left - 1 for left, _ in columns], part.x0) - 1, 0), len(columns) - 1)
            rows[-1 - number][column].append(part)
    rows = [row for row in rows if any(row)]
    if len(rows) < 2 or sum(sum(map(bool, row)) > 1 for row in rows) < 0.6 * len(rows):
        return None
    return _table(rows, page.number, (x0, ys[0], x1, ys[-1]))


def _covers(table: Table, line: Line) -> bool:
    return table.bottom < line.y < table.y and table.x0 - 2 < line.x0 and line.x1 < table.x1 + 2


def _rules(page: Page, lines: list[Line]) -> tuple[list[Box], list[Box]]:
    """Horizontal and vertical rules: thin boxes, and the edges of larger ones; none that underlines words."""
    across: set[Box] = set()
    down: set[Box] = set()
    for x0, y0, x1, y1 in page.rules:
        width, height = x1 - x0, y1 - y0
        if height <= _THIN_PT and width > 12:
            across.add((x0, y0, x1, y1))
        elif width <= _THIN_PT and height > 6:
            down.add((x0, y0, x1, y1))
        elif width > 12 and height > 6 and width * height < 0.7 * page.width * page.height:
            across.update({(x0, y0, x1, y0), (x0, y1, x1, y1)})
            down.update({(x0, y0, x0, y1), (x1, y0, x1, y1)})
    underlines = {
        rule
        for rule in across
        for line in lines
        if -0.05 * line.size <= line.y - rule[1] < 0.22 * line.size
        if line.x0 - 2 <= rule[0] and rule[2] <= line.x1 + 2
    }
    # A page of drawings is not a page of tables, and comparing all with all takes its time.
    return (sorted(across - underlines), sorted(down)) if len(across) + len(down) < 6_000 else ([], [])


def _touching(rules: list[Box]) -> list[list[Box]]:
    """`rules` in groups that hang together."""
    groups: list[tuple[Box, list[Box]]] = []
    for rule in rules:
        box, members = rule, [rule]
        rest = []
        for other_box, other in groups:
            if _near(box, other_box) and any(_near(mine, theirs) for mine in members for theirs in other):
                box = (
                    min(box[0], other_box[0]),
                    min(box[1], other_box[1]),
                    max(box[2], other_box[2]),
                    max(box[3], other_box[3]),
                )
                members = members + other
            else:
                rest.append((other_box, other))
        groups = [*rest, (box, members)]
    return [members for _, members in groups]


def _near(one: Box, other: Box) -> bool:
    return (
        one[0] <= other[2] + _TOUCH_PT
        and other[0] <= one[2] + _TOUCH_PT
        and one[1] <= other[3] + _TOUCH_PT
        and other[1] <= one[3] + _TOUCH_PT
    )


def _distinct(values: Iterable[float], apart: float = 5.0) -> list[float]:
    result: list[float] = []
    for value in sorted(values):
        if not result or value - result[-1] > apart:
            result.append(value)
    return result


def _gridded(page: Page, across: list[Box], down: list[Box], lines: list[Line]) -> Table | None:
    """The table whose cells `across` and `down` part, if they part any."""
    if not down or not across:
        return None
    # A table that is cut by the end of a page has no rule there, but its columns' rules end there.
    ends = (min(rule[1] for rule in down), max(rule[3] for rule in down))
    ys = _distinct([*(rule[1] for rule in across), *ends])
    xs = _distinct(rule[0] for rule in down)
    if len(xs) < 2 or len(ys) < 2:
        return None
    x0, x1 = min(xs[0], *(rule[0] for rule in across)), max(xs[-1], *(rule[2] for rule in across))
    xs = _distinct([x0, *xs, x1])
    inside = [line for line in lines if x0 - 2 < (line.x0 + line.x1) / 2 < x1 + 2 and ys[0] - 1 < line.y < ys[-1] + 1]
    if len(xs) < 3 or not inside:
        return None
    rows: list[Row] = [[[] for _ in range(len(xs) - 1)] for _ in range(len(ys) - 1)]
    for line in inside:
        number = min(max(bisect_right(ys, line.y + 0.3 * line.size) - 1, 0), len(rows) - 1)
        for part in _parted(line, xs):
            column = min(max(bisect_right(xs, (part.x0 + part.words[0].x1) / 2) - 1, 0), len(xs) - 2)
            rows[-1 - number][column].append(part)
    rows = [row for row in rows if any(row)]
    used = [column for column in range(len(xs) - 1) if any(row[column] for row in rows)]
    # A row alone is what a page's end has parted from its table.
    if len(used) < 2 or not rows or (len(rows) == 1 and len(_distinct(rule[0] for rule in down)) < 3):
        return None
    rows = [[row[column] for column in used] for row in rows]
    return _table(rows, page.number, (x0, ys[0], x1, ys[-1]))


def _parted(line: Line, xs: list[float]) -> list[Line]:
    """`line` split where a column begins; a word that stands across the edge stays with what is before it."""
    parts: list[Line] = []
    column = -1
    for word in line.words:
        here = bisect_right(xs, (word.x0 + word.x1) / 2)
        if here != column and not word.glued:
            parts.append(Line([], line.page))
            column = here
        if not parts:
            parts.append(Line([], line.page))
        parts[-1].words.append(word)
    return parts


def _table(rows: list[Row], page: int, box: Box) -> Table:
    table = Table(rows, page, box[0], box[2], box[3], box[1])
    sizes = [line.size for row in rows for cell in row for line in cell]
    table.size = median(sizes)
    table.has_bold_header = _has_bold_header(rows)
    table.has_header = table.has_bold_header or _has_short_header(rows)
    return table


def _has_bold_header(rows: list[Row]) -> bool:
    """Whether the first row is bold, and what is under it is not, but for the first column."""
    first, others = rows[0], rows[1:]
    bold = all(line.bold for cell in first for line in cell)
    below = [line.bold for row in others for cell in row[1:] for line in cell]
    return bold and sum(map(bool, first)) > 1 and not (below and all(below))


def _has_short_header(rows: list[Row]) -> bool:
    """Whether a first row in the letters of the others names the columns: short over longer ones, or without digits."""
    first, others = rows[0], rows[1:]
    lengths = [sum(len(line.text.split()) for line in cell) for cell in first]
    if not all(first) or len(first) < 3 or len(others) < 2 or max(lengths) > 5:
        return False
    below = [sum(len(line.text.split()) for line in cell) for row in others for cell in row]
    digits = any(char.isdigit() for cell in first for line in cell for char in line.text)
    return max(below) >= 2 * max(lengths) or not digits


def aligned_table(lines: list[Line]) -> Table | None:
    """The table that `lines` show by standing in columns, without rules; None where they are no table."""
    lines = [part for line in lines for part in _parted_at_starts(line, lines)]
    columns = _columns(lines, _MIN_GUTTER_PT)
    if len(columns) < 2:
        return None
    ordered = sorted(lines, key=lambda line: -line.y)
    starts = _row_starts(ordered, columns)
    rows: list[Row] = []
    for line in ordered:
        if not rows or any(abs(line.y - start) < 1.5 for start in starts):
            starts = [start for start in starts if abs(line.y - start) >= 1.5]
            rows.append([[] for _ in columns])
        column = max(0, bisect_right([left for left, _ in columns], line.x0 + 0.5) - 1)
        rows[-1][column].append(line)
    filled = sum(sum(map(bool, row)) for row in rows)
    # Wide spaces in a line that is stretched to the edge are no columns.
    if len(rows) < 2 or filled < (0.55 if len(rows) > 2 else 0.9) * len(rows) * len(columns):
        return None
    box = (min(c[0] for c in columns), ordered[-1].y, max(c[1] for c in columns), ordered[0].y + ordered[0].size)
    return _table(rows, ordered[0].page, box)


def _parted_at_starts(line: Line, lines: list[Line]) -> list[Line]:
    """`line` split where one of its words begins in line with at least three others, as a column's cells do."""
    starts = [
        word.x0 - 1
        for before, word in pairwise(line.words)
        if word.x0 - before.x1 > 0.4 * word.size
        and sum(abs(other.x0 - word.x0) < 1.0 for other in lines if other is not line) >= 3
    ]
    return _parted(line, starts) if starts else [line]


def _columns(lines: list[Line], gutter: float) -> list[tuple[float, float]]:
    """The intervals that the lines cover, from left to right."""
    columns: list[tuple[float, float]] = []
    for x0, x1 in sorted((line.x0, line.x1) for line in lines):
        if columns and x0 < columns[-1][1] + gutter:
            columns[-1] = (columns[-1][0], max(columns[-1][1], x1))
        else:
            columns.append((x0, x1))
    return columns


def _row_starts(ordered: list[Line], columns: list[tuple[float, float]]) -> list[float]:
    """Where rows begin: below white space; without any, at each line of the first column."""
    ys = _distinct((line.y for line in ordered), apart=1.5)[::-1]
    gaps = [above - below for above, below in pairwise(ys)]
    if not gaps:
        return ys
    leading = min(gaps)
    spaced = [below for (_, below), gap in zip(pairwise(ys), gaps, strict=True) if gap > 1.25 * leading]
    first = [line.y for line in ordered if line.x0 < columns[0][1]]
    return [ys[0], *spaced] if spaced and len(spaced) >= 0.3 * len(first) else first
