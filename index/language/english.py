"""The words of English, to tell a name from a word."""

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
