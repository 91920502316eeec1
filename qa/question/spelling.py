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
# Words compared with all that are known in one question, so that its cost has a limit.
_MOST_CORRECTED = 4


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
        """`question` with its first misspelt words replaced; all else as it was."""
        unknown = [word for word in _WORD.findall(question) if not self._is_known(word)]
        corrections = {word: self._nearest(word) for word in dict.fromkeys(unknown[:_MOST_CORRECTED])}
        return _WORD.sub(lambda match: corrections.get(match[0], match[0]), question)

    def _is_known(self, word: str) -> bool:
        return word.lower() in self._counts or word.lower() in english_words()

    def _nearest(self, typed: str) -> str:
        word = typed.lower()
        near = process.extract(word, self._known, scorer=OSA.distance, score_cutoff=1 if len(word) < 6 else 2, limit=8)
        alike = [(distance, -self._counts[found], found) for found, distance, _ in near if found[:2] == word[:2]]
        return min(alike)[2] if alike else typed
