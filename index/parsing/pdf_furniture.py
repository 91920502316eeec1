"""What stands on the pages of a PDF but is no part of its text: running headers, footers, page numbers, contents."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from index.parsing.pdf_layout import Element
from index.parsing.pdf_page import Line, Page
from index.parsing.pdf_tables import Table

_OUTER_ROWS = 4
# Lines of a paragraph stand 1.15 to 1.6 sizes apart.
_APART = 1.7
_SAME_PLACE_PT = 4.0
# Of the page's height: nothing but furniture is printed that far out, if it is smaller than the text.
_MARGIN_SHARE = 0.055
_NUMBER = r"(?:\d{1,4}|[ivxlc]{1,7})"
_PAGE_NUMBER = re.compile(
    rf"\W*(?:(?:page|p\.|pg\.?|seite|page no\.?)\s*)?{_NUMBER}(?:\s*(?:/|of|von|sur|de|\|)\s*\d{{1,4}})?\W*",
    re.IGNORECASE,
)
_LEADERS = re.compile(r"(?:[.…·_]\s?){4,}")
_CONTENTS_TITLE = re.compile(r"\b(?:contents|index|inhalt\w*|sommaire|page)\b", re.IGNORECASE)
_ENDS_IN_NUMBER = re.compile(r"(?:\s|\.)\d{1,4}$")


def without_furniture(pages: Sequence[tuple[Page, list[Line]]], *, body_size: float) -> list[list[Line]]:
    """The pieces of each page without running headers and footers and page numbers."""
    outer = [(page, _outer_rows(lines, body_size)) for page, lines in pages]
    running = _running(outer)
    result = []
    for (page, lines), (_, rows) in zip(pages, outer, strict=True):
        dropped: set[int] = set()
        for row in rows:
            runs = [
                line
                for line in row
                if _key(line, page) in running[0]
                or (_words(line), _place(line, page)) in running[1]
                or _is_in_margin(line, page, body_size)
            ]
            # The names of a table's columns recur too, but beside others.
            if 2 * len(runs) >= len(row) and not _is_in_grid(row[0], page):
                dropped |= {id(line) for line in runs}
        for row in (rows[0], rows[-1]) if rows else ():
            left = [line for line in row if id(line) not in dropped]
            if left and all(_PAGE_NUMBER.fullmatch(line.text) for line in left) and _is_last(left[0], lines, dropped):
                dropped |= {id(line) for line in left}
        result.append([line for line in lines if id(line) not in dropped])
    return result


def _is_in_grid(line: Line, page: Page) -> bool:
    """Whether `line` stands between three or more upright rules, as a table's cells do."""
    upright = {round(x) for x0, y0, x1, y1 in page.rules if y1 - y0 > 6 and y0 - 2 < line.y < y1 for x in (x0, x1)}
    return len(upright) >= 3


def _is_last(line: Line, lines: list[Line], dropped: set[int]) -> bool:
    """Whether nothing that stays stands further out, and the rest is set apart."""
    others = [other.y for other in lines if id(other) not in dropped and other is not line]
    if not others:
        return True
    return line.y < min(others) - 1.3 * line.size or line.y > max(others) + 1.3 * line.size


def _outer_rows(lines: list[Line], body_size: float) -> list[list[Line]]:
    """The rows at the top and at the foot of a page that white space or their size sets apart from its text."""
    ordered = sorted(lines, key=lambda line: -line.y)
    rows = [list(row) for _, row in groupby(ordered, key=lambda line: round(line.y / 3))]
    apart = [
        above[-1].y - below[0].y > _APART * body_size or abs(above[0].size - below[0].size) > 0.08 * body_size
        for above, below in pairwise(rows)
    ]
    top = max((n + 1 for n in range(min(_OUTER_ROWS, len(apart))) if apart[n]), default=0)
    foot = min((n + 1 for n in range(max(0, len(apart) - _OUTER_ROWS), len(apart)) if apart[n]), default=len(rows))
    if len(rows) == 1:
        return rows
    return rows[:top] + rows[max(top, foot) :]


def _words(line: Line) -> str:
    return re.sub(r"\d+|\b[ivx]+\b", "#", line.text.casefold())


def _place(line: Line, page: Page) -> int:
    """How far from the nearer edge: first and last pages are cut to other heights by some writers."""
    return round((page.height - line.y if line.y > page.height / 2 else -line.y) / _SAME_PLACE_PT)


def _key(line: Line, page: Page) -> tuple[str, bool]:
    return _words(line), line.y > page.height / 2


def _running(outer: Iterable[tuple[Page, list[list[Line]]]]) -> tuple[set[tuple[str, bool]], set[tuple[str, int]]]:
    """The words that recur at the same place: on most pages, wherever exactly, or on some, exactly there."""
    pages = 0
    keys: Counter[tuple[str, bool]] = Counter()
    places: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for page, rows in outer:
        pages += 1
        keys.update({_key(line, page) for row in (*rows[:1], *rows[-1:]) for line in row})
        for row in rows:
            for line in row:
                for place in (_place(line, page) - 1, _place(line, page), _place(line, page) + 1):
                    places[_words(line), place].add(page.number)
    least = max(2, round(0.2 * pages))
    here = {key for key, numbers in places.items() if len(numbers) >= least and re.search(r"\w|#", key[0])}
    return {key for key, count in keys.items() if count >= max(3, 0.5 * pages)}, here


def _is_in_margin(line: Line, page: Page, body_size: float) -> bool:
    """Whether `line` is small and so near to the edge of the page that only furniture is printed there."""
    far_out = min(line.y, page.height - line.y) < _MARGIN_SHARE * page.height
    return far_out and line.size < 0.9 * body_size


def without_contents_lines(elements: Sequence[Element]) -> list[Element]:
    """`elements` without lines that lead by dots to a page number, or three or more that end in rising numbers."""
    elements = [element for element in elements if isinstance(element, Line) or not _is_table_of_contents(element)]
    entries = [isinstance(element, Line) and _is_entry(element) for element in elements]
    dotted = [
        isinstance(element, Line) and bool(_LEADERS.search(element.text)) and bool(re.search(r"\d$", element.text))
        for element in elements
    ]
    entries = [entry or dot for entry, dot in zip(entries, dotted, strict=True)]
    for position, element in enumerate(elements):
        # The first line of an entry of two or three lines.
        follows = position and (entries[position - 1] or _is_title_of_contents(elements[position - 1]))
        if not entries[position] and follows and any(dotted[position + 1 : position + 3]):
            entries[position] = isinstance(element, Line)
    kept: list[Element] = []
    position = 0
    while position < len(elements):
        ends = position
        while ends < len(elements) and entries[ends]:
            ends += 1
        run = elements[position:ends]
        numbers = [int((re.findall(r"\d+", element.text) or ["0"])[-1]) for element in run if isinstance(element, Line)]
        if any(dotted[position:ends]) or (len(run) >= 3 and numbers == sorted(numbers)):
            while kept and _is_title_of_contents(kept[-1]):
                kept.pop()
        else:
            kept += elements[position : max(ends, position + 1)]
        position = max(ends, position + 1)
    return kept


def _is_table_of_contents(table: Table) -> bool:
    rows = [" ".join(line.text for cell in row for line in cell) for row in table.rows]
    return 2 * sum(_LEADERS.search(row) is not None for row in rows) > len(rows)


def _is_entry(line: Line) -> bool:
    """Whether `line` ends in a number that stands apart at the right."""
    if not _ENDS_IN_NUMBER.search(line.text) or len(line.words) < 2 or line.x1 < line.right - 2 * line.size:
        return False
    return line.words[-1].x0 - line.words[-2].x1 > 1.5 * line.size


def _is_title_of_contents(element: Element) -> bool:
    """Whether what stands right over the contents is no more than their title."""
    if not isinstance(element, Line):
        return False
    return len(element.text.split()) <= 4 and _CONTENTS_TITLE.search(element.text) is not None
