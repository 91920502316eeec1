"""How likely a passage answers, and what that makes of the question: numbers, weights and thresholds.

The weights are a logistic regression's, fitted on dev questions by `python -m eval calibrate` and kept in
`calibration.json`; nothing here was set by hand. It does not know companies.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from qa.answer_kinds import lacks_what_is_asked
from qa.logistic import probability
from qa.retrieval import SIGNALS, Candidates, Prepared

Vectors = np.ndarray

CALIBRATION = Path(__file__).with_name("calibration.json")
_MOST_ABSENT = 2
RERANKED = "reranker"
"""The signal that a reranker adds."""
HOLDS_WHAT_IS_ASKED = "holds_what_is_asked"
"""1 for a passage that holds the kind of thing that is asked for, a time or an address; 0 where none is asked for."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights for one set of signals.

    Attributes:
        ranking: how much each of `SIGNALS` (and the reranker's, if there is one) counts for the order; scaled so
            that `exp(order)` is proportional to the probability that a passage is the one that answers.
        question_weights, intercept: the logit of "some passage here answers" is
            `question_weights . (question signals, order signals) + intercept`.
        right_weights, right_intercept: the logit of "the best passage answers, if one does" is
            `right_weights . order signals + right_intercept`.
        answered_from: the probability that some passage answers from which on the policy counts as saying it.
        evidence_from: how likely a passage must be, as a share of the best one's probability, to be quoted.
        evidence_within: how far below a passage's best sentence another may lie and still be quoted.
    """

    ranking: dict[str, float]
    question_weights: dict[str, float]
    intercept: float
    right_weights: dict[str, float]
    right_intercept: float
    answered_from: float
    evidence_from: float
    evidence_within: float

    @classmethod
    def shipped(cls, *, reranked: bool) -> "Calibration":
        """The weights beside this module, with or without a reranker's signal."""
        return cls(**_shipped()["reranked" if reranked else "plain"])

    def order(self, signals: dict[str, Vectors]) -> Vectors:
        """What passages are ordered by: shape (n,), higher is better, without unit."""
        weighed = [weight * signals[name] for name, weight in self.ranking.items() if name in signals]
        order: Vectors = np.sum(weighed, axis=0)
        return order

    def plain_order(self, signals: dict[str, Vectors]) -> Vectors:
        """The same without a reranker, whose scale no probability here knows."""
        return self.order({name: values for name, values in signals.items() if name != RERANKED})

    def answered(self, plain_order: Vectors, question_signals: dict[str, float]) -> float:
        """The probability in [0, 1] that some passage answers."""
        return _probability(self.question_weights, self.intercept, question_signals | order_signals(plain_order))

    def right(self, plain_order: Vectors) -> float:
        """The probability in [0, 1] that the best passage answers, if some passage does."""
        return _probability(self.right_weights, self.right_intercept, order_signals(plain_order))


def _probability(weights: dict[str, float], intercept: float, signals: dict[str, float]) -> float:
    logit = intercept + sum(weight * signals[name] for name, weight in weights.items())
    return float(probability(np.float64(logit)))


def likeness(order: Vectors) -> Vectors:
    """How likely each passage is to be the one that answers, as a share of the best: shape (n,), in (0, 1]."""
    shares: Vectors = np.exp(order - order.max()) if len(order) else order
    return shares


def order_signals(order: Vectors) -> dict[str, float]:
    """What the order itself tells of the question.

    `best`: the best passage's order, `best_three`: the mean of the three best, both in tens; `ahead`: the logarithm
    of the best's share among all, if one of them is the right one. Without a passage all are 0.
    """
    if not len(order):
        return {"best": 0.0, "best_three": 0.0, "ahead": 0.0}
    three = np.sort(order)[::-1][:3]
    return {
        "best": float(three[0]) / 10,
        "best_three": float(three.mean()) / 10,
        "ahead": -float(np.log(likeness(order).sum())),
    }


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    shipped: dict[str, dict[str, Any]] = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return shipped


def passage_signals(candidates: Candidates) -> dict[str, Vectors]:
    """The signals by name, each of shape (n,)."""
    return {name: candidates.signals[:, column] for column, name in enumerate(SIGNALS)}


def question_signals(question: str, best_text: str, prepared: Prepared, candidates: Candidates) -> dict[str, float]:
    """What tells whether these passages can answer the question at all, beside their order.

    `told`: the logarithm of how likely the likeliest sentence tells what is asked; `told_by`: the logit of the share
    of policies that tell such things; `coverage` and `bm25`: their largest values. `absent`: privacy concepts that the
    question names and that no passage does, 1 for two or more; a policy that speaks of neither fingerprints nor faces
    does not tell of biometrics. `lacking`: 1 if the question asks for a time, a place, an address or an age and the
    best passage holds none.
    """
    told_by = prepared.meant.told_by
    return {
        "told": candidates.told,
        "coverage": _largest(candidates, "coverage"),
        "bm25": _largest(candidates, "bm25"),
        "told_by": float(np.log(told_by / (1 - told_by))),
        "absent": min(candidates.absent_concepts, _MOST_ABSENT) / _MOST_ABSENT,
        "lacking": float(lacks_what_is_asked(question, best_text)),
    }


def _largest(candidates: Candidates, signal: str) -> float:
    return float(candidates.signals[:, SIGNALS.index(signal)].max(initial=0.0))
