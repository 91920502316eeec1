"""Which sentences of a passage are quoted: those that answer, and what turns their meaning."""

import re
from collections.abc import Sequence

import numpy as np

from index.parsing.blocks import looks_titled
from index.terms import Thesaurus, terms

Vectors = np.ndarray

MOST_EVIDENCE = 3
_LONGEST_TITLE_WORDS = 8
# A sentence that opens so limits the one before it: neither may be quoted alone.
_TURNS = re.compile(
    r"(?:\W*)(?:however|but|except|unless|nevertheless|nonetheless|notwithstanding|conversely|otherwise|"
    r"(?:this|that|these|those|the (?:above|foregoing|preceding))\b[\w\s,’'-]{0,60}?\b(?:not|only|n['’]t)\b|"
    r"(?:an|the|one|the only|another)?\s*exceptions?\b)",
    re.IGNORECASE,
)


def chosen_sentences(
    sentences: Sequence[str], scores: Vectors, asked: frozenset[str], *, within: float, thesaurus: Thesaurus
) -> list[int]:
    """The places in `sentences`, rising, of what answers.

    That is the best sentence, those that do nearly as well, and those that speak of what these leave out: "does it
    notify me on acquisition?" is answered by what is said of acquisitions and, in the next sentence, of notice. An
    exception comes with its rule, and a rule with the exception behind it.

    Args:
        scores: shape (n,), of the sentences, higher is better.
        asked: the terms of the question.
        within: how far below the best another sentence may lie.
    """
    says = [place for place, words in enumerate(sentences) if not _is_run_in_title(words)] or list(
        range(len(sentences))
    )
    best = sorted(says, key=lambda place: (-scores[place], place))
    top = max(scores[place] for place in says)
    held = {place: frozenset(terms(sentences[place], thesaurus)) & asked for place in best}
    near = {place for place in best if scores[place] >= top - within}
    spoken_of = frozenset[str]().union(*(held[place] for place in near))
    chosen: list[int] = []
    for place in best:
        if place in near or held[place] - spoken_of:
            chosen.append(place)
            spoken_of |= held[place]
    return _with_turns(sentences, chosen[:MOST_EVIDENCE])


def _with_turns(sentences: Sequence[str], chosen: Sequence[int]) -> list[int]:
    whole = set(chosen)
    for place in chosen:
        if place and _TURNS.match(sentences[place]):
            whole.add(place - 1)
        if place + 1 < len(sentences) and _TURNS.match(sentences[place + 1]):
            whole.add(place + 1)
    return sorted(whole)


def _is_run_in_title(sentence: str) -> bool:
    """Whether `sentence`, without markup, only titles what follows it: "Tracking Our Emails to Our Customers."

    >>> _is_run_in_title("Usage tracking."), _is_run_in_title("We cannot see your passwords.")
    (True, False)
    """
    words = sentence.rstrip(".:").split()
    return len(words) <= _LONGEST_TITLE_WORDS and (len(words) <= 2 or looks_titled(" ".join(words)))
