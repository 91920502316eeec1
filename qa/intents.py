"""What people want to know of a policy, in their words and in policies': a bridge from one language to the other.

`intents.jsonl` holds some 335 intents, written for this project: each with fifteen wordings of people, five sentences
as policies say it, and three that only look alike (kept for training). A question is taken to the intents whose
wordings are nearest, and so to the direction in which policies speak of them. It does not know any policy.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from index.embedding import Embedder
from qa.kept_vectors import keep_vectors, kept_vectors

Vectors = np.ndarray

INTENTS = Path(__file__).with_name("intents.jsonl")
KEPT_VECTORS = Path(__file__).with_name("intent_vectors.npz")
# Decision 18: 2 to 12 intents and sharpness 15 to 30 differ by noise.
_NEAREST = 4
_SHARPNESS = 15.0


@dataclass(frozen=True, slots=True)
class Meant:
    """What a question was taken to ask.

    Attributes:
        said: where policies speak of it: shape (dimension,), unit.
        told_by: the share of policies that tell it, in (0, 1).
    """

    said: Vectors
    told_by: float


class Intents:
    """Takes questions from people's words to policies'."""

    def __init__(self, embedder: Embedder) -> None:
        vectors = kept_vectors(KEPT_VECTORS, embedder, INTENTS) or embed_intents(embedder)
        self._wordings, self._said = vectors["wordings"], vectors["said"]
        intents = read_intents()
        counts = [len(intent["questions"]) for intent in intents]
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._told_by = np.array([intent["told_by"] for intent in intents])

    def meant(self, question: Vectors) -> Meant:
        """What `question` asks, by the four intents that are nearest by their nearest wording.

        Where policies speak of it is the mean of what they say of these, and how many tell it is the mean of their
        shares, each weighed by a softmax over how near it is.

        Args:
            question: shape (dimension,), unit.
        """
        nearness = np.maximum.reduceat(self._wordings @ question, self._first)
        nearest = np.lexsort((np.arange(len(nearness)), -nearness))[:_NEAREST]
        weights = np.exp(_SHARPNESS * (nearness[nearest] - nearness[nearest[0]]))
        weights /= weights.sum()
        mean = weights @ self._said[nearest]
        return Meant(mean / np.linalg.norm(mean), float(weights @ self._told_by[nearest]))


class Intent(TypedDict):
    """Something that people want to know of a policy.

    Attributes:
        intent: its name.
        about: what it is, in a few words.
        questions: how people ask for it.
        kept: further wordings, which train and answer nothing: to fit the probability, and to measure with.
        says: sentences of policies that answer, yes or no.
        near: sentences that only look alike.
        told_by: the share of the labelled policies that tell it, in (0, 1); `python -m eval calibrate` counts it.
    """

    intent: str
    about: str
    questions: list[str]
    kept: list[str]
    says: list[str]
    near: list[str]
    told_by: float


def read_intents() -> list[Intent]:
    """The intents, in the file's order."""
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


def keep_shares(told_by: Mapping[str, float]) -> None:
    """Write how many policies tell each intent, by its name, into the file of intents."""
    lines = [
        json.dumps({**intent, "told_by": round(told_by[intent["intent"]], 4)}, ensure_ascii=False)
        for intent in read_intents()
    ]
    INTENTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
