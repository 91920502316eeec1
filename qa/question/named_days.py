"""The days that a question names, with the prepositions that make periods of them: "since May 2023", "in 2024"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from index.language.dates import days_at_start

_DAY_BEGINS = re.compile(
    r"(?P<all>[\s,;]*\b(?P<joined>and|to|or|vs\.?|versus|till|until|-|–)?\s*\b(?P<word>in|during|throughout|since|after|"
    r"before|until|till|by|as\s+of|as\s+at|of|from|between|back\s+in|on|compared\s+(?:to|with)|versus|vs\.?)?\s*"
    r"(?:the\s+)?(?:year\s+|(?:beginning|end|start|middle)\s+of\s+|early\s+|late\s+|mid-?\s*)?)"
    r"(?=\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"[\s,;]*\b(?:and|to|until|till|vs\.?|versus|or|compared\s+(?:to|with))\s+(?:now|today)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class DaysAsked:
    """The days that a question names, both included; None where there is no bound."""

    since: date | None
    until: date | None


def without_days_asked(text: str) -> tuple[str, DaysAsked | None]:
    """`text` without the days that it names and the prepositions before them, and these days, if it names any.

    >>> without_days_asked("what changed between May 2022 and 2024")
    ('what changed', DaysAsked(since=datetime.date(2022, 5, 1), until=datetime.date(2024, 12, 31)))
    >>> without_days_asked("is data kept for 30 days")
    ('is data kept for 30 days', None)
    """
    pieces, position = [], 0
    firsts: list[date | None] = []
    lasts: list[date | None] = []
    for start, end, first, last in _days(text):
        pieces.append(text[position:start])
        position = end
        firsts.append(first)
        lasts.append(last)
    rest = "".join((*pieces, text[position:]))
    if not firsts:
        return " ".join(rest.split()), None
    rest = " ".join(_NOW.sub("", rest).split()).strip(" ,;?")
    return rest, DaysAsked(min(filter(None, firsts), default=None), max(filter(None, lasts), default=None))


def _days(text: str) -> Iterator[tuple[int, int, date | None, date | None]]:
    """Where each day is named, its preposition with it, and the bounds that it sets."""
    for found in _DAY_BEGINS.finditer(text):
        named = days_at_start(text[found.end() :])
        word = " ".join((found["word"] or "").lower().split())
        if named is None or not (word or found["joined"]):
            continue
        first: date | None = named.first
        last: date | None = named.last
        if word in ("since", "from", "between"):
            last = None
        elif word in ("compared to", "compared with", "versus", "vs", "vs."):
            first, last = named.last, None
        elif word == "after":
            first, last = named.last + timedelta(days=1), None
        elif word == "before":
            first, last = None, named.first - timedelta(days=1)
        elif word in ("until", "till", "by") or found["joined"] in ("to", "until", "till", "-", "–"):
            first = None
        yield found.start(), found.end() + named.length, first, last
