"""Paragraphs and tables of a PDF as the parts of a document: which are headings and how high, which are items."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.parsing.blocks import looks_titled
from index.parsing.document import Kind
from index.parsing.pdf_hyphens import Joiner
from index.parsing.pdf_marks import without_glued_bullet
from index.parsing.pdf_page import Line
from index.parsing.pdf_paragraphs import Flow, Paragraph
from index.parsing.pdf_tables import Table

_MAX_HEADING_WORDS, _MAX_HEADING_CHARS = 22, 180
_LARGER = 1.08
_LIST_LEVEL_PT = 5.0
CELLS_BETWEEN = " | "
Style = tuple[float, bool, bool, int]


@dataclass(slots=True)
class Part:
    """A part of the document, not yet placed in its text.

    Attributes:
        mark: what stands before its words, outside of the block.
        indent: how deep the line is set in, in steps.
        cells: of a row.
        columns: of a row, the part that names its columns.
        cites: page and mark of each footnote.
    """

    kind: Kind
    text: str
    level: int = 0
    mark: str = ""
    indent: int = 0
    cells: tuple[str, ...] = ()
    columns: "Part | None" = None
    cites: tuple[tuple[int, str], ...] = ()
    is_block: bool = True


def parts(found: Sequence[Paragraph | Table], flow: Flow, joiner: Joiner) -> list[Part]:
    """The parts of the document in reading order."""
    result: list[Part] = []
    styles: list[Style | None] = []
    levels: list[float] = []
    for position, each in enumerate(found):
        if isinstance(each, Table):
            before = found[position - 1] if position else None
            made = _rows(each, joiner, result, follows_table=isinstance(before, Table))
            result += made
            styles += [None] * len(made)
            continue
        below = found[position + 1] if position + 1 < len(found) else None
        part = _part(each, joiner)
        style = _heading_style(each, part, below, flow, joiner)
        if style:
            part.kind, part.level = Kind.HEADING, 0
            part.text = f"{part.mark} {part.text}" if part.mark not in ("", "•") else part.text
            part.mark, levels = "", []
        elif part.kind is Kind.ITEM:
            part.level = _depth(levels, each)
            part.indent = part.level - 1
        elif levels and each.inset >= levels[0] + 0.7 * each.size:
            part.indent = sum(level < each.inset - _LIST_LEVEL_PT for level in levels)
        else:
            levels = []
        result.append(part)
        styles.append(style)
    _rank(result, styles)
    return result


def _depth(levels: list[float], paragraph: Paragraph) -> int:
    """How deep an item is nested, by where its mark begins; `levels` are the marks that are open, changed here."""
    x = paragraph.inset
    while levels and levels[-1] > x + _LIST_LEVEL_PT:
        levels.pop()
    if not levels or x > levels[-1] + _LIST_LEVEL_PT:
        levels.append(x)
    decimal = paragraph.mark.depth if paragraph.mark else 0
    return max(len(levels), decimal)


def _part(paragraph: Paragraph, joiner: Joiner) -> Part:
    texts = paragraph.texts()
    glued = "" if paragraph.mark else without_glued_bullet(paragraph.first)
    if glued:
        texts[0] = glued
    mark = paragraph.mark.text if paragraph.mark else "•" if glued else ""
    cites = tuple((line.page, cited) for line in paragraph.lines for cited in line.cites)
    return Part(Kind.ITEM if mark else Kind.PARAGRAPH, joiner.joined(texts), mark=mark, cites=cites)


def _heading_style(
    paragraph: Paragraph, part: Part, below: Paragraph | Table | None, flow: Flow, joiner: Joiner
) -> Style | None:
    """How a heading is set, by which headings are ranked; None for what is none."""
    words = part.text
    count = len(words.split())
    if not count or count > _MAX_HEADING_WORDS or len(words) > _MAX_HEADING_CHARS or not re.search(r"[^\W\d_]", words):
        return None
    mark = paragraph.mark
    if (mark and mark.text == "•") or below is None:
        return None
    depth = mark.depth if mark else 0
    larger = paragraph.size >= _LARGER * flow.body_size
    bold = paragraph.bold
    capitals = words.isupper() and sum(map(str.isalpha, words)) >= 4
    style = (paragraph.size if larger else flow.body_size, bold, capitals, max(1, depth))
    introduces = words.endswith(":") and isinstance(below, Paragraph) and below.mark is not None
    if introduces and not larger:
        return None
    if larger and (not words.endswith((",", ";")) or bold):
        return style
    if re.search(r"https?://|www\.|\S@\S", words):
        return None
    ends = words.endswith((".", ",", ";")) and not (mark and count <= 8 and looks_titled(words.rstrip(".")))
    if bold and not ends:
        return style
    if capitals and not ends and count <= 12 and (not mark or _titles(below, paragraph)):
        return style
    return style if not ends and _stands_as_title(paragraph, words, below, joiner) else None


def _titles(below: Paragraph | Table, paragraph: Paragraph) -> bool:
    """Whether `below` is what a heading may stand over: no further item beside it."""
    if isinstance(below, Table):
        return True
    if below.mark is None:
        return True
    own = paragraph.mark
    return own is None or below.mark.depth > own.depth or below.mark.text == "•" or len(below.lines) > 2


def _stands_as_title(paragraph: Paragraph, words: str, below: Paragraph | Table, joiner: Joiner) -> bool:
    """Whether words in the letters of the text are a heading: a title or a question alone, over a paragraph."""
    if isinstance(below, Table) or len(paragraph.lines) > 2 or not _titles(below, paragraph):
        return False
    count = len(words.split())
    text = joiner.joined(below.texts())
    if paragraph.size < below.size * 0.95:
        return False
    if words.endswith("?"):
        return count >= 3 and not text.endswith("?") and below.mark is None
    long_below = len(text.split()) >= 9 or below.mark is not None
    if paragraph.mark and paragraph.mark.depth > 1:
        return count <= 10 and words[-1] not in ":)" and below.gap > 0.9 and long_below and words[0].isupper()
    # "Last updated: 1 July", "Chamber of Commerce: 705": facts, no titles.
    title = looks_titled(words.rstrip(":")) and words[-1] not in "!)" and not re.search(r"\d|©|:\s", words)
    return title and count <= 10 and long_below


def _rank(result: Sequence[Part], styles: Sequence[Style | None]) -> None:
    """Give each heading its level: larger over smaller, bold over light, capitals over small letters."""
    order = sorted({style for style in styles if style}, key=lambda s: (-s[0], not s[1], not s[2], s[3]))
    for part, style in zip(result, styles, strict=True):
        if style:
            part.level = min(9, order.index(style) + 1)


def _rows(table: Table, joiner: Joiner, above: Sequence[Part], *, follows_table: bool) -> list[Part]:
    """The rows of `table`; one that goes on from the page before has its columns and loses its repeated header."""
    rows = [(_cells(row, joiner), tuple(_cites(row))) for row in table.rows]
    columns: Part | None = None
    result: list[Part] = []
    before = above[-1] if follows_table and above and above[-1].kind is Kind.ROW else None
    goes_on = before is not None and len(before.cells) == table.column_count
    if before and goes_on:
        columns = before.columns if before.is_block else before
        names = columns.cells if columns else ()
        if rows[0][0] == names:
            rows = rows[1:]
        elif table.has_bold_header:
            columns, goes_on = None, False
        if goes_on and rows and not rows[0][0][0] and any(rows[0][0]) and before.is_block:
            joined = tuple(joiner.joined([c for c in pair if c]) for pair in zip(before.cells, rows[0][0], strict=True))
            before.cells, before.text = joined, _row_text(joined)
            before.cites += rows[0][1]
            rows = rows[1:]
    if table.has_header and not goes_on and rows:
        columns = Part(Kind.ROW, _row_text(rows[0][0]), cells=rows[0][0], cites=rows[0][1], is_block=False)
        result.append(columns)
        rows = rows[1:]
    template = Part(Kind.ROW, "", columns=columns)
    result += [replace(template, text=_row_text(cells), cells=cells, cites=cites) for cells, cites in rows]
    return result


def _cells(row: Sequence[Sequence[Line]], joiner: Joiner) -> tuple[str, ...]:
    return tuple(joiner.joined([line.text for line in cell]) for cell in row)


def _cites(row: Sequence[Sequence[Line]]) -> list[tuple[int, str]]:
    return [(line.page, mark) for cell in row for line in cell for mark in line.cites]


def _row_text(cells: Sequence[str]) -> str:
    return CELLS_BETWEEN.join(cells)
