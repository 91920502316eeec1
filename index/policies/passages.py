"""Policies become passages: the unit that is embedded, searched, quoted and attributed.

A passage is a paragraph, or a list item with the lead-in that gives it meaning, under its heading
path. It does not know vectors or companies.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sentencex import get_sentence_boundaries

from index.parsing.blocks import blocks
from index.parsing.document import Block, Cell, Kind, Span
from index.parsing.markup import plain
from index.policies.versions import Policy

# Words in a paragraph before it is split between sentences: decision 4 in ARCHITECTURE.md.
TARGET_WORDS = 110
# Items this short say nothing alone ("Email address"); they stay together under their lead-in.
_SHORT_ITEM_WORDS = 9
_LIST_WORDS = 60
_MIN_WORDS = 3
# A list's lead-in and heading path may take this share of what the model reads.
_CONTEXT_SHARE = 0.4
_LEAST_ROOM = 32
_LONGEST_HEADING_CHARS = 200

_TITLE = re.compile(r"\b(?:privacy|polic(?:y|ies)|terms|notice|statement|agreement)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Passage:
    """`policy.text[start:end]`, with what must be known to understand it.

    Attributes:
        heading: the headings above it, outermost first, without the policy's title.
        text: exactly what stands at `start:end` of the policy's text (invariant 1).
        sentences: offsets of its sentences, in order, within `start:end`.
        lead_ins: where the words stand that govern it, outermost first; see `Block`.
        cells: of the table rows in it.
        notes: where the footnotes stand that it cites.
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


def title_of(text: str, *, start: int = 0) -> str | None:
    """The policy's own title: its first block, if that is a heading of the first rank or speaks of a policy."""
    for block in blocks(text, start=start)[:1]:
        words = plain(text[block.start : block.end])
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
    sentences = tuple(_sentences(policy.text, start, end))
    return Passage(policy.id, heading, start, end, policy.text[start:end], sentences)


def embedded_text(text: str, passage: Passage) -> str:
    """What is embedded and indexed of a passage of a policy's `text`: headings and lead-in, then its words."""
    around = context(text, passage)
    return f"{around}. {plain(passage.text)}" if around else plain(passage.text)


def sentence_texts(text: str, passage: Passage) -> list[str]:
    """What is embedded of the sentences of a passage of a policy's `text`: their words alone."""
    return [plain(text[start:end]) for start, end in passage.sentences]


def context(policy_text: str, passage: Passage) -> str:
    """The words that give `passage` its meaning: the innermost headings and the lead-in, as plain text."""
    parts = [heading[:_LONGEST_HEADING_CHARS].rstrip(".:") for heading in passage.heading[-2:]]
    parts += [plain(policy_text[start:end]).rstrip(":") for start, end in passage.lead_ins]
    return ". ".join(part for part in parts if part)


class _Splitter:
    def __init__(self, policy: Policy, max_tokens: int, count_tokens: Callable[[str], int]) -> None:
        self._policy = policy
        self._text = policy.text
        self._max_tokens = max_tokens
        self._count_tokens = count_tokens
        self._headings: list[tuple[int, str]] = []
        self._title = title_of(policy.text, start=policy.body_start)

    def passages(self) -> Iterator[Passage]:
        found = _without_menus(self._text, blocks(self._text, start=self._policy.body_start))
        above: list[Block] = []  # the lead-in paragraph and the items that the next item is nested in
        position = 0
        while position < len(found):
            block = found[position]
            if block.kind is Kind.HEADING:
                self._enter(block)
                above = []
                position += 1
                continue
            if block.kind is Kind.PARAGRAPH:
                above = [block]
                if not self._only_leads(block, found, position):
                    yield from self._emit([block], None)
                position += 1
                continue
            while above and above[-1].kind is not Kind.PARAGRAPH and above[-1].level >= block.level:
                above.pop()
            lead_in = self._lead_in(above)
            group = self._short_siblings(found, position)
            if not (len(group) == 1 and self._only_leads(block, found, position)):
                yield from self._emit(group, lead_in)
            above.append(group[-1])
            position += len(group)

    def _enter(self, block: Block) -> None:
        words = plain(self._text[block.start : block.end])
        while self._headings and self._headings[-1][0] >= block.level:
            self._headings.pop()
        if words and words.rstrip(":") != self._title:
            self._headings.append((block.level, words))

    def _only_leads(self, block: Block, found: list[Block], position: int) -> bool:
        """Whether `block` is nothing but a short lead-in to the items under it."""
        words = self._text[block.start : block.end].rstrip("*_ ")
        below = found[position + 1] if position + 1 < len(found) else None
        nested = (
            below is not None
            and below.kind is Kind.ITEM
            and (block.kind is Kind.PARAGRAPH or below.level > block.level)
        )
        return nested and words.endswith(":") and len(words.split()) < 12

    def _lead_in(self, above: list[Block]) -> Span | None:
        """The last sentence of the paragraph or item that introduces the list, if it reads like one."""
        for block in reversed(above):
            words = self._text[block.start : block.end].rstrip("*_ ")
            if words.endswith((":", "-", "–", "—")) or block.kind is Kind.ITEM:
                spans = _sentences(self._text, block.start, block.end)
                start, end = spans[-1]
                limit = int(self._max_tokens * _CONTEXT_SHARE)
                if self._count_tokens(plain(self._text[start:end])) <= limit:
                    return start, end
        return None

    def _short_siblings(self, found: list[Block], position: int) -> list[Block]:
        """The item at `position`, and those after it while all are too short to stand alone."""
        group = [found[position]]
        words = len(plain(self._slice(group[0])).split())
        if words > _SHORT_ITEM_WORDS:
            return group
        for block in found[position + 1 :]:
            more = len(plain(self._slice(block)).split())
            same_list = block.kind is group[0].kind and block.level == group[0].level
            if not same_list or more > _SHORT_ITEM_WORDS or words + more > _LIST_WORDS:
                break
            group.append(block)
            words += more
        return group

    def _slice(self, block: Block) -> str:
        return self._text[block.start : block.end]

    def _emit(self, group: list[Block], lead_in: Span | None) -> Iterator[Passage]:
        """One passage of `group`, or several where it is longer than it should be or the model reads."""
        start, end = group[0].start, group[-1].end
        if len(group) > 1:
            sentences = [(block.start, block.end) for block in group]
        else:
            sentences = _sentences(self._text, start, end)
        heading = tuple(words for _, words in self._headings)
        bare = Passage(self._policy.id, heading, start, end, "", (), (lead_in,) if lead_in else ())
        room = max(_LEAST_ROOM, self._max_tokens - self._count_tokens(context(self._text, bare)) - 2)
        pieces = [piece for span in sentences for piece in self._fitting(span, room)]
        for run in self._runs(pieces, room):
            begins, ends = run[0][0], run[-1][1]
            text = self._text[begins:ends]
            if _says_something(text, alone=lead_in is None):
                yield Passage(self._policy.id, heading, begins, ends, text, tuple(run), bare.lead_ins)

    def _runs(self, pieces: list[Span], room: int) -> Iterator[list[Span]]:
        """`pieces` in runs of about `TARGET_WORDS`, of even length, none longer than `room` tokens."""
        lengths = [len(self._text[start:end].split()) for start, end in pieces]
        count = max(1, round(sum(lengths) / TARGET_WORDS))
        target = sum(lengths) / count
        run: list[Span] = []
        words = 0
        for piece, length in zip(pieces, lengths, strict=True):
            if run and (words + length / 2 > target or self._is_too_long(run[0][0], piece[1], room)):
                yield run
                run, words = [], 0
            run.append(piece)
            words += length
        if run:
            yield run

    def _is_too_long(self, start: int, end: int, room: int) -> bool:
        # A word of megabytes is one token: there its length counts.
        return end - start > 20 * room or self._count_tokens(plain(self._text[start:end])) > room

    def _fitting(self, span: Span, room: int) -> Iterator[Span]:
        """`span` cut so that each part has at most `room` tokens, after `;` or `,` where there is one."""
        start, end = span
        ahead = 20 * room
        while start < end:
            # Only so much is counted at a time: a line of megabytes is cut in time that grows with its length.
            stop = end if end - start <= 20 * room else _cut(self._text, start, start + ahead)
            while self._count_tokens(plain(self._text[start:stop])) > room and stop - start > 1:
                stop = _cut(self._text, start, start + (stop - start) * 2 // 3)
            trimmed = _trim(self._text, start, stop)
            if trimmed[0] < trimmed[1]:
                yield trimmed
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


def _trim(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _sentences(text: str, start: int, end: int) -> list[Span]:
    """The sentences of `text[start:end]`, trimmed; at least one."""
    spans: list[Span] = []
    for boundary in get_sentence_boundaries("en", text[start:end]):
        span = _trim(text, start + boundary["start_index"], start + boundary["end_index"])
        if span[0] == span[1]:
            continue
        # "1.", "**" or "E." alone is a mark that the splitter took for a sentence
        if spans and (span[1] - span[0] < 4 or spans[-1][1] - spans[-1][0] < 4):
            span = (spans.pop()[0], span[1])
        spans.append(span)
    return spans or [(start, end)]


def _says_something(text: str, *, alone: bool) -> bool:
    words = plain(text).split()
    letters = sum(character.isalpha() for word in words for character in word)
    return letters >= 3 and (not alone or len(words) >= _MIN_WORDS or "@" in text)


def _without_menus(text: str, found: list[Block]) -> list[Block]:
    """`found` without navigation: three or more blocks in a row that are nothing but a short link."""
    linked = [_is_link_alone(text, block) for block in found]
    kept: list[Block] = []
    position = 0
    while position < len(found):
        ends = position
        while ends < len(found) and linked[ends]:
            ends += 1
        if ends - position < 3:
            kept.extend(found[position : max(ends, position + 1)])
        position = max(ends, position + 1)
    return kept


def _is_link_alone(text: str, block: Block) -> bool:
    raw = text[block.start : block.end].strip()
    if block.kind is Kind.HEADING or not raw.endswith(")") or not raw.lstrip("!*_#").startswith("["):
        return False
    words = plain(raw)
    return "\n" not in raw and raw.count("](") == 1 and len(words.split()) <= 8 and not words.endswith(".")
