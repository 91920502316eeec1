"""What a turn of a chat wants: a question that stands alone, one that needs the turn before it, or small talk.

Logistic regressions over word vectors and word sequences, trained on turns written for it (`eval.train_turns`). It does
not know companies: a turn is classified by the words beside their names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import numpy as np
import xxhash

from qa.logistic import softmax
from qa.question.name_tagger import NameTagger, tokenize
from qa.question.small_talk import SMALL_TALK

Array = np.ndarray

WEIGHTS = Path(__file__).with_name("turn_kinds.npz")
HASHED = 4_096
_LONGEST_TURN_WORDS, _LONGEST_TURN_CHARS = 24, 200
_MOST_WORDS_IN_SEQUENCE = 3
_SEQUENCES_WEIGH = 0.3
# A question taken for small talk is not answered; small talk taken for a question is out of scope all the same.
_SMALL_TALK_FROM, _SURELY_A_QUESTION_BELOW = 0.9, 0.1


class TurnKind(Enum):
    """In the order of the regression's classes."""

    COMPLETE = "stands alone"
    FRAGMENT = "needs the turn before it"
    SMALL_TALK = "is no question about a policy"


_PLACE_OF_SMALL_TALK = list(TurnKind).index(TurnKind.SMALL_TALK)


@dataclass(frozen=True, slots=True)
class TurnKinds:
    """The trained regressions: `kinds` of shape (features + 1, 3), `small_talk` of (features + 1, its kinds)."""

    kinds: Array
    small_talk: Array

    @classmethod
    @cache
    def shipped(cls) -> "TurnKinds":
        """The ones that come with the product."""
        with np.load(WEIGHTS, allow_pickle=False) as kept:
            return cls(kept["kinds"].astype(np.float32), kept["small_talk"].astype(np.float32))

    def kind(self, turn: str) -> TurnKind:
        """What `turn`, the companies' names taken out, wants; a long one stands alone."""
        if len(turn) > _LONGEST_TURN_CHARS:
            return TurnKind.COMPLETE
        likely = self._likely(turn)
        if likely[_PLACE_OF_SMALL_TALK] < _SMALL_TALK_FROM:
            likely[_PLACE_OF_SMALL_TALK] = 0.0
        return list(TurnKind)[int(np.argmax(likely))]

    def is_surely_a_question(self, turn: str) -> bool:
        """Whether hardly anything in `turn` speaks for small talk."""
        return len(turn) > _LONGEST_TURN_CHARS or bool(
            self._likely(turn)[_PLACE_OF_SMALL_TALK] < _SURELY_A_QUESTION_BELOW
        )

    def _likely(self, turn: str) -> Array:
        """The probability of each kind, shape (3,)."""
        return softmax(_with_one(features(turn)) @ self.kinds)

    def small_talk_kind(self, turn: str) -> str:
        """Which of the kinds of `small_talk.toml` a turn of small talk is."""
        return list(SMALL_TALK)[int(np.argmax(_with_one(features(turn)) @ self.small_talk))]


def features(turn: str) -> Array:
    """The mean and the first of the word vectors of `turn`, its length, its hashed sequences of words: shape (n,)."""
    tokens = tokenize(turn)
    tagger = NameTagger.shipped()
    vectors = tagger.word_vectors(turn, tokens) if tokens else np.zeros((1, tagger.dimension), dtype=np.float32)
    mean = vectors.mean(axis=0)
    length = min(len(tokens), _LONGEST_TURN_WORDS) / 8
    return np.concatenate((mean / max(float(np.linalg.norm(mean)), 1e-6), vectors[0], [length], word_sequences(turn)))


def word_sequences(text: str) -> Array:
    """Which sequences of up to three words are in `text`, hashed: shape (`HASHED`,)."""
    hashed = np.zeros(HASHED, dtype=np.float32)
    words = ["^", *(token.text.lower() for token in tokenize(text)), "?" if "?" in text else "$"]
    for sequence in _sequences(words):
        hashed[xxhash.xxh32_intdigest(sequence.encode()) % HASHED] = _SEQUENCES_WEIGH
    return hashed


def _sequences(words: Sequence[str]) -> list[str]:
    return [
        " ".join(words[begin : begin + size])
        for size in range(1, _MOST_WORDS_IN_SEQUENCE + 1)
        for begin in range(len(words) - size + 1)
    ]


def _with_one(found: Array) -> Array:
    return np.append(found, np.float32(1.0))
