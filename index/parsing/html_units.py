"""The parts of an HTML page in reading order: headings, paragraphs, list items, table rows, and what governs each."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sentencex import get_sentence_boundaries

from index.parsing.document import Kind

QUESTION_MARKS = ("?", "？", "؟")
_BOLD_LEVEL = 7
_MAX_HEADING_WORDS = 16
# Without a colon a sentence introduces a list by pointing at it or by not ending.
_POINTS_AHEAD = re.compile(r"\b(?:following|below|as follows)\b", re.IGNORECASE)
_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*\Z")
_MENU_LINKS = frozenset(("site", "anchor"))
_DATED = re.compile(r"\b(?:19|20)\d\d\b")
_MAX_WORDS_ABOVE_TITLE = 80
_MAX_PROSE_IN_TAIL = 8
_LEADS = (":", "：", "-", "–", "—")


@dataclass(slots=True, eq=False)
class Unit:
    """A part of the text, not placed yet.

    Attributes:
        mark: what stands before its words, outside of its block ("• ").
        lead_ins: what governs it, outermost first, each with its part of that unit's words.
        cells: of a row: where each stands in `text`, and the unit and span of its column's name.
        notes: the ids of the footnotes that it cites.
        note: the id of the footnote that it is.
        bold: all of it is; `titled`: its class calls it a title.
        links: what sorts of links it is wholly made of.
    """

    kind: Kind
    text: str
    level: int = 0
    mark: str = ""
    lead_ins: "tuple[Lead, ...]" = ()
    cells: "tuple[tuple[int, int, Lead | None], ...]" = ()
    notes: tuple[str, ...] = ()
    note: str | None = None
    bold: bool = False
    links: frozenset[str] = field(default=frozenset())
    ranked: bool = False
    is_block: bool = True

    @property
    def words(self) -> int:
        """How many words it has."""
        return len(self.text.split())

    @property
    def is_question(self) -> bool:
        """Whether it asks something."""
        return self.text.endswith(QUESTION_MARKS)

    @property
    def is_prose(self) -> bool:
        """Whether it is a sentence rather than a label or a link."""
        return not self.links and (self.words >= 8 or (self.words >= 4 and bool(_ENDS_SENTENCE.search(self.text))))


@dataclass(frozen=True, slots=True)
class Lead:
    """The part of a unit's words that governs another unit."""

    unit: Unit
    start: int
    end: int


def whole(unit: Unit) -> Lead:
    """All of `unit` as a lead-in."""
    return Lead(unit, 0, len(unit.text))


def introduction(unit: Unit | None) -> Lead | None:
    """The sentence of `unit` that introduces the list or table under it, or None."""
    if unit is None or not unit.is_block or unit.note is not None or unit.kind is Kind.ROW:
        return None
    if unit.kind is Kind.HEADING:
        return whole(unit) if unit.text.endswith(_LEADS[:2]) else None
    start, end = _last_sentence(unit.text)
    words = unit.text[start:end]
    leads = words.endswith(_LEADS) or not _ENDS_SENTENCE.search(words) or _POINTS_AHEAD.search(words)
    return Lead(unit, start, end) if leads and any(map(str.isalpha, words)) else None


@lru_cache(maxsize=256)
def _last_sentence(text: str) -> tuple[int, int]:
    # a paragraph of megabytes ends like any other
    offset = max(0, len(text) - 4000)
    start = offset
    for boundary in get_sentence_boundaries("en", text[offset:]):
        words = text[offset + boundary["start_index"] : offset + boundary["end_index"]]
        if len(words.strip()) > 3:
            start = offset + boundary["start_index"] + len(words) - len(words.lstrip())
    return start, len(text)


def finished(units: Sequence[Unit], *, page: bool) -> list[Unit]:
    """`units` with bold titles as headings, without navigation and contents, with each short answer's question."""
    # a tab's label and the heading of its panel are often the same
    once = [unit for unit, below in itertools.zip_longest(units, units[1:]) if not _repeats(unit, below)]
    shown = _without_contents(once)
    if page:
        shown = _without_edges(shown)
    for unit, below in itertools.zip_longest(shown, shown[1:]):
        if _is_title(unit, below):
            unit.kind, unit.level = Kind.HEADING, unit.level or _BOLD_LEVEL
    _answer_questions(shown)
    return shown


def _repeats(unit: Unit, below: Unit | None) -> bool:
    return below is not None and unit.kind is Kind.HEADING is below.kind and unit.text == below.text


def _is_title(unit: Unit, below: Unit | None) -> bool:
    """Whether a paragraph is plainly a heading: bold and short, no sentence, and something stands under it."""
    if unit.kind is not Kind.PARAGRAPH or not unit.bold or unit.note is not None or unit.lead_ins:
        return False
    if unit.links & _MENU_LINKS:
        return False
    if unit.words > _MAX_HEADING_WORDS or "\n" in unit.text or below is None or not any(map(str.isalpha, unit.text)):
        return False
    if below.kind in (Kind.ITEM, Kind.ROW) and (unit.text.endswith(_LEADS[:2]) or _POINTS_AHEAD.search(unit.text)):
        return False
    return (
        not unit.text.endswith((".", ",", ";")) or re.match(r"\d+(?:\.\d+)*\.?\s+\S.{0,60}\.\Z", unit.text) is not None
    )


def _answer_questions(units: Sequence[Unit]) -> None:
    """Put each short answer ("No.") under the question that it answers."""
    for question, answer in itertools.pairwise(units):
        follows = answer.kind is not Kind.HEADING and answer.note is None and not answer.is_question
        short = question.is_question and follows and answer.words < 9 and question.words <= 40
        if short and all(lead.unit is not question for lead in answer.lead_ins):
            answer.lead_ins = (*answer.lead_ins, whole(question))


def _without_contents(units: list[Unit]) -> list[Unit]:
    """`units` without lists of links to places on the same page, and the heading or line that announces one."""
    kept: list[Unit] = []
    position = 0
    while position < len(units):
        ends = position
        while ends < len(units) and units[ends].links == {"anchor"}:
            ends += 1
        listed = units[position:ends]
        headings = all(unit.kind is Kind.HEADING for unit in listed)
        if not listed or (headings and len(listed) < 3):
            kept += units[position : max(ends, position + 1)]
        elif len(listed) > 1 and _announces(kept, units[ends] if ends < len(units) else None):
            kept.pop()
        position = max(ends, position + 1)
    return kept


def _announces(kept: list[Unit], below: Unit | None) -> bool:
    """Whether the last of `kept` is nothing but the title of the contents that stood under it."""
    if not kept:
        return False
    title = kept[-1]
    if title.kind is Kind.HEADING or title.bold:
        first = all(unit.kind is not Kind.HEADING for unit in kept[:-1])
        under = below is None or below.kind is Kind.HEADING or below.bold
        return not first and title.level != 1 and title.words <= (6 if under else 4)
    return title.kind is Kind.PARAGRAPH and title.words <= 8 and not _ENDS_SENTENCE.search(title.text)


def _without_edges(units: list[Unit]) -> list[Unit]:
    """`units` without what is only links before and after the text, and runs of links to the site's pages in it."""
    prose = [position for position, unit in enumerate(units) if unit.is_prose]
    if not prose:
        return units
    title = next((place for place, unit in enumerate(units) if unit.kind is Kind.HEADING and unit.level == 1), None)
    if title is not None and sum(unit.words for unit in units[:title]) <= _MAX_WORDS_ABOVE_TITLE:
        units = [unit for unit in units[:title] if _DATED.search(unit.text) and unit.words <= 20] + units[title:]
        prose = [position for position, unit in enumerate(units) if unit.is_prose]
    if not prose:
        return units
    first = prose[0]
    linked = [place for place, unit in enumerate(units[:first]) if unit.links & _MENU_LINKS and unit.level != 1]
    head = units[linked[-1] + 1 : first] if linked and title is None else units[:first]
    head = [unit for unit in head if not unit.links & _MENU_LINKS or unit.level == 1]
    return _without_imprint(_without_tail([*head, *_without_link_runs(units[first:])]))


def _without_tail(units: list[Unit]) -> list[Unit]:
    """`units` up to where links to other pages begin behind the text, a word or two between them left aside."""
    prose, cut = 0, len(units)
    for position in range(len(units) - 1, -1, -1):
        unit = units[position]
        prose += unit.words if unit.is_prose else 0
        if prose > _MAX_PROSE_IN_TAIL:
            break
        if unit.links & _MENU_LINKS:
            cut = position
    linked = [unit for unit in units[cut:] if unit.links & _MENU_LINKS]
    if len(linked) < 2:
        return [unit for unit in units if unit not in linked]
    while cut and units[cut - 1].kind is Kind.HEADING:
        cut -= 1
    return [*units[:cut], *(unit for unit in units[cut:] if unit.note is not None)]


def _without_link_runs(units: list[Unit]) -> list[Unit]:
    """`units` without three or more links to the site's pages in a row that no sentence introduces."""
    kept: list[Unit] = []
    position = 0
    while position < len(units):
        ends = position
        while ends < len(units) and units[ends].links == {"site"} and units[ends].kind is not Kind.HEADING:
            ends += 1
        run = units[position:ends]
        if len(run) < 3 or run[0].lead_ins or introduction(kept[-1] if kept else None):
            kept += units[position : max(ends, position + 1)]
        position = max(ends, position + 1)
    return kept


_IMPRINT = re.compile(r"\A(?:copyright\b.{0,20}|\(c\)\s*|©\s*)+(?:\d{4}|\w)|\ball rights reserved\b", re.IGNORECASE)


def _without_imprint(units: list[Unit]) -> list[Unit]:
    """`units` without the page's copyright line at the end, and what stands under it."""
    after = 0
    for position in range(len(units) - 1, max(0, len(units) - 12), -1):
        unit = units[position]
        if unit.words <= 40 and unit.kind is not Kind.HEADING and _IMPRINT.search(unit.text):
            return [*units[:position], *(below for below in units[position:] if below.note is not None)]
        after += unit.words
        if after > 60:
            break
    return units
