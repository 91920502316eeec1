"""What governs what: the lead-ins of list items, the question of a short answer, contents that repeat the headings.

It does not know how blocks were found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from index.language.sentences import sentence_spans
from index.parsing.document import Block, Kind, Span
from index.parsing.markup import plain

_INTRODUCES = re.compile(r"(?:[:–—-]|\b(?:the following|as follows|listed below|set out below)\b[^.:]{0,40}\.)$", re.I)
_SENTENCE_END = re.compile(r"[.!?][”\"’')\]]*$")
_NUMBER = re.compile(r"\(?(\d{1,3})\\?[.)]")
_LONGEST_LEAD_IN_CHARS = 1_000
_MOST_LEAD_INS = 20
_SHORT_ANSWER_WORDS, _SHORT_FIRST_WORDS, _LONGEST_QUESTION_WORDS = 8, 4, 40
_LEAST_CONTENTS_LINES = 3
_PAGE_NUMBER = re.compile(r"(?:[\s.…_·]{3,}|\s)\d{1,4}$")
_LEADING_NUMBER = re.compile(r"^(?:\(?(?:\d+(?:\.\d+)*|[a-z]|[ivx]+)[.)]?\s+)", re.I)


@dataclass(slots=True)
class _Open:
    """A block that may govern those under it, how far it is indented, and an ordered item's number."""

    block: Block
    indent: int
    number: int | None


@dataclass(slots=True)
class _State:
    """Where the reading of blocks is.

    Attributes:
        above: what the next block may be nested in, outermost first.
        parted: the list that a paragraph has just interrupted; an item with the next number goes on with it.
        question: the block before, if it asks.
        governs: the paragraph that ended in a colon, while what follows it are paragraphs and not a list.
    """

    above: list[_Open] = field(default_factory=list)
    parted: list[_Open] = field(default_factory=list)
    question: Block | None = None
    governs: Block | None = None


def governed(text: str, blocks: Sequence[Block]) -> list[Block]:
    """`blocks` with the lead-ins that govern each.

    A list item has the sentence that introduces its list, and the items that it is nested in; so has a paragraph that
    goes on with an item, and a row. A paragraph behind one that ends in a colon has that one, and a short answer its
    question.
    """
    state = _State()
    return [_governed(text, block, state) for block in blocks]


def _governed(text: str, block: Block, state: _State) -> Block:
    if block.kind is Kind.HEADING:
        state.above, state.parted, state.governs = [], [], None
        state.question = block if _asks(text, block) else None
        return block
    indent = _indent(text, block)
    if block.kind is Kind.PARAGRAPH:
        spans = _leads_of_paragraph(text, block, indent, state)
    else:
        spans = _leads_of_item(text, block, indent, state)
    question = state.question
    if question and _answers_shortly(text, block):
        spans = [(question.start, question.end), *spans]
    state.question = block if _asks(text, block) else None
    return replace(block, lead_ins=tuple(spans)) if spans else block


def _leads_of_paragraph(text: str, block: Block, indent: int, state: _State) -> list[Span]:
    while state.above and state.above[-1].indent >= indent:
        if state.above[-1].block.kind is Kind.ITEM:
            state.parted = list(state.above)
        state.above.pop()
    spans = _leads(text, state.above)
    governor = state.governs
    if not spans and governor:
        spans = [_last_sentence(text, governor)]
    state.governs = None
    if _introduces(text, block):
        state.governs = block
    elif governor and not _SENTENCE_END.search(text[block.start : block.end].rstrip("*_ ")):
        state.governs = governor
    state.above.append(_Open(block, indent, None))
    return spans


def _leads_of_item(text: str, block: Block, indent: int, state: _State) -> list[Span]:
    number = _number(text, block)
    if number is not None and not any(each.block.kind is Kind.ITEM for each in state.above):
        state.above = _taken_up(state, block, number)
    while state.above and not _holds(state.above[-1], block, indent):
        state.above.pop()
    state.governs = None
    spans = _leads(text, state.above)
    state.above.append(_Open(block, indent, number))
    return spans


def _taken_up(state: _State, block: Block, number: int) -> list[_Open]:
    """The list that goes on with this item where a paragraph interrupted it, else what is above as it is."""
    for place, each in enumerate(state.parted):
        if each.number == number - 1 and each.block.level == block.level:
            return state.parted[: place + 1]
    return state.above


def _holds(above: _Open, block: Block, indent: int) -> bool:
    """Whether `block`, an item or a row, may be nested in `above`."""
    if above.block.kind is Kind.PARAGRAPH:
        return above.indent <= indent
    return block.kind is Kind.ITEM and above.block.kind is Kind.ITEM and above.block.level < block.level


def _leads(text: str, above: Sequence[_Open]) -> list[Span]:
    governing = [each.block for each in above if each.block.kind is Kind.ITEM or _introduces(text, each.block)]
    if len(governing) > _MOST_LEAD_INS:  # a list that deep is no policy's
        governing = governing[: _MOST_LEAD_INS // 2] + governing[-_MOST_LEAD_INS // 2 :]
    return [_last_sentence(text, block) for block in governing]


def _introduces(text: str, block: Block) -> bool:
    return _INTRODUCES.search(text[max(block.start, block.end - 200) : block.end].rstrip("*_ ")) is not None


def _last_sentence(text: str, block: Block) -> Span:
    near = max(block.start, block.end - _LONGEST_LEAD_IN_CHARS)
    return sentence_spans(text, near, block.end)[-1]


def _asks(text: str, block: Block) -> bool:
    words = text[block.start : block.end].rstrip("*_ ")
    return words.endswith("?") and len(words.split()) <= _LONGEST_QUESTION_WORDS and block.kind is not Kind.ROW


def _answers_shortly(text: str, block: Block) -> bool:
    """Whether `block` says nothing without the question above it: "No.", "Never, unless you ask."."""
    words = text[block.start : block.end].split()
    if block.kind is Kind.ROW or (words and words[-1].rstrip("*_").endswith("?")):
        return False
    first = next((count for count, word in enumerate(words, start=1) if _SENTENCE_END.search(word)), len(words))
    return len(words) <= _SHORT_ANSWER_WORDS or first <= _SHORT_FIRST_WORDS


def _indent(text: str, block: Block) -> int:
    """How far the line that `block` begins on is indented."""
    line = text[text.rfind("\n", 0, block.start) + 1 : block.start]
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" >"))


def _number(text: str, block: Block) -> int | None:
    """The number of an ordered item, which stands before it on its line."""
    if block.kind is not Kind.ITEM:
        return None
    found = _NUMBER.search(text[text.rfind("\n", 0, block.start) + 1 : block.start])
    return int(found[1]) if found else None


def without_contents(text: str, blocks: Sequence[Block]) -> list[Block]:
    """`blocks` without tables of contents: three or more in a row whose words are those of headings."""
    titles = {_title(text, block) for block in blocks if block.kind is Kind.HEADING}
    repeats = [block.kind is not Kind.HEADING and _title(text, block) in titles for block in blocks]
    return _without_runs(blocks, repeats)


def without_menus(text: str, blocks: Sequence[Block]) -> list[Block]:
    """`blocks` without navigation: three or more in a row that are nothing but a short link."""
    return _without_runs(blocks, [_is_link_alone(text, block) for block in blocks])


def _without_runs(blocks: Sequence[Block], marked: Sequence[bool]) -> list[Block]:
    kept: list[Block] = []
    position = 0
    while position < len(blocks):
        ends = position
        while ends < len(blocks) and marked[ends]:
            ends += 1
        if ends - position < _LEAST_CONTENTS_LINES:
            kept.extend(blocks[position : max(ends, position + 1)])
        position = max(ends, position + 1)
    return kept


def _title(text: str, block: Block) -> str:
    """The words of `block` as contents and headings share them: without numbers, dots and case."""
    if block.end - block.start > 300:
        return ""
    words = _PAGE_NUMBER.sub("", plain(text[block.start : block.end]))
    return _LEADING_NUMBER.sub("", words).strip(" .:*").casefold()


def _is_link_alone(text: str, block: Block) -> bool:
    raw = text[block.start : block.end].strip()
    if block.kind is Kind.HEADING or not raw.endswith(")") or not raw.lstrip("!*_#").startswith("["):
        return False
    words = plain(raw)
    return "\n" not in raw and raw.count("](") == 1 and len(words.split()) <= 8 and not words.endswith(".")
