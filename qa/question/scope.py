"""Whether a question is one that a privacy policy or terms of service may answer. It does not know what they say.

A small network over the question's vector and its sequences of words, trained on questions written for it
(`eval.train_turns`). The weights of a vector are of the shipped model; with another, the words alone tell.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from qa.logistic import probability
from qa.question.name_tagger import tokenize
from qa.question.turn_kinds import sequence_places

Vectors = np.ndarray

WEIGHTS = Path(__file__).with_name("scope.npz")
# A vector's numbers are near .05; so many times larger they are learned as fast as the rest.
VECTOR_SCALE = 8.0


@dataclass(frozen=True, slots=True)
class ScopeWeights:
    """What `WEIGHTS` holds: a hidden layer over a vector, and of each hashed sequence of words how it weighs.

    Attributes:
        hidden: shape (dimension + 1, units), the last row the bias; ReLU follows.
        out: shape (units + 1,), the last the bias.
        beside_vector: shape (`HASHED`,), of the words of a question whose vector is read too.
        words_alone: shape (`HASHED` + 1,), the last the bias, of the words of any other.
        model: the content hash of the model whose vectors `hidden` is for.
    """

    hidden: Vectors
    out: Vectors
    beside_vector: Vectors
    words_alone: Vectors
    model: str


class Scope:
    """Tells questions for policies from others."""

    def __init__(self, embedder: Embedder) -> None:
        """`embedder` makes the vectors that `probability_outside` is given."""
        self._weights = _shipped()
        self._by_vector = self._weights.model == embedder.content_hash

    def probability_outside(self, question: str, vector: Vectors) -> float:
        """The probability in [0, 1] that `question`, whose vector is `vector`, is not for policies."""
        kept, places = self._weights, sequence_places(question, tokenize(question))
        if not self._by_vector:
            return float(probability(kept.words_alone[places].sum() + kept.words_alone[-1]))
        units = np.maximum(VECTOR_SCALE * vector @ kept.hidden[:-1] + kept.hidden[-1], 0.0)
        return float(probability(units @ kept.out[:-1] + kept.out[-1] + kept.beside_vector[places].sum()))


@cache
def _shipped() -> ScopeWeights:
    with np.load(WEIGHTS, allow_pickle=False) as kept:
        weights = {name: kept[name].astype(np.float32) for name in kept.files if name != "model"}
        return ScopeWeights(**weights, model=str(kept["model"]))
