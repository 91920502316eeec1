"""The words of English, to tell a name from a word."""

from functools import cache


@cache
def english_words() -> frozenset[str]:
    """Words of English in lower case, from pyspellchecker's frequency list (160 thousand)."""
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language="en").word_frequency.words())
