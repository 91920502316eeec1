"""Footnotes of an HTML page: the marks that cite them, and the notes themselves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from index.parsing.html_tree import Element, tag_of

_MARK = re.compile(r"[\[(]?\s*(?:\d{1,3}|[a-z]|[ivx]{1,4}|[*†‡§¶#]{1,3})\s*[\])]?", re.IGNORECASE)
_BRACKETED = re.compile(r"\[.{1,4}\]")
_BACK = re.compile(r"[\[(]?\s*(?:[↑↩⏎^⤴]\ufe0e?|\d{1,3}|[*†‡§¶]{1,3}|back|return|jump up)?\s*[\])]?", re.IGNORECASE)
_NAMED = re.compile(r"(?:\A|[_\W])(?:foot-?notes?|end-?notes?|fn|ftn|sdfootnote|noteref)")
_NOTE_ELEMENTS = ("li", "p", "div", "dd", "dt", "tr", "aside", "td", "section")
_MAX_NOTE_WORDS = 200


@dataclass(slots=True)
class Notes:
    """The footnotes of a page.

    Attributes:
        cited: the ids of the notes that an element is the mark of.
        notes: the id of the note that an element is.
        backs: links from a note back to its mark, and the note's own mark.
    """

    cited: dict[Element, list[str]] = field(default_factory=dict)
    notes: dict[Element, str] = field(default_factory=dict)
    backs: set[Element] = field(default_factory=set)


def notes_of(shown: Sequence[Element]) -> Notes:
    """The footnotes of the page whose elements, in order, are `shown`."""
    order = {element: position for position, element in enumerate(shown)}
    targets: dict[str, Element] = {}
    for element in shown:
        for name in (element.get("id"), element.get("name") if tag_of(element) == "a" else None):
            if name:
                targets.setdefault(name, element)
    found = Notes()
    for element in shown:
        href = element.get("href") or ""
        target = targets.get(href[1:]) if tag_of(element) == "a" and href.startswith("#") else None
        if target is None or order[target] < order[element] or not _is_mark(element):
            continue
        note = _note_around(target, element)
        if note is not None:
            found.notes.setdefault(note, href[1:])
            found.cited[element] = [found.notes[note]]
    _find_unlinked(shown, found)
    _find_backs(found)
    for element, ids in list(found.cited.items()):
        _widen(element, ids, found)
    return found


def _words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _is_mark(link: Element) -> bool:
    """Whether a link within the page is a footnote's mark rather than an entry of the contents."""
    if sum(1 for _ in link.iter()) > 5:
        return False
    words = _words(link)
    if not words or not _MARK.fullmatch(words):
        return False
    parent = link.getparent()
    raised = (parent is not None and tag_of(parent) == "sup") or any(tag_of(below) == "sup" for below in link)
    names = f"{link.get('class') or ''} {link.get('id') or ''} {link.get('name') or ''} {(link.get('href') or '')[1:]}"
    named = link.get("role") == "doc-noteref" or link.get("epub:type") == "noteref" or _NAMED.search(names[:300].lower())
    return raised or bool(named) or _BRACKETED.fullmatch(words) is not None


def _note_around(target: Element, mark: Element) -> Element | None:
    """The note that the place `target` is in, or None if that is no note."""
    note: Element | None = target
    while note is not None and tag_of(note) not in _NOTE_ELEMENTS:
        note = note.getparent()
    if note is None or any(ancestor is note for ancestor in mark.iterancestors()):
        return None
    return note if 0 < len(_words(note).split()) <= _MAX_NOTE_WORDS else None


def _find_unlinked(shown: Sequence[Element], found: Notes) -> None:
    """Raised marks that link nowhere, and the paragraphs further down that begin with the same mark."""
    marks: dict[str, list[Element]] = {}
    for element in shown:
        if tag_of(element) != "sup" or len(element) or element in found.cited:
            continue
        words = _words(element)
        if not _MARK.fullmatch(words):
            continue
        parent = element.getparent()
        opens = parent.index(element) == 0 and not (parent.text or "").strip() if parent is not None else False
        if not opens:
            marks.setdefault(words, []).append(element)
        elif words in marks and tag_of(parent) in _NOTE_ELEMENTS and parent not in found.notes:
            found.notes[parent] = f"unlinked {len(found.notes)}"
            found.backs.add(element)
            for mark in marks.pop(words):
                found.cited[mark] = [found.notes[parent]]


def _find_backs(found: Notes) -> None:
    for note in found.notes:
        for element in note.iter("a", "sup"):
            href = element.get("href") or ""
            if (href.startswith("#") or tag_of(element) == "sup") and _BACK.fullmatch(_words(element)):
                found.backs.add(element)


def _widen(element: Element, ids: list[str], found: Notes) -> None:
    """Take the raised text around a mark for the mark where there is nothing else in it: "[", ",", "]"."""
    parent = element.getparent()
    if parent is None or tag_of(parent) != "sup" or parent in found.cited:
        return
    rest = [parent.text or "", *(child.tail or "" for child in parent)]
    if all(child in found.cited for child in parent) and not any(map(str.isalnum, "".join(rest))):
        found.cited[parent] = [note for child in parent for note in found.cited[child]] or ids
