"""The words of English, to tell a name from a word, and how its sentences list things."""

from collections.abc import Sequence
from functools import cache


@cache
def english_words() -> frozenset[str]:
    """Words of English in lower case, from pyspellchecker's frequency list (160 thousand)."""
    return frozenset(word_counts())


@cache
def word_counts() -> dict[str, int]:
    """How often each of them was counted in that list."""
    from spellchecker import SpellChecker

    return dict(SpellChecker(language="en").word_frequency.items())


def listed(names: Sequence[str]) -> str:
    """`names` as a sentence lists them.

    >>> listed(["A", "B, Inc.", "C"])
    'A, B, Inc. and C'
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
