"""Markdown, HTML rests and escapes taken out of a text, for models and for people to read.

It does not know offsets: what it returns is for reading, never for citing (invariant 1).
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.parsing.document import Markup, Span

# What CommonMark leaves behind in real files: unpaired emphasis ("How We Use I** t"), backslash
# escapes in front of letters, HTML tags, zero-width marks.
_LEFTOVER_EMPHASIS = re.compile(r"\*{2,}|_{3,}|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)|(?<=\W)\*(?=\W)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,400}>")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_SPACE = re.compile(r"\s+")
_BARE_LINK_TARGET = re.compile(r"\]\((?:[^()\s]|\([^()\s]*\))*\)")
_REFERENCE_LINK = re.compile(r"(?<![\\!])\[([^\[\]\n]{1,300})\]\[[^\[\]\n]{0,100}\]")
_NOTE_MARK = re.compile(
    r"\[\^[^\]\s]{1,40}\]|<sup>\s{0,3}(?:<a\b[^<>]{0,300}>)?\s{0,3}\[?\d{1,3}\]?\s{0,3}(?:</a>)?\s{0,3}</sup>",
    re.IGNORECASE,
)
_HIDING = re.compile(
    r"<!--|-->|<(?P<close>/?)(?P<tag>del|strike|s|script|style)\b[^<>]{0,300}>|(?<!\\)~~(?!~)", re.IGNORECASE
)
_LONGEST_STRUCK_CHARS = 5_000
# Versions of a policy have most of their paragraphs in common, and each is read several times while it is split.
_KEPT = 8_192
_MARKS = re.compile(r"[\\*_`\[\]<>&~!\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_NOT_A_LINE_END = re.compile(r"[^\n\r]")


def hide(text: str) -> str:
    """`text` with blanks where comments, scripts and struck-out words stand: of the same length, lines kept.

    >>> hide("~~We sell it.~~ We do not.<!-- draft -->") == " " * 16 + "We do not." + " " * 14
    True
    """
    if "<" not in text and "~~" not in text:
        return text
    pieces, position = [], 0
    for start, end in _hidden(text):
        pieces += [text[position:start], _NOT_A_LINE_END.sub(" ", text[start:end])]
        position = end
    return "".join([*pieces, text[position:]])


def _hidden(text: str) -> Iterator[Span]:
    """Where comments, scripts and struck-out words stand, in order; found in one pass, whatever is left open."""
    opened: dict[str, int] = {}
    comment: int | None = None
    done = 0
    for found in _HIDING.finditer(text):
        mark = found["tag"].lower() if found["tag"] else found[0]
        start: int | None = None
        if comment is not None or mark in ("<!--", "-->"):
            if mark == "-->":
                start, comment = comment, None
            elif comment is None:
                comment = found.start()
        elif mark == "~~":
            start = _struck_from(text, opened.pop(mark, None), found)
            if start is None:
                opened[mark] = found.start()
        elif found["close"]:
            start = opened.pop(mark, None)
        else:
            opened.setdefault(mark, found.start())
        if start is not None and start >= done:
            done = found.end()
            yield start, done
    if comment is not None:
        yield max(comment, done), len(text)


def _struck_from(text: str, opened: int | None, found: re.Match[str]) -> int | None:
    """`opened`, if `~~` there and at `found` strike out what is between, which is within a paragraph."""
    if opened is None or found.start() - opened > _LONGEST_STRUCK_CHARS:
        return None
    inside = text[opened + 2 : found.start()]
    within = inside and not inside[0].isspace() and not inside[-1].isspace() and not re.search(r"\n[ \t\r]*\n", inside)
    return opened if within else None


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True})


@lru_cache(_KEPT)
def plain(text: str, markup: Markup = Markup.MARKDOWN) -> str:
    r"""`text` as a person reads it: link labels without addresses, no emphasis marks, nothing struck out, one line.

    >>> plain("1\\. Ask [us](mailto:a@b.c) **now**,  \n&amp; we <b>reply</b>")
    '1. Ask us now, & we reply'
    >>> plain("How We Use I** t"), plain("_ga lasts _two_ years")
    ('How We Use I t', '_ga lasts two years')
    """
    if markup is Markup.NONE or not _MARKS.search(text):
        return _SPACE.sub(" ", text).strip()
    text = _REFERENCE_LINK.sub(r"\1", _NOTE_MARK.sub("", hide(text)))
    pieces: list[str] = []
    for token in _parser().parseInline(text):
        _collect(token.children or [], pieces)
    joined = _BARE_LINK_TARGET.sub("]", "".join(pieces))
    joined = _LEFTOVER_EMPHASIS.sub("", _INVISIBLE.sub("", html.unescape(joined)))
    return _SPACE.sub(" ", _TAG.sub(" ", joined)).strip()


def _collect(tokens: list[Token], pieces: list[str]) -> None:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak", "html_inline", "image"):
            pieces.append(" ")
        elif token.content:
            pieces.append(token.content)
