"""Where a name begins and ends: runs of words that are used as names. It does not know whose name it is."""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from index.policies.legal_names import is_legal_form
from qa.question.name_tagger import Token

# A word beside a name, to be part of it.
_BESIDE_A_NAME_FROM = 0.3
_QUOTED = re.compile(r"[\"“„«][^\"“”„«»]{1,100}[\"”“»]")
_SEPARATOR = re.compile(r"[^\s.&'’!+-]")


def goes_on(question: str, before: Token, after: Token) -> bool:
    """Whether one name may hold both of two words that follow each other: no mark but those of names parts them."""
    between = question[before.end : after.start]
    return not (_SEPARATOR.search(between) or before.possessive) or (between == ", " and is_legal_form(after.text))


def quoted(question: str, tokens: Sequence[Token]) -> list[range]:
    """The places of the tokens between two quotation marks, of each such pair."""
    starts = [token.start for token in tokens]
    return [
        range(bisect_left(starts, quoted.start()), bisect_left(starts, quoted.end()))
        for quoted in _QUOTED.finditer(question)
    ]


def with_neighbours(names: Sequence[bool], named: Sequence[float], goes_on: Sequence[bool]) -> list[bool]:
    """`names` with the words beside one that are rather part of it than not: "of" and "path" of "path of exile"."""
    found = list(names)
    for places, step in ((range(1, len(found)), -1), (range(len(found) - 2, -1, -1), 1)):
        for place in places:
            if not found[place] and found[place + step] and goes_on[min(place, place + step)]:
                found[place] = named[place] >= _BESIDE_A_NAME_FROM
    return found


def runs(names: Sequence[bool], goes_on: Sequence[bool], taken: Mapping[int, object]) -> list[tuple[int, int]]:
    """Runs of tokens that are names or in one of the index; a mark between two words parts them, but within one."""
    found: list[tuple[int, int]] = []
    for place, is_name in enumerate(names):
        if place not in taken and not is_name:
            continue
        if found and found[-1][1] == place:
            same = place in taken and taken.get(place - 1) is taken[place]
            if same or goes_on[place - 1]:
                found[-1] = (found[-1][0], place + 1)
                continue
        found.append((place, place + 1))
    return found
