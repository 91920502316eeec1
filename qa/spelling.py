"""Misspelt words of a question as the policies write them: "cookys" finds nothing, "cookies" does.

Only a word that is in no dictionary is touched, and only where a word of the policies is near. It does not
know companies: their names are gone before.
"""

import re
from collections.abc import Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

from index.language.english import english_words
from index.terms import Thesaurus

_WORD = re.compile(r"(?<![\w.@/-])[a-zA-Z]{4,}(?![\w@/-]|\.\w|['’]\w)")


class Spelling:
    """The words that policies and people use of privacy."""

    def __init__(self, words: Mapping[str, int]) -> None:
        """`words` tells in how many policies each word stands."""
        counts = dict.fromkeys(Thesaurus.shipped().words, 1)
        for word, count in words.items():
            counts[word] = counts.get(word, 0) + count
        self._counts = {word: count for word, count in counts.items() if len(word) >= 4}
        self._known = sorted(self._counts)

    def corrected(self, question: str) -> str:
        """`question` with its misspelt words replaced; all else as it was."""
        return _WORD.sub(lambda match: self._word(match[0]), question)

    def _word(self, typed: str) -> str:
        word = typed.lower()
        if word in self._counts or word in english_words():
            return typed
        near = process.extract(word, self._known, scorer=OSA.distance, score_cutoff=1 if len(word) < 6 else 2, limit=8)
        alike = [(distance, -self._counts[found], found) for found, distance, _ in near if found[:2] == word[:2]]
        return min(alike)[2] if alike else typed
