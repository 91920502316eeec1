"""Whether a question is one that a privacy policy or terms of service may answer. It does not know what they say.

A logistic regression over the question's vector and its sequences of words, trained on questions written for it
(`eval.train_turns`). The weights of a vector are of the shipped model; with another, the words alone tell.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from qa.logistic import probability
from qa.question.turn_kinds import word_sequences

Vectors = np.ndarray

WEIGHTS = Path(__file__).with_name("scope.npz")


@dataclass(frozen=True, slots=True)
class ScopeWeights:
    """What `WEIGHTS` holds: of the vector and the words of a question, shape (dimension + hashed + 1,); of words alone.

    Attributes:
        model: the content hash of the model whose vectors `of_vector_and_words` is for.
    """

    of_vector_and_words: Vectors
    of_words: Vectors
    model: str


class Scope:
    """Tells questions for policies from others."""

    def __init__(self, embedder: Embedder) -> None:
        """`embedder` makes the vectors that `probability_outside` is given."""
        kept = _shipped()
        self._weights = kept.of_vector_and_words if kept.model == embedder.content_hash else kept.of_words
        self._by_vector = kept.model == embedder.content_hash

    def probability_outside(self, question: str, vector: Vectors) -> float:
        """The probability in [0, 1] that `question`, whose vector is `vector`, is not for policies."""
        found = scope_features(question, vector if self._by_vector else None)
        return float(probability(np.float64(found @ self._weights)))


def scope_features(question: str, vector: Vectors | None) -> Vectors:
    """What the regression reads: `vector`, if there is one, the hashed sequences of words, and 1."""
    parts = [word_sequences(question), np.ones(1, dtype=np.float32)]
    return np.concatenate(parts if vector is None else [vector, *parts])


@cache
def _shipped() -> ScopeWeights:
    with np.load(WEIGHTS, allow_pickle=False) as kept:
        of_vector_and_words, of_words = (kept[name].astype(np.float32) for name in ("of_vector_and_words", "of_words"))
        return ScopeWeights(of_vector_and_words, of_words, str(kept["model"]))
