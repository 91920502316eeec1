"""Footnotes of Markdown and of plain text: where they stand, and what cites them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from index.parsing.document import Block, Span

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_NOTE = re.compile(
    r"^[ \t>]*(?:\[\^(?P<name>[^\]\s]{1,40})\]:|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})|"
    r"<sup>\s{0,3}\[?(?P<tagged>\d{1,3})\]?\s{0,3}</sup>)"
    r"[ \t]*(?P<words>\S(?:[^\r\n]*\S)?)[ \t]*\r?$",
    re.MULTILINE | re.IGNORECASE,
)
_MARK = re.compile(
    r"\[\^(?P<name>[^\]\s]{1,40})\](?!:)|(?<=\S)(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})|<sup>\s{0,3}\[?(?P<tagged>\d{1,3})\]?\s{0,3}</sup>",
    re.IGNORECASE,
)

Notes = dict[str, Span]
"""Where each footnote's words stand, by its mark."""


def find_notes(text: str, *, start: int) -> tuple[Notes, list[Span]]:
    r"""The footnotes of `text[start:]` that something cites, and the lines that they take up.

    >>> notes, lines = find_notes("We share it.[^1]\n\n[^1]: If you agree.", start=0)
    >>> notes, lines
    ({'^1': (24, 37)}, [(18, 37)])
    """
    found = [(_key(match), match) for match in _NOTE.finditer(text, start)]
    own_lines = {match.start() for _, match in found}
    cited = {
        _key(mark)
        for mark in _MARK.finditer(text, start)
        if not any(line <= mark.start() <= line + 8 for line in own_lines)
    }
    kept = [(key, match) for key, match in found if key in cited]
    return {key: match.span("words") for key, match in kept}, [match.span() for _, match in kept]


def with_notes(text: str, blocks: Sequence[Block], notes: Notes) -> list[Block]:
    """`blocks` with the footnotes that each cites, in the order of their marks."""
    if not notes:
        return list(blocks)
    return [replace(block, notes=cited_in(text[block.start : block.end], notes)) for block in blocks]


def cited_in(words: str, notes: Notes) -> tuple[Span, ...]:
    """The footnotes that the marks in `words` cite, in order, each once."""
    keys = dict.fromkeys(_key(mark) for mark in _MARK.finditer(words))
    return tuple(notes[key] for key in keys if key in notes)


def marks_in(words: str) -> list[str]:
    """The footnote marks in `words`, each once, in order."""
    return list(dict.fromkeys(_key(mark) for mark in _MARK.finditer(words)))


def _key(match: re.Match[str]) -> str:
    if match["name"]:
        return "^" + match["name"]
    return match["tagged"] or match["raised"].translate(_SUPERSCRIPTS)
