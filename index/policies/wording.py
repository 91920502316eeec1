"""Which words policies have in common: a word that many of them write is seldom a company's name.

`common_words.txt` tells in how many of 1,000 policies a word stands at all, and in how many in lower case. It was
counted in 523 policies (Open Terms Archive and ToS;DR, ODC-BY); words that fewer than 20 in 1,000 write are left out.
"""

import re
from functools import cache
from pathlib import Path

COMMON_WORDS = Path(__file__).with_name("common_words.txt")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@cache
def _shares() -> dict[str, tuple[float, float]]:
    table = {}
    for line in COMMON_WORDS.read_text(encoding="utf-8").splitlines():
        word, anywhere, lower = line.split()
        table[word] = (int(anywhere) / 1_000, int(lower) / 1_000)
    return table


def words_of(name: str) -> list[str]:
    """The words of `name` in lower case.

    >>> words_of("Ben & Jerry's"), words_of("EEA+")
    (['ben', "jerry's"], ['eea'])
    """
    return [word.casefold().replace("’", "'") for word in _WORD.findall(name)]


def commonness(word: str) -> float:
    """The share of policies that write `word`, in any case."""
    return _share_of(word)[0]


def lower_commonness(word: str) -> float:
    """The share of policies that write `word` in lower case: as a word of the language, not as a name."""
    return _share_of(word)[1]


def _share_of(word: str) -> tuple[float, float]:
    whole = _shares().get(word.casefold())
    if whole:
        return whole
    parts = [_shares().get(part.casefold(), (0.0, 0.0)) for part in word.split("-")]
    return min(parts) if len(parts) > 1 else (0.0, 0.0)


def rarest(name: str) -> float:
    """The share of policies that write the rarest word of `name`; 0 for a name that they do not know.

    >>> rarest("Imgwg") < 0.01 < rarest("Personal Information")
    True
    """
    return min((commonness(word) for word in words_of(name)), default=0.0)


def rarest_lower(name: str) -> float:
    """As `rarest`, of words in lower case."""
    return min((lower_commonness(word) for word in words_of(name)), default=0.0)
