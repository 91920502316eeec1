"""Markdown, HTML rests and escapes taken out of a text, for models and for people to read.

It does not know offsets: what it returns is for reading, never for citing (invariant 1).
"""

import html
import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# What CommonMark leaves behind in real files: unpaired emphasis ("How We Use I** t"), backslash
# escapes in front of letters, HTML tags, zero-width marks.
_LEFTOVER_EMPHASIS = re.compile(r"\*{2,}|_{2,}|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|(?<=\W)\*(?=\W)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,400}>")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_SPACE = re.compile(r"\s+")
_BARE_LINK_TARGET = re.compile(r"\]\((?:[^()\s]|\([^()\s]*\))*\)")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["strikethrough"])


def plain(text: str) -> str:
    r"""`text` as a person reads it: link labels without addresses, no emphasis marks, one line.

    >>> plain("1\\. Ask [us](mailto:a@b.c) **now**,  \n&amp; we <b>reply</b>")
    '1. Ask us now, & we reply'
    >>> plain("How We Use I** t")
    'How We Use I t'
    """
    if not re.search(r"[\\*_`\[\]<>&~!\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]", text):
        return _SPACE.sub(" ", text).strip()
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
