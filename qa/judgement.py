"""How likely a passage answers, and what that makes of the question: numbers, weights and thresholds.

The weights are a logistic regression's, fitted on dev questions by `python -m eval calibrate` and kept in
`calibration.json`, one set for a reader and one for none; nothing here was set by hand. It does not know companies.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import ModelError
from qa.logistic import probability
from qa.reading.reader import Reading
from qa.reading.readings import answering_logit
from qa.retrieval import SIGNALS, Candidates, Prepared

Vectors = np.ndarray

CALIBRATION = Path(__file__).with_name("calibration.json")
READ = "reader"
"""The signal that a reader adds: the logit that the passage answers; of passages not read the lowest that was."""
SAYS_FROM = 0.5
"""The probability from which on a policy counts as saying it (invariant 4)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights for one set of signals, of one embedder and one reader or none.

    Attributes:
        ranking: how much each signal counts for the order; scaled so that `exp(order)` is proportional to the
            probability that a passage is the one that answers.
        question_weights, intercept: the logit of "some passage here answers" is `question_weights . question signals +
            intercept`.
        unclear_from: the probability from which on it is unclear rather than not stated.
        verdict_from: the share of what is said that a verdict needs.
        evidence_from: how likely a passage must be, as a share of the best one's probability, to be quoted.
        evidence_within: without a reader, how far below a passage's best sentence another may lie and be quoted.
        embedder, reader: the content hashes of the models that it was fitted for; "" for no reader.
    """

    ranking: dict[str, float]
    question_weights: dict[str, float]
    intercept: float
    unclear_from: float
    verdict_from: float
    evidence_from: float
    evidence_within: float
    embedder: str
    reader: str

    @classmethod
    def read(cls, path: Path = CALIBRATION, *, reader: bool) -> "Calibration":
        """The weights that `path` holds for some reader, or for none.

        Raises:
            ModelError: the file cannot be read, or it holds none such.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8"))[_kept_as(reader=reader)])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path} holds no calibration {'with' if reader else 'without'} a reader ({error!r}): "
                f"write one with `python -m eval calibrate`"
            ) from error

    def write(self, path: Path) -> None:
        """Write it into `path`; what the file holds of the other kind, with a reader or without, stays."""
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        held[_kept_as(reader=bool(self.reader))] = asdict(self)
        path.write_text(json.dumps(held, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def is_of(self, embedder: str, reader: str) -> bool:
        """Whether it was fitted for the models of these content hashes."""
        return (self.embedder, self.reader) == (embedder, reader)

    def order(self, signals: dict[str, Vectors]) -> Vectors:
        """What passages are ordered by, before they are read or after: shape (n,), higher is better, without unit."""
        weighed = [weight * signals[name] for name, weight in self.ranking.items() if name in signals]
        order: Vectors = np.sum(weighed, axis=0)
        return order

    def says(self, question_signals: dict[str, float]) -> float:
        """The probability in [0, 1] that some passage answers."""
        logit = self.intercept + sum(weight * question_signals[name] for name, weight in self.question_weights.items())
        return float(probability(np.float64(logit)))


def _kept_as(*, reader: bool) -> str:
    return "read" if reader else "unread"


def relative_scores(order: Vectors) -> Vectors:
    """How likely each passage is to be the one that answers, as a share of the best: shape (n,), in (0, 1]."""
    shares: Vectors = np.exp(order - order.max()) if len(order) else order
    return shares


def passage_signals(candidates: Candidates) -> dict[str, Vectors]:
    """The signals by name, each of shape (n,)."""
    return {name: candidates.signals[:, column] for column, name in enumerate(SIGNALS)}


def read_signal(count: int, places: Sequence[int], readings: Sequence[Reading]) -> Vectors:
    """The signal `READ` of `count` passages, of which those at `places` were read: shape (count,)."""
    logits = [answering_logit(reading) for reading in readings]
    signal = np.full(count, min(logits, default=0.0))
    signal[list(places)] = logits
    return signal


def question_signals(
    prepared: Prepared, candidates: Candidates, order: Vectors, readings: Sequence[Reading]
) -> dict[str, float]:
    """What tells whether these passages can answer the question at all.

    `told`: the logarithm of how likely the likeliest sentence tells what is asked; `told_by`: the logit of the share
    of policies that tell such things; `best`: the best passage's order, in tens; `reader`: the highest logit of the
    passages read, 0 where none was.
    """
    told_by = prepared.meant.told_by
    return {
        "told": candidates.told,
        "told_by": float(np.log(told_by / (1 - told_by))),
        "best": float(order.max(initial=0.0)) / 10,
        READ: max((answering_logit(reading) for reading in readings), default=0.0),
    }
