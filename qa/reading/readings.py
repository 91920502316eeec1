"""What readings come to: yes, no, it depends, or none of these, and which sentences are quoted for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qa.answers import Verdict
from qa.logistic import probability, softmax
from qa.reading.reader import ANSWERS, Reading

Vectors = np.ndarray

_YES, _NO, _STATES, _SILENT = (ANSWERS.index(answer) for answer in ("yes", "no", "states", "silent"))
_EVEN = 0.5
MOST_EVIDENCE = 3
# A sentence that opens so limits the one before it: neither may be quoted alone.
_TURNS = re.compile(
    r"(?:\W*)(?:however|but|except|unless|nevertheless|nonetheless|notwithstanding|conversely|otherwise|"
    r"(?:this|that|these|those|the (?:above|foregoing|preceding))\b[\w\s,’'-]{0,60}?\b(?:not|only|n['’]t)\b|"
    r"(?:an|the|one|the only|another)?\s*exceptions?\b)",
    re.IGNORECASE,
)


def answering_logit(reading: Reading) -> float:
    """The logit of the probability that the passage answers at all."""
    return float(np.logaddexp.reduce(reading.logits[:_SILENT]) - reading.logits[_SILENT])


def answers_likely(reading: Reading) -> bool:
    """Whether the passage rather answers than not."""
    return answering_logit(reading) >= 0.0


def states(reading: Reading) -> bool:
    """Whether the passage rather states what is asked than not."""
    return bool(softmax(reading.logits)[_STATES] >= _EVEN)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What several passages say together.

    Attributes:
        verdict: None where they state something, or it is not sure which.
        by: which of them say so: the best, and one that contradicts it.
    """

    verdict: Verdict | None
    by: tuple[int, ...]


def weigh(readings: Sequence[Reading], *, sure_from: float) -> Weighed:
    """The verdict of `readings`, the best passage's first.

    Each passage that answers counts by how likely it does. One that says yes and another that says no make it depend.

    Args:
        sure_from: the share that a verdict needs among all that is said, and what either of a contradiction needs.
    """
    shares = softmax(np.array([reading.logits[:_SILENT] for reading in readings]))
    weights = probability(np.array([answering_logit(reading) for reading in readings]))
    counted = [number for number in range(len(readings)) if number == 0 or weights[number] >= _EVEN]
    for other in counted[1:]:
        if max(min(shares[0, _YES], shares[other, _NO]), min(shares[0, _NO], shares[other, _YES])) >= sure_from:
            return Weighed(Verdict.DEPENDS, (0, other))
    said_by_all = weights[counted] @ shares[counted] / weights[counted].sum()
    said = int(np.argmax(said_by_all))
    if said == _STATES or said_by_all[said] < sure_from:
        return Weighed(None, (0,))
    return Weighed(Verdict(ANSWERS[said]), (0,))


def deciding_sentences(sentences: Sequence[str], logits: Vectors) -> list[int]:
    """The places in `sentences`, rising, of what is quoted: the surest, others that are likely, and their turns.

    An exception comes with its rule, and a rule with the exception behind it.

    Args:
        logits: shape (n,), of each sentence that it says so; others than the surest are quoted from 0 on.
    """
    best_first = np.lexsort((np.arange(len(logits)), -logits))
    chosen = [int(place) for place in best_first[:MOST_EVIDENCE] if place == best_first[0] or logits[place] >= 0.0]
    whole = set(chosen)
    for place in chosen:
        if place and _TURNS.match(sentences[place]):
            whole.add(place - 1)
        if place + 1 < len(sentences) and _TURNS.match(sentences[place + 1]):
            whole.add(place + 1)
    return sorted(whole)
