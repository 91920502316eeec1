"""What people want to know of a policy, in their words and in policies': a bridge from one language to the other.

`intents.jsonl` holds some 335 intents, written for this project: each with fifteen wordings of people, five sentences
as policies say it, and three that only look alike (kept for training). Two linear classifiers of vectors stand on
either side of the bridge: which intents a question has, and which a sentence tells. For the shipped model they are
learned (`eval/intent_weights.py`); for any other the wordings and sentences themselves are their weights. It does not
know any policy.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from index.embedding import Embedder
from qa.logistic import probability

Vectors = np.ndarray
Embed = Callable[[list[str]], Vectors]
"""Texts become unit rows."""

INTENTS = Path(__file__).with_name("intents.jsonl")
KEPT_WEIGHTS = Path(__file__).with_name("intent_weights.npz")
# Decision 28: 4, 8 and 16 intents differ by a point at most.
_LIKELIEST = 16
# Without learned weights: how steep a cosine counts, and the cosine from which a sentence rather tells it than not.
_STEEPNESS, _EVEN_COSINE = 15.0, 0.6
LEAST_TOLD = float(np.log(1e-4))
"""No sentence is surer not to tell than this, a logarithm, or one oddity would outweigh every other signal."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a question was taken to ask.

    Attributes:
        said: where policies speak of it: shape (dimension,), unit.
        told_by: the share of policies that tell it, in (0, 1).
        known: how likely it has any of the intents at all.
        likely: how likely each of its intents is, if so: shape (n,), sum 1.
        weights, bias: the classifiers of sentences that tell these: shapes (n, dimension) and (n,).
    """

    said: Vectors
    told_by: float
    known: float
    likely: Vectors
    weights: Vectors
    bias: Vectors

    def told(self, sentences: Vectors) -> Vectors:
        """The logarithm of the probability that each sentence tells what is asked: shape (m,), at most 0.

        Args:
            sentences: shape (m, dimension), unit rows.
        """
        logits = sentences @ self.weights.T + self.bias
        told: Vectors = np.log(np.clip(probability(logits) @ self.likely, np.exp(LEAST_TOLD), 1.0))
        return told


class Intents:
    """Takes questions from people's words to policies'."""

    def __init__(self, embedder: Embedder) -> None:
        weights = kept_vectors(KEPT_WEIGHTS, embedder, INTENTS) or unlearned_weights(embedder.embed_passages)
        self._asked, self._told, self._told_bias = weights["asked"], weights["told"], weights["told_bias"]
        self._told_by = np.array([intent["told_by"] for intent in read_intents()])

    def meant(self, question: Vectors) -> Meant:
        """What `question` asks: its likeliest intents.

        Args:
            question: shape (dimension,), unit.
        """
        logits = self._asked @ question
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        mine = shares[: len(self._told)]
        likeliest = np.lexsort((np.arange(len(mine)), -mine))[:_LIKELIEST]
        likely = mine[likeliest] / mine[likeliest].sum()
        said = likely @ self._told[likeliest]
        return Meant(
            said / np.linalg.norm(said),
            float(likely @ self._told_by[likeliest]),
            float(mine.sum()),
            likely,
            self._told[likeliest],
            self._told_bias[likeliest],
        )


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


def unlearned_weights(embed: Embed) -> dict[str, Vectors]:
    """The classifiers' weights from the wordings and sentences alone, as any model embeds them.

    "asked" and "told": shape (number of intents, dimension); "told_bias": shape (number of intents,). Learned weights
    have one more row in "asked", for a question that has none of the intents.
    """
    intents = read_intents()
    asked = _means(embed, [intent["questions"] for intent in intents])
    told = _means(embed, [intent["says"] for intent in intents])
    bias = np.full(len(intents), -_STEEPNESS * _EVEN_COSINE, dtype=np.float32)
    return {"asked": _STEEPNESS * asked, "told": _STEEPNESS * told, "told_bias": bias}


def _means(embed: Embed, groups: Sequence[Sequence[str]]) -> Vectors:
    """Of each group of texts the direction of their mean: unit rows."""
    vectors = embed([text for group in groups for text in group])
    first = np.concatenate([[0], np.cumsum([len(group) for group in groups])[:-1]])
    sums = np.add.reduceat(vectors, first)
    means: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return means


def keep_weights(embedder: Embedder, weights: Mapping[str, Vectors]) -> None:
    """Write learned weights of the shipped model beside the intents."""
    keep_vectors(KEPT_WEIGHTS, embedder, INTENTS, weights)


def keep_shares(told_by: Mapping[str, float]) -> None:
    """Write how many policies tell each intent, by its name, into the file of intents."""
    lines = [
        json.dumps({**intent, "told_by": round(told_by[intent["intent"]], 4)}, ensure_ascii=False)
        for intent in read_intents()
    ]
    INTENTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def kept_vectors(path: Path, embedder: Embedder, texts: Path) -> dict[str, Vectors] | None:
    """The arrays in `path` as float32, if they are of this model and of the file `texts` as it is; else None."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["made_of"]) != _made_of(embedder, texts):
            return None
        return {name: kept[name].astype(np.float32) for name in kept.files if name != "made_of"}


def keep_vectors(path: Path, embedder: Embedder, texts: Path, vectors: Mapping[str, Vectors]) -> None:
    """Write `vectors` to `path` in half precision, with what they depend on."""
    arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in vectors.items()}
    np.savez(path, made_of=np.array(_made_of(embedder, texts)), **arrays)


def _made_of(embedder: Embedder, texts: Path) -> str:
    return hashlib.sha256(embedder.content_hash.encode() + texts.read_bytes()).hexdigest()
