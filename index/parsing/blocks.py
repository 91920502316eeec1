r"""A policy's text as blocks: headings, paragraphs, list items and table rows, each with its offsets.

It reads lines, not CommonMark: a lone `-` above a line is a list mark that lost its text (CommonMark
makes the line above it a heading), four spaces are depth and not code, and a text that never leaves a
blank line has a paragraph a line. It does not know passages, or who the company is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from index.parsing.document import Block, Cell, Kind
from index.parsing.markup import plain
from index.parsing.tables import table_rows

_ATX = re.compile(r"\s{0,3}(#{1,6})(?:\s+|(?=[^#\s]))(.*?)(?:\s+#+)?\s*$")
_UNDERLINE = re.compile(r"\s{0,3}(=+|-+)\s*$")
_RULE = re.compile(r"\s*(?:[-*_=~+.](?:\s*[-*_=~+.]){2,}|`{3,}\w*|~{3,}\w*)\s*$")
_LONE_MARK = re.compile(r"\s*[-*+•·▪◦●○‣–]\s*$")
_ITEM = re.compile(
    r"(?P<indent>[\s>]*)(?P<open>\*{2}|__)?"
    r"(?P<mark>[-*+•·▪◦●○‣–](?=\s|\*\*)|[•·▪●]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})\\?\)|(?:\d{1,3}|[a-z]|[ivx]{1,5})\\?\.)"
    r"(?:\*{2}|__)?(?P<gap>\s+(?=\S)|(?=[A-Z]))(?P<content>.+)$"
)
_BOLD_LINE = re.compile(
    r"\s*(?:\*{2,3}|__)\s*(?P<words>[^*_\s](?:[^*_\n]*[^*_\s])?(?:[*_]{2}\s*[*_]{2}[^*_\n]+?)?)\s*(?:\*{2,4}|__)\W{0,2}(?:\w{0,2})\s*$"
)
_TABLE_RULE_MARKS, _DASH_THEN_BAR = re.compile(r"[\s:|-]*$"), re.compile(r"-[^|]*\|")
_TAGS_ONLY = re.compile(r"\s*(?:</?[a-zA-Z!][^<>]*>\s*)+$")
_BLANK = re.compile(r"[\s\u200b\ufeff>]*$")
_MAX_HEADING_WORDS = 16
_LONGEST_HEADING_CHARS = 500
# Heading levels of lines that carry no `#`: under every `#`, bold over `Words:` over a bare title line.
_BOLD_LEVEL, _COLON_LEVEL, _BARE_LEVEL = 7, 8, 9
# A clause's number tells its depth: "4 RETENTION" over "4.2 Retention periods" over "4.2.1 Recordings are erased".
_CLAUSE = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]+(?P<words>[^\W\d_].*)$")
_CLAUSE_LEVEL = 9
_LONGEST_CLAUSE_TITLE_WORDS = 8
_SMALL_WORDS = frozenset(
    """a an and or of the to for in on at by with from as is be we us our you your i it its any do not
    how what which when who""".split()
)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


def blocks(text: str, *, start: int = 0) -> list[Block]:
    """The blocks of `text[start:]` in reading order; none is empty and no two overlap.

    Lines that are blank in `text` are in none: who calls this blanks what is no part of the policy.
    """
    lines = list(_lines(text, start))
    rows = table_rows([(line.start, line.text) for line in lines])
    return _titled(text, list(_scan(text, lines, rows, hard_wrapped=_is_hard_wrapped(lines))))


def _lines(text: str, start: int) -> Iterator[_Line]:
    position = start
    for raw in text[start:].splitlines(keepends=True):
        bare = raw.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        yield _Line(position, position + len(bare), bare)
        position += len(raw)


def _is_hard_wrapped(lines: list[_Line]) -> bool:
    """Whether an editor broke the paragraphs into lines: many lines of one width that end in mid-sentence."""
    filled = [line for line in lines if not _BLANK.match(line.text)]
    broken = sum(
        50 < len(above.text) <= 120 and above.text.rstrip()[-1:] not in ".:;!?)*_"
        for above, below in pairwise(lines)
        if not _BLANK.match(above.text) and not _BLANK.match(below.text) and not _ITEM.match(below.text)
    )
    return broken > 0.25 * len(filled)


def _scan(
    text: str, lines: list[_Line], rows: Mapping[int, tuple[Cell, ...]], *, hard_wrapped: bool
) -> Iterator[Block]:
    open_block: Block | None = None
    pending_mark: int | None = None
    lone_marks = sum(_LONE_MARK.match(line.text) is not None for line in lines)
    for line in lines:
        underlined = _underlined(text, line.text, open_block, lone_marks=lone_marks) if open_block else None
        if underlined:
            yield underlined
            open_block = None
            continue
        if _LONE_MARK.match(line.text):
            pending_mark = _indent(line.text)
        if _is_between_blocks(line):
            if open_block:
                yield open_block
            open_block = None
            continue
        fresh = _row(line, rows[line.start]) if line.start in rows else _classify(line, pending_mark)
        may_continue = pending_mark is None and fresh.kind is Kind.PARAGRAPH
        pending_mark = None
        if open_block and may_continue and _continues(text, open_block, line, hard_wrapped=hard_wrapped):
            open_block = Block(open_block.kind, open_block.level, open_block.start, fresh.end)
            continue
        if open_block:
            yield open_block
        open_block = fresh
        if fresh.kind in (Kind.HEADING, Kind.ROW):
            yield fresh
            open_block = None
    if open_block:
        yield open_block


def _underlined(text: str, line: str, above: Block, *, lone_marks: int) -> Block | None:
    """`above` as the heading that `line` under it makes of it, or None where that line is no underline."""
    underline = _UNDERLINE.match(line)
    level = None
    if _LONE_MARK.match(line):
        level = 2 if _underlines(line, above, lone_marks=lone_marks) else None
    elif underline and _is_short(text, above):
        level = 1 if underline[1][0] == "=" else 2
    return Block(Kind.HEADING, level, above.start, above.end) if level else None


def _is_between_blocks(line: _Line) -> bool:
    """Whether `line` holds no words of the text: blank, tags alone, a lone mark or a rule."""
    if _TABLE_RULE_MARKS.match(line.text) and _DASH_THEN_BAR.search(line.text):
        return True
    return any(pattern.match(line.text) for pattern in (_BLANK, _TAGS_ONLY, _LONE_MARK, _RULE))


def _classify(line: _Line, pending_mark: int | None) -> Block:
    """`line` alone as a block, its marks left out."""
    # A line that long is no heading, and is spared patterns that take their time.
    heading = _ATX.match(line.text) if len(line.text) <= _LONGEST_HEADING_CHARS else None
    if heading and heading[2].strip():
        return _block(Kind.HEADING, len(heading[1]), line, heading.start(2), heading.end(2))
    item = _ITEM.match(line.text)
    if item and not _is_bold(line.text):
        begins = item.start("content")
        if item["open"] and not re.search(r"\*\*|__", line.text[item.end("mark") : begins]):
            begins = item.start("open")  # "**1. Cookies** we use": the emphasis spans mark and words
        return _block(Kind.ITEM, _depth(line.text, item["mark"]), line, begins, item.end("content"))
    if pending_mark is not None:
        return _block(Kind.ITEM, _depth(" " * pending_mark, "-"), line, 0, len(line.text))
    return _block(
        Kind.PARAGRAPH, 0, line, len(line.text) - len(line.text.lstrip(" \t>\u200b\ufeff\u00a0")), len(line.text)
    )


def _row(line: _Line, cells: tuple[Cell, ...]) -> Block:
    return replace(_block(Kind.ROW, 0, line, 0, len(line.text)), cells=cells)


def _block(kind: Kind, level: int, line: _Line, begins: int, ends: int) -> Block:
    content = line.text[begins:ends]
    lead = len(content) - len(content.lstrip())
    return Block(kind, level, line.start + begins + lead, line.start + begins + len(content.rstrip()))


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip(" >"))


def _depth(line: str, mark: str) -> int:
    """How deep an item is nested: by its indent, then numbers over letters over bullets.

    >>> _depth("1. one", "1.") < _depth("a) one", "a)") < _depth("- one", "-") < _depth("  1. one", "1.")
    True
    """
    rank = 0 if mark.strip("(")[:1].isdigit() else 1 if mark.strip("(")[:1].isalpha() else 2
    return 3 * _indent(line) + rank


def _is_bold(line: str) -> bool:
    return len(line) <= _LONGEST_HEADING_CHARS and _BOLD_LINE.match(line) is not None


def _underlines(line: str, above: Block, *, lone_marks: int) -> bool:
    """Whether the lone `-` that is `line` underlines a short heading: the only such mark of its text.

    A `-` whose line above is long, or ends like a sentence, or that recurs, has lost its item's text.
    """
    return line.strip() == "-" and above.end - above.start <= 80 and lone_marks == 1


def _is_short(text: str, block: Block) -> bool:
    return "\n" not in text[block.start : block.end] and len(text[block.start : block.end].split()) <= 30


def _continues(text: str, block: Block, line: _Line, *, hard_wrapped: bool) -> bool:
    """Whether `line` goes on with the paragraph above it, no blank line being between."""
    if hard_wrapped:
        return True
    above = text[block.start : block.end]
    last = above[above.rfind("\n") + 1 :].rstrip()
    if _is_bold(last) or _is_bold(line.text):
        return False
    if block.kind is Kind.ITEM and line.text[:1] in " \t":
        return True
    # An address, or a break within a sentence: short lines that do not end like a sentence.
    hard_break = above.endswith("  ") or text[block.end : line.start].startswith("  ")
    if len(last) >= 80 or last[-1:] in ":;!?" or (last.endswith(".") and not hard_break):
        return False
    return hard_break or len(line.text) < 80 or not looks_titled(last)


def _titled(text: str, found: list[Block]) -> list[Block]:
    """`found` with the paragraphs and items that stand as headings told as such."""
    result: list[Block] = []
    for position, block in enumerate(found):
        below = found[position + 1] if position + 1 < len(found) else None
        clause = _clause_title(text, block, below)
        if clause:
            result.append(clause)
            continue
        level = _heading_level(text, block, below)
        if level is None:
            result.append(block)
        else:
            result.append(Block(Kind.HEADING, level, block.start, block.end))
    return result


def _heading_level(text: str, block: Block, below: Block | None) -> int | None:
    """The level of `block` as a heading without `#`, or None for what is none."""
    raw = text[block.start : block.end]
    if block.kind is Kind.HEADING or block.kind is Kind.ROW or "\n" in raw or len(raw) > 160:
        return None
    words = plain(raw)
    count = len(words.split())
    if below is None or below.kind is Kind.HEADING or not count or count > _MAX_HEADING_WORDS:
        bold_over_bold = below is not None and below.kind is not Kind.HEADING
        if not (bold_over_bold and count and count <= _MAX_HEADING_WORDS):
            return None
    if re.search(r"\]\(|<?https?://|www\.|@", raw):
        return None
    bold = _is_bold(raw)
    if bold and not (words.endswith((".", ",", ";")) and not looks_titled(words.rstrip(".,;"))):
        return _BOLD_LEVEL
    if block.kind is Kind.ITEM and not _numbered_title(text, block, below, words):
        return None
    if words.endswith(":") and looks_titled(words[:-1]):
        return _COLON_LEVEL
    if words.endswith("?") and count >= 3 and below is not None and _is_body(text, below):
        return _BARE_LEVEL
    if (
        words[-1:] not in ".,;:!?)"
        and not re.search(r"\d.*,|,.*\d|©", words)
        and looks_titled(words)
        and below is not None
        and _is_body(text, below)
    ):
        return _BARE_LEVEL
    return None


def _clause_title(text: str, block: Block, below: Block | None) -> Block | None:
    """`block` without its number as a heading, where it titles the clauses under it; else None."""
    if block.kind is not Kind.PARAGRAPH or below is None or block.end - block.start > 160:
        return None
    found = _CLAUSE.match(text[block.start : block.end])
    if not found or len(found["words"].split()) > _LONGEST_CLAUSE_TITLE_WORDS:
        return None
    depth = found["number"].count(".")
    words = found["words"].rstrip(". ")
    under = _CLAUSE.match(text[below.start : below.end])
    deeper = under is not None and under["number"].startswith(found["number"] + ".")
    titles = words.isupper() or (looks_titled(words) and not found["words"].endswith((".", ";", ",")))
    if not (deeper or (titles and _is_body(text, below))):
        return None
    start = block.start + found.start("words")
    return Block(Kind.HEADING, _CLAUSE_LEVEL + depth, start, start + len(found["words"].rstrip(". ")))


def _numbered_title(text: str, block: Block, below: Block | None, words: str) -> bool:
    """Whether an item such as "4. Cookies" titles the paragraph under it rather than listing something."""
    return (
        below is not None
        and below.kind is Kind.PARAGRAPH
        and block.level < 12
        and len(words.split()) <= 10
        and looks_titled(words.rstrip(":"))
        and _is_body(text, below)
    )


def looks_titled(words: str) -> bool:
    """Whether most words that carry meaning begin with a capital letter.

    >>> looks_titled("How We Use Information We Collect"), looks_titled("such purposes include")
    (True, False)
    """
    if not words or words[-1] in ".;,":
        return False
    weighty = [word for word in re.findall(r"[^\W\d_][\w'’-]*", words) if word.lower() not in _SMALL_WORDS]
    if not weighty:
        return words[:1].isupper() and len(words.split()) <= 6
    capital = sum(word[0].isupper() for word in weighty)
    return capital >= 0.6 * len(weighty) and (len(weighty) > 1 or words[0].isupper() or words[0].isdigit())


def _is_body(text: str, block: Block) -> bool:
    """Whether `block` reads as text that a heading may stand over."""
    return block.kind in (Kind.ITEM, Kind.ROW) or len(text[block.start : block.end].split()) >= 9
