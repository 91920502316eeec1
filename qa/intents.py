"""What people want to know of a policy, in their words and in policies': a bridge from one language to the other.

`intents.jsonl` holds some 350 intents, written for this project: each with a dozen wordings of people, five sentences
as policies say it, and three that only look alike (kept for training). A question is taken to the intents whose
wordings are nearest, and so to the direction in which policies speak of them. It does not know any policy.
"""

import json
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from qa.kept_vectors import keep_vectors, kept_vectors

Vectors = np.ndarray

INTENTS = Path(__file__).with_name("intents.jsonl")
KEPT_VECTORS = Path(__file__).with_name("intent_vectors.npz")
# Decision 18: 2 to 12 intents and sharpness 15 to 30 differ by noise.
_NEAREST = 4
_SHARPNESS = 15.0


class Intents:
    """Takes questions from people's words to policies'."""

    def __init__(self, embedder: Embedder) -> None:
        vectors = kept_vectors(KEPT_VECTORS, embedder, INTENTS) or embed_intents(embedder)
        self._wordings, self._said = vectors["wordings"], vectors["said"]
        counts = [len(intent["questions"]) for intent in read_intents()]
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def said(self, question: Vectors) -> Vectors:
        """Where policies speak of what `question` asks: shape (dimension,), unit.

        The mean of what they say of the four nearest intents, weighed by a softmax over how near each is, by its
        nearest wording.

        Args:
            question: shape (dimension,), unit.
        """
        nearness = np.maximum.reduceat(self._wordings @ question, self._first)
        nearest = np.lexsort((np.arange(len(nearness)), -nearness))[:_NEAREST]
        weights = np.exp(_SHARPNESS * (nearness[nearest] - nearness[nearest[0]]))
        mean = weights @ self._said[nearest]
        direction: Vectors = mean / np.linalg.norm(mean)
        return direction


def read_intents() -> list[dict[str, list[str]]]:
    """The intents: each with its "questions", what it "says" and what is "near"."""
    # not splitlines(): JSON may hold U+2028 as it is
    return [json.loads(line) for line in INTENTS.read_text(encoding="utf-8").split("\n") if line]


def embed_intents(embedder: Embedder) -> dict[str, Vectors]:
    """The unit rows "wordings", one for each of people's, and "said", for each intent the mean of its sentences."""
    intents = read_intents()
    wordings = embedder.embed_passages([question for intent in intents for question in intent["questions"]])
    said = embedder.embed_passages([sentence for intent in intents for sentence in intent["says"]])
    first = np.concatenate([[0], np.cumsum([len(intent["says"]) for intent in intents])[:-1]])
    sums = np.add.reduceat(said, first)
    return {"wordings": wordings, "said": sums / np.linalg.norm(sums, axis=1, keepdims=True)}


def keep_intents(embedder: Embedder) -> None:
    """Write the vectors of the shipped model beside the intents."""
    keep_vectors(KEPT_VECTORS, embedder, INTENTS, embed_intents(embedder))
