"""HTML tables: which hold data, and their rows with the names of their columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from index.parsing.document import Kind
from index.parsing.html_inline import Line
from index.parsing.html_tree import Element, tag_of
from index.parsing.html_units import Lead, Unit

_MAX_COLUMNS = 100
_MAX_ROWSPAN = 1000
# A cell that spans rows is written into each of them, unless it is a text of its own.
_MAX_REPEATED_WORDS = 25
# What one table may repeat: a page may say rowspan="65534" a thousand times.
_MAX_REPEATED_CHARS = 200_000
_MAX_NAME_WORDS = 12
_BETWEEN = " | "

ReadCell = Callable[[Element], Line]


@dataclass(frozen=True, slots=True)
class _Cell:
    line: Line
    header: bool
    span: int
    repeated: bool = False


def is_data_table(table: Element, *, nested: bool) -> bool:
    """Whether `table` has columns that mean something, rather than to place parts of the page.

    Args:
        nested: whether there is another table in it.
    """
    if nested or (table.get("role") or "").lower() in ("presentation", "none"):
        return False
    rows = list(_rows(table))
    widths = [len(cells) for _, cells in rows]
    if len(rows) < 2 or max(widths) < 2:
        return False
    cells = [cell for _, row in rows for cell in row]
    if any(tag_of(cell) == "th" for cell in cells):
        return True
    if any(tag_of(element) in ("h1", "h2", "h3", "h4", "form") for cell in cells for element in cell.iter()):
        return False
    # Cells of a layout hold texts: many words, or more than a paragraph or two.
    lengths = sorted(len(" ".join(cell.itertext()).split()) for cell in cells)
    return lengths[len(lengths) // 2] <= 60 and lengths[-1] <= 300


def _rows(table: Element) -> Iterator[tuple[Element, list[Element]]]:
    """The rows of `table`, head first, with their cells."""
    sections = [child for child in table if tag_of(child) in ("thead", "tbody", "tfoot", "tr")]
    sections.sort(key=lambda section: {"thead": 0, "tfoot": 2}.get(tag_of(section), 1))
    for section in sections:
        rows = [section] if tag_of(section) == "tr" else [row for row in section if tag_of(row) == "tr"]
        for row in rows:
            cells = [cell for cell in row if tag_of(cell) in ("td", "th")]
            if cells:
                yield row, cells


def row_units(table: Element, *, read: ReadCell, lead_ins: tuple[Lead, ...]) -> list[Unit]:
    """The rows of the data table `table`; its column names come first, in no block."""
    grid = list(_grid(table, read))
    heads = _head_rows(grid)
    names = _names([row for _, row in grid[:heads]])
    units = [names] if names else []
    columns = dict(enumerate(names.cells)) if names else {}
    for _, row in grid[heads:]:
        filled = [(place, cell) for place, cell in row if cell.line.text]
        if not filled:
            continue
        if len(filled) == 1 and filled[0][1].span > 1 and filled[0][1].header:
            # a title across the table, over the rows under it
            line = filled[0][1].line
            units.append(Unit(Kind.PARAGRAPH, line.text, lead_ins=lead_ins, notes=tuple(line.notes), bold=True))
            continue
        units.append(_row(row, columns, names, lead_ins))
    return units


def _grid(table: Element, read: ReadCell) -> Iterator[tuple[bool, list[tuple[int, _Cell]]]]:
    """Whether each row is of the table's head, and its cells with their columns, those of rows above included."""
    open_cells: dict[int, tuple[_Cell, int]] = {}
    budget = _MAX_REPEATED_CHARS
    for row, elements in _rows(table):
        cells: dict[int, _Cell] = {}
        for place, (cell, left) in list(open_cells.items()):
            budget -= len(cell.line.text)
            cells[place] = cell if budget > 0 else _Cell(Line(), header=False, span=cell.span, repeated=True)
            open_cells[place] = (cell, left - 1)
        open_cells = {place: found for place, found in open_cells.items() if found[1] > 0}
        taken = {place + column for place, cell in cells.items() for column in range(cell.span)}
        place = 0
        for element in elements:
            while place in taken:
                place += 1
            if place >= _MAX_COLUMNS:
                break
            span = min(_number(element.get("colspan")), _MAX_COLUMNS - place)
            cell = _Cell(read(element), header=tag_of(element) == "th", span=span)
            cells[place] = cell
            rows = min(_number(element.get("rowspan")), _MAX_ROWSPAN)
            if rows > 1:
                line = cell.line if len(cell.line.text.split()) <= _MAX_REPEATED_WORDS else Line()
                open_cells[place] = (_Cell(line, cell.header, span, repeated=True), rows - 1)
            place += span
        parent = row.getparent()
        yield parent is not None and tag_of(parent) == "thead", sorted(cells.items())


def _number(given: str | None) -> int:
    return max(1, int(given)) if given and given.isdecimal() and len(given) < 6 else 1


def _head_rows(grid: list[tuple[bool, list[tuple[int, _Cell]]]]) -> int:
    """How many of the first rows name the columns."""
    in_head = 0
    while in_head < len(grid) and (grid[in_head][0] or _all_headers(grid[in_head][1])):
        in_head += 1
    if in_head:
        return in_head if in_head < len(grid) else 0
    first = [cell.line for _, cell in grid[0][1] if cell.line.text]
    below = [cell.line for _, row in grid[1:] for _, cell in row if cell.line.text]
    named = len(first) > 1 and all(line.is_bold and len(line.text.split()) <= _MAX_NAME_WORDS for line in first)
    return int(named and not all(line.is_bold for line in below) and len(grid) > 1)


def _all_headers(row: list[tuple[int, _Cell]]) -> bool:
    return len(row) > 1 and all(cell.header or not cell.line.text for _, cell in row)


def _names(rows: list[list[tuple[int, _Cell]]]) -> Unit | None:
    """The names of the columns as a unit that is no block; a name under a name over several tells both."""
    found: dict[int, list[str]] = {}
    for row in rows:
        for place, cell in row:
            for column in range(place, place + cell.span):
                parts = found.setdefault(column, [])
                if cell.line.text and cell.line.text not in parts:
                    parts.append(cell.line.text)
    if not any(found.values()):
        return None
    pieces, cells, at = [], [], 0
    for column in range(max(found) + 1):
        name = ": ".join(found.get(column, []))
        cells.append((at, at + len(name), None))
        pieces.append(name)
        at += len(name) + len(_BETWEEN)
    notes = tuple(note for row in rows for _, cell in row for note in cell.line.notes)
    return Unit(Kind.ROW, _BETWEEN.join(pieces), cells=tuple(cells), notes=notes, is_block=False)


def _row(
    row: list[tuple[int, _Cell]],
    columns: dict[int, tuple[int, int, Lead | None]],
    names: Unit | None,
    lead_ins: tuple[Lead, ...],
) -> Unit:
    joined = _BETWEEN.join(cell.line.text for _, cell in row)
    text = joined.strip()
    at = len(joined.lstrip()) - len(joined)
    cells, notes = [], []
    for place, cell in row:
        name = columns.get(place)
        column = Lead(names, name[0], name[1]) if names and name and name[0] < name[1] else None
        start, end = (min(max(edge, 0), len(text)) for edge in (at, at + len(cell.line.text)))
        cells.append((start, end, column))
        at += len(cell.line.text) + len(_BETWEEN)
        notes += cell.line.notes
    links = {sort for _, cell in row for sort in cell.line.links} if _all_links(row) else set()
    return Unit(
        Kind.ROW,
        text,
        lead_ins=lead_ins,
        cells=tuple(cells),
        notes=tuple(dict.fromkeys(notes)),
        links=frozenset(links),
    )


def _all_links(row: list[tuple[int, _Cell]]) -> bool:
    lines = [cell.line for _, cell in row if cell.line.letters]
    return bool(lines) and all(line.is_link(*line.links) for line in lines)
