"""Where the sentences of a text stand. It does not know passages."""

import re
from functools import lru_cache

from sentencex import get_sentence_boundaries

from index.parsing.document import Span
from index.parsing.markup import hide

# "1.", "**" or "E." alone is a mark that the splitter took for a sentence.
_SHORTEST_CHARS = 4
# "No.", "Yes, we do." means nothing without the question before it.
_SHORT_ANSWER_WORDS = 4
_NOTE_MARKS = re.compile(r"(?:\[\^[^\]\s]{1,40}\]|<sup>[^<>]{1,9}</sup>|[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})+\s*")
# Versions of a policy have most of their sentences in common.
_KEPT = 8_192


def sentence_spans(text: str, start: int, end: int, *, language: str = "en") -> list[Span]:
    """The sentences of `text[start:end]`, trimmed, in order; at least one.

    A question and the short answer behind it are one sentence; what is struck out or commented out is in none.
    """
    found = _relative(text[start:end], language)
    return [(start + begins, start + ends) for begins, ends in found] or [(start, end)]


@lru_cache(_KEPT)
def _relative(words: str, language: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    shown = hide(words)
    for boundary in get_sentence_boundaries(language, shown):
        span = trimmed(shown, boundary["start_index"], boundary["end_index"])
        mark = _NOTE_MARKS.match(shown, span[0])
        if mark and spans:  # the marks of footnotes stand behind what they belong to
            spans[-1] = (spans[-1][0], span[0] + len(mark[0].rstrip()))
            span = trimmed(shown, mark.end(), span[1])
        if span[0] >= span[1]:
            continue
        if spans and (
            min(span[1] - span[0], spans[-1][1] - spans[-1][0]) < _SHORTEST_CHARS or _answers(shown, spans[-1], span)
        ):
            span = (spans.pop()[0], span[1])
        spans.append(span)
    return tuple(spans)


def trimmed(text: str, start: int, end: int) -> Span:
    """`start:end` without the white space at both ends of `text[start:end]`."""
    inside = text[start:end]
    lead = len(inside) - len(inside.lstrip())
    return start + lead, start + max(lead, len(inside.rstrip()))


def _answers(text: str, question: Span, answer: Span) -> bool:
    asked = text[slice(*question)].rstrip("*_ ").endswith("?")
    return asked and len(text[slice(*answer)].split()) <= _SHORT_ANSWER_WORDS
