"""Policies become passages: the unit that is embedded, searched, quoted and attributed.

A passage is a paragraph, a list item or a table row with what governs it, under its heading path. It does not know
vectors or companies.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.language.sentences import sentence_spans, trimmed
from index.parsing.document import Block, Cell, Document, Kind, Markup, Span
from index.parsing.markup import plain
from index.parsing.notes import marks_in
from index.policies.versions import Policy

# Raised where documents are split otherwise.
SPLITTER_VERSION = 1
# Words in a paragraph before it is split between sentences: decision 4 in ARCHITECTURE.md.
TARGET_WORDS = 110
# Items this short say nothing alone ("Email address"); they stay together under their lead-in.
_SHORT_ITEM_WORDS = 9
_LIST_WORDS = 60
_MIN_WORDS = 3
# What is embedded of the words that govern a passage: four tenths of what the model reads, at four characters a token.
_MOST_LEAD_IN_CHARS = 400
_LEAST_ROOM = 32
_LONGEST_HEADING_CHARS = 200
# "No." says nothing without its question, which is then embedded with it.
_SHORT_SENTENCE_WORDS = 8

_TITLE = re.compile(r"\b(?:privacy|polic(?:y|ies)|terms|notice|statement|agreement)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Passage:
    """`policy.text[start:end]`, with what must be known to understand it.

    Attributes:
        heading: the headings above it, outermost first, without the policy's title.
        text: exactly what stands at `start:end` of the policy's text (invariant 1).
        sentences: offsets of its sentences, in order, within `start:end`; a table row is one.
        lead_ins: where the words stand that govern it, outermost first; see `Block`.
        cells: of the table rows in it.
        notes: where the footnotes stand that it cites.
        markup: of the policy's text.
    """

    policy_id: str
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]
    lead_ins: tuple[Span, ...] = ()
    cells: tuple[Cell, ...] = ()
    notes: tuple[Span, ...] = ()
    markup: Markup = Markup.MARKDOWN


def title_of(document: Document) -> str | None:
    """The document's own title: its first block, if that is a heading of the first rank or speaks of a policy.

    Where it has none, the title that the file gives beside the text.
    """
    return _own_title(document.text, document.blocks, document.markup) or document.metadata.title


def _own_title(text: str, blocks: Sequence[Block], markup: Markup) -> str | None:
    for block in blocks[:1]:
        words = plain(text[block.start : block.end], markup)
        if block.kind is Kind.HEADING and len(words) <= 120 and (block.level == 1 or _TITLE.search(words)):
            return words.rstrip(":") or None
    return None


def passages(policy: Policy, *, max_tokens: int, count_tokens: Callable[[str], int]) -> list[Passage]:
    """The passages of `policy` in reading order; none is longer than `max_tokens` with its context.

    Args:
        count_tokens: how many tokens the model that will embed them makes of a text.
    """
    return list(_Splitter(policy, max_tokens, count_tokens).passages())


def passage_at(policy: Policy, start: int, end: int, *, heading: tuple[str, ...] = ()) -> Passage:
    """`policy.text[start:end]` as a passage, where somebody else split; it may be longer than a model reads.

    Raises:
        ValueError: `start:end` is empty or not inside the text.
    """
    if not 0 <= start < end <= len(policy.text):
        raise ValueError(f"{start}:{end} is no passage of {policy.id}, which has {len(policy.text):,} characters")
    sentences = tuple(sentence_spans(policy.text, start, end))
    return Passage(policy.id, heading, start, end, policy.text[start:end], sentences, markup=policy.markup)


def embedded_text(text: str, passage: Passage) -> str:
    """What is embedded and indexed of a passage of a policy's `text`: what governs it, its words, its footnotes."""
    around = context(text, passage)
    notes = [plain(text[start:end], passage.markup) for start, end in passage.notes]
    words = " ".join([shown(text, passage, passage.start, passage.end), *notes])
    return f"{around}. {words}" if around else words


def sentence_texts(text: str, passage: Passage) -> list[str]:
    """What is embedded of the sentences of a passage of a policy's `text`: their words, a short answer's question."""
    words = [shown(text, passage, start, end) for start, end in passage.sentences]
    asked = [plain(text[start:end], passage.markup) for start, end in passage.lead_ins]
    if asked and asked[-1].endswith("?") and len(words[0].split()) <= _SHORT_SENTENCE_WORDS:
        words[0] = f"{asked[-1]} {words[0]}"
    return words


def context(text: str, passage: Passage) -> str:
    """The words that give `passage` its meaning: the innermost headings and lead-ins, as plain text."""
    parts = [heading[:_LONGEST_HEADING_CHARS].rstrip(".:") for heading in passage.heading[-2:]]
    lead_ins: list[str] = []
    room = _MOST_LEAD_IN_CHARS
    for start, end in reversed(passage.lead_ins):
        words = plain(text[start:end], passage.markup).rstrip(".:")
        room -= len(words)
        if room < 0:
            break
        if words not in parts:
            lead_ins.insert(0, words)
    return ". ".join(part for part in (*parts, *lead_ins) if part)


def shown(text: str, passage: Passage, start: int, end: int) -> str:
    """`text[start:end]`, which lies in `passage`, as a person reads it; a row's cells behind their columns' names."""
    cells = [cell for cell in passage.cells if cell.start < end and start < cell.end]
    if not cells:
        return plain(text[start:end], passage.markup)
    rows: list[list[str]] = []
    position = None
    for cell in cells:
        if position is None or "\n" in text[position : cell.start]:
            rows.append([])
        position = cell.end
        words = plain(text[max(start, cell.start) : min(end, cell.end)], passage.markup)
        name = plain(text[slice(*cell.column)], passage.markup).rstrip(":") if cell.column else ""
        if words:
            rows[-1].append(f"{name}: {words}" if name else words)
    return "; ".join(" | ".join(row) for row in rows if row)


def governing(text: str, passage: Passage) -> list[str]:
    """The lead-ins of `passage` as a person reads them, outermost first."""
    return [plain(text[start:end], passage.markup) for start, end in passage.lead_ins]


class _Splitter:
    def __init__(self, policy: Policy, max_tokens: int, count_tokens: Callable[[str], int]) -> None:
        self._policy = policy
        self._text = policy.text
        self._max_tokens = max_tokens
        self._count_tokens = count_tokens
        self._headings: list[tuple[int, str]] = []
        self._title = _own_title(policy.text, policy.blocks, policy.markup)

    def passages(self) -> Iterator[Passage]:
        found = self._policy.blocks
        position = 0
        while position < len(found):
            block = found[position]
            group = [block]
            if block.kind is Kind.HEADING:
                self._enter(block)
            elif block.kind is Kind.PARAGRAPH or self._is_header(block):
                if not (self._is_header(block) or self._only_leads(found, position)):
                    yield from self._emit(group)
            else:
                group = self._short_siblings(found, position)
                if not (len(group) == 1 and self._only_leads(found, position)):
                    yield from self._emit(group)
            position += len(group)

    def _enter(self, block: Block) -> None:
        words = self._plain(block.start, block.end)
        while self._headings and self._headings[-1][0] >= block.level:
            self._headings.pop()
        if words and words.rstrip(":") != self._title:
            self._headings.append((block.level, words))

    def _is_header(self, block: Block) -> bool:
        """Whether `block` is a row that names the columns of the others."""
        return bool(block.cells) and all(cell.column == (cell.start, cell.end) for cell in block.cells)

    def _only_leads(self, found: Sequence[Block], position: int) -> bool:
        """Whether the block at `position` is nothing but a short lead-in to what stands under it."""
        block = found[position]
        below = found[position + 1] if position + 1 < len(found) else None
        leads = below is not None and any(block.start <= start < block.end for start, _ in below.lead_ins)
        words = self._text[block.start : block.end].rstrip("*_ ")
        return leads and words.endswith(":") and len(words.split()) < 12

    def _short_siblings(self, found: Sequence[Block], position: int) -> list[Block]:
        """The item at `position`, and those after it while all are too short to stand alone."""
        group = [found[position]]
        words = len(self._plain(group[0].start, group[0].end).split())
        if words > _SHORT_ITEM_WORDS:
            return group
        for block in found[position + 1 :]:
            more = len(self._plain(block.start, block.end).split())
            same_list = (block.kind, block.level, block.lead_ins) == (group[0].kind, group[0].level, group[0].lead_ins)
            if not same_list or more > _SHORT_ITEM_WORDS or words + more > _LIST_WORDS:
                break
            group.append(block)
            words += more
        return group

    def _plain(self, start: int, end: int) -> str:
        return plain(self._text[start:end], self._policy.markup)

    def _emit(self, group: Sequence[Block]) -> Iterator[Passage]:
        """One passage of `group`, or several where it is longer than it should be or the model reads."""
        if len(group) > 1 or group[0].kind is Kind.ROW:
            sentences = [(block.start, block.end) for block in group]
        else:
            sentences = sentence_spans(self._text, group[0].start, group[0].end)
        cells = tuple(cell for block in group for cell in block.cells)
        whole = self._passage((group[0].start, group[-1].end), sentences, group[0].lead_ins, cells, ())
        room = max(_LEAST_ROOM, self._max_tokens - self._count_tokens(context(self._text, whole)) - 2)
        notes = dict.fromkeys(note for block in group for note in block.notes)
        room = max(_LEAST_ROOM, room - sum(self._count_tokens(self._plain(*note)) for note in notes))
        pieces = [piece for span in sentences for piece in self._fitting(whole, span, room)]
        for run in self._runs(whole, pieces, room):
            span = (run[0][0], run[-1][1])
            if _says_something(self._plain(*span), alone=not whole.lead_ins):
                yield self._passage(span, run, whole.lead_ins, cells, self._notes_of(span, group))

    def _passage(
        self,
        span: Span,
        sentences: Sequence[Span],
        lead_ins: tuple[Span, ...],
        cells: tuple[Cell, ...],
        notes: tuple[Span, ...],
    ) -> Passage:
        start, end = span
        return Passage(
            self._policy.id,
            tuple(words for _, words in self._headings),
            start,
            end,
            self._text[start:end],
            tuple(sentences),
            lead_ins,
            tuple(cell for cell in cells if cell.start < end and start < cell.end),
            notes,
            self._policy.markup,
        )

    def _notes_of(self, span: Span, group: Sequence[Block]) -> tuple[Span, ...]:
        """The footnotes that the words at `span` cite: by their marks, where each note of a block has one."""
        found: dict[Span, None] = {}
        for block in group:
            marks = marks_in(self._text[block.start : block.end])
            here = set(marks_in(self._text[slice(*span)]))
            cited = [
                note for place, note in enumerate(block.notes) if len(marks) != len(block.notes) or marks[place] in here
            ]
            found |= dict.fromkeys(cited)
        return tuple(found)

    def _runs(self, whole: Passage, pieces: list[Span], room: int) -> Iterator[list[Span]]:
        """`pieces` in runs of about `TARGET_WORDS`, of even length, none longer than `room` tokens."""
        lengths = [len(self._text[start:end].split()) for start, end in pieces]
        count = max(1, round(sum(lengths) / TARGET_WORDS))
        target = sum(lengths) / count
        run: list[Span] = []
        words = 0
        for piece, length in zip(pieces, lengths, strict=True):
            if run and (words + length / 2 > target or self._is_too_long(whole, run[0][0], piece[1], room)):
                yield run
                run, words = [], 0
            run.append(piece)
            words += length
        if run:
            yield run

    def _is_too_long(self, whole: Passage, start: int, end: int, room: int) -> bool:
        # A word of megabytes is one token: there its length counts.
        return end - start > 20 * room or self._count_tokens(shown(self._text, whole, start, end)) > room

    def _fitting(self, whole: Passage, span: Span, room: int) -> Iterator[Span]:
        """`span` cut so that each part has at most `room` tokens, after `;` or `,` where there is one."""
        start, end = span
        ahead = 20 * room
        while start < end:
            # Only so much is counted at a time: a line of megabytes is cut in time that grows with its length.
            stop = end if end - start <= 20 * room else _cut(self._text, start, start + ahead)
            while self._count_tokens(shown(self._text, whole, start, stop)) > room and stop - start > 1:
                stop = _cut(self._text, start, start + (stop - start) * 2 // 3)
            inside = trimmed(self._text, start, stop)
            if inside[0] < inside[1]:
                yield inside
            # what follows is as dense as what was read
            ahead = max(room, min(20 * room, 2 * (stop - start)))
            start = stop


def _cut(text: str, start: int, near: int) -> int:
    """The best place to cut before `near`: behind a `;`, a `,`, a space, or else right there."""
    for mark in (";", ",", " "):
        at = text.rfind(mark, start + (near - start) // 2, near)
        if at > start:
            return at + 1
    return max(start + 1, near)


def _says_something(words: str, *, alone: bool) -> bool:
    """Whether `words`, without marks, can answer: "No." can under its question, and nothing so short can alone."""
    letters = sum(character.isalpha() for character in words)
    if not alone:
        return letters >= 2
    return letters >= 3 and (len(words.split()) >= _MIN_WORDS or "@" in words)
