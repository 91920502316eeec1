"""Footnotes of a PDF: a small raised mark in the text, and the note that begins with it below."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from index.parsing.pdf_layout import Element
from index.parsing.pdf_page import Line, Word

_MARK = re.compile(r"\d{1,3}|[a-z]|[*†‡§¶]{1,3}")
_SMALLER = 0.94
_MOST_NOTE_LINES = 12


@dataclass(slots=True)
class Note:
    """A note of `page` by its mark."""

    mark: str
    page: int
    lines: list[Line] = field(default_factory=list)


def take_notes(pages: Sequence[list[Element]], *, body_size: float) -> tuple[list[list[Element]], list[Note]]:
    """The elements of each page without the notes, and the notes; lines that cite one lose its mark and keep its name.

    A raised number without a note (m²) stays a part of the text.
    """
    cited_on = [{mark for line in _lines(page) for _, marks in _cited(line) for mark in marks} for page in pages]
    everywhere = set().union(*cited_on) if cited_on else set()
    notes: list[Note] = []
    rest: list[list[Element]] = []
    for elements, cited in zip(pages, cited_on, strict=True):
        kept: list[Element] = []
        note: Note | None = None
        last: Line | None = None
        feet = _feet(elements)
        for element in elements:
            mark = _opening_mark(element, cited, everywhere, body_size=body_size, at_foot=id(element) in feet)
            if isinstance(element, Line) and mark:
                note, last = Note(mark, element.page, [element]), element
                notes.append(note)
            elif note and last and isinstance(element, Line) and _goes_on(element, last):
                note.lines.append(element)
                last = element
            else:
                note = None
                kept.append(element)
        rest.append(kept)
    _take_endnotes(rest, notes)
    known = {(note.page, note.mark) for note in notes} | {(-1, note.mark) for note in notes}
    for elements in rest:
        for line in _lines(elements):
            _take_marks(line, known)
    for note in notes:
        note.lines[0] = _without_mark(note.lines[0])
    return rest, notes


def _take_endnotes(pages: list[list[Element]], notes: list[Note]) -> None:
    """Move the notes at the end of the document from `pages` to `notes`: "1. ..." to the last mark cited, in order."""
    found = {note.mark for note in notes}
    cited: list[str] = []
    for line in (line for page in pages for line in _lines(page)):
        cited += [mark for _, marks in _cited(line) for mark in marks if mark not in (*found, *cited)]
    if not cited:
        return
    flat = [(number, element) for number, page in enumerate(pages) for element in page]
    starts = _numbered_end([element for _, element in flat])
    if not starts or 2 * len(set(cited) & set(starts.values())) < len(starts) or not set(cited) <= set(starts.values()):
        return
    first = min(starts)
    if any(any(_cited(line)) for line in _lines([element for _, element in flat[first:]])):
        return
    note = None
    for position in range(first, len(flat)):
        number, element = flat[position]
        if not isinstance(element, Line):
            break
        if position in starts:
            note = Note(starts[position], element.page)
            notes.append(note)
        elif note is None or not _goes_on(element, note.lines[-1]):
            break
        note.lines.append(element)
        pages[number] = [kept for kept in pages[number] if kept is not element]


def _numbered_end(elements: Sequence[Element]) -> dict[int, str]:
    """Where the last lines begin that are numbered from 1 on, each with its number."""
    numbers = {
        position: mark
        for position, element in enumerate(elements)
        if isinstance(element, Line) and len(element.words) > 1 and (mark := _bare(element.words[0])).isdigit()
    }
    last_first = max((position for position, mark in numbers.items() if mark == "1"), default=None)
    starts: dict[int, str] = {}
    for position, mark in numbers.items():
        if last_first is not None and position >= last_first and int(mark) == len(starts) + 1:
            starts[position] = mark
    return starts


def _lines(elements: Sequence[Element]) -> Iterator[Line]:
    for element in elements:
        if isinstance(element, Line):
            yield element
        else:
            yield from (line for row in element.rows for cell in row for line in cell)


def _bare(word: Word) -> str:
    return word.text.strip("[]().,;")


def _cited(line: Line) -> Iterator[tuple[int, list[str]]]:
    """The words of `line` behind its first that are raised marks, each with its marks: "1,2" is two."""
    if len({word.size for word in line.words}) == 1:
        return
    for number, word in enumerate(line.words[1:], start=1):
        marks = [part for part in re.split(r"[,;\s]+", _bare(word)) if part]
        if marks and line.is_raised(word) and all(_MARK.fullmatch(mark) for mark in marks):
            yield number, marks


def _feet(elements: Sequence[Element]) -> set[int]:
    """The ids of the lines at the foot of each column of a page, that white space sets apart from what is above."""
    feet: set[int] = set()
    ends = len(elements)
    for position in range(len(elements) - 1, -1, -1):
        element = elements[position]
        below = elements[position + 1] if position + 1 < len(elements) else None
        if below is None or below.y > element.y:
            ends = position + 1  # the last of its column
        above = elements[position - 1] if position else None
        apart = above is None or above.y < element.y or above.y - element.y > 1.7 * element.size
        if apart and ends - position <= _MOST_NOTE_LINES:
            feet |= {id(line) for line in elements[position:ends]}
    return feet


def _opening_mark(
    element: Element, cited: set[str], everywhere: set[str], *, body_size: float, at_foot: bool
) -> str | None:
    """The mark of the note that begins with `element`, if one does."""
    if not isinstance(element, Line) or len(element.words) < 2:
        return None
    mark = _bare(element.words[0])
    if element.is_raised(element.words[0]):
        return mark if mark in everywhere else None
    # "1." at the foot in the letters of the text is an item.
    small = element.size < _SMALLER * body_size or (at_foot and element.words[0].text == mark)
    return mark if mark in cited and small else None


def _goes_on(line: Line, last: Line) -> bool:
    drop = last.y - line.y
    return abs(line.size - last.size) < 0.06 * last.size and 0 < drop < 1.7 * last.size and line.bullet_x is None


def _take_marks(line: Line, known: set[tuple[int, str]]) -> None:
    taken = {
        number: marks
        for number, marks in _cited(line)
        if all((line.page, mark) in known or (-1, mark) in known for mark in marks)
    }
    if taken:
        line.cites += [mark for marks in taken.values() for mark in marks]
        line.words = [word for number, word in enumerate(line.words) if number not in taken]


def _without_mark(line: Line) -> Line:
    return Line(line.words[1:], line.page, line.left, line.right)
