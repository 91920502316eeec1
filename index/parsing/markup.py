"""Markdown, HTML rests and escapes taken out of a text, for models and for people to read.

It does not know offsets: what it returns is for reading, never for citing (invariant 1).
"""

import html
import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.parsing.document import Markup

# What CommonMark leaves behind in real files: unpaired emphasis ("How We Use I** t"), backslash
# escapes in front of letters, HTML tags, zero-width marks.
_LEFTOVER_EMPHASIS = re.compile(r"\*{2,}|_{3,}|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)|(?<=\W)\*(?=\W)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,400}>")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_SPACE = re.compile(r"\s+")
_BARE_LINK_TARGET = re.compile(r"\]\((?:[^()\s]|\([^()\s]*\))*\)")
_REFERENCE_LINK = re.compile(r"(?<![\\!])\[([^\[\]\n]{1,300})\]\[[^\[\]\n]{0,100}\]")
_NOTE_MARK = re.compile(
    r"\[\^[^\]\s]{1,40}\]|<sup>\s*(?:<a\b[^<>]*>)?\s*\[?\d{1,3}\]?\s*(?:</a>)?\s*</sup>", re.IGNORECASE
)
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<tag>del|strike|s|script|style)(?:\s[^<>]*)?>.*?</(?P=tag)\s*>"
    r"|(?<![~\\])~~(?=[^\s~])(?:[^~\n]|~(?!~)|\n(?!\s*\n))+?(?<=[^\s~])~~(?!~)",
    re.DOTALL | re.IGNORECASE,
)
_MARKS = re.compile(r"[\\*_`\[\]<>&~!\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_NOT_A_LINE_END = re.compile(r"[^\n\r]")


def hide(text: str) -> str:
    """`text` with blanks where comments, scripts and struck-out words stand: of the same length, lines kept.

    >>> hide("~~We sell it.~~ We do not.<!-- draft -->") == " " * 16 + "We do not." + " " * 14
    True
    """
    if "<" not in text and "~~" not in text:
        return text
    return _HIDDEN.sub(lambda found: _NOT_A_LINE_END.sub(" ", found[0]), text)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True})


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
