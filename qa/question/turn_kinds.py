"""What a turn of a chat wants: a question that stands alone, one that needs the turn before it, or small talk; and of
which companies it asks, if it names none.

Logistic regressions over word vectors and word sequences, trained on turns written for it (`eval.train_turns`). It does
not know companies: a turn is classified by the words beside their names.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from operator import itemgetter
from pathlib import Path

import numpy as np
import xxhash

from qa.logistic import softmax
from qa.question.name_tagger import NameTagger, Token, tokenize

Array = np.ndarray

EXAMPLES = Path(__file__).with_name("small_talk.toml")
ABOUT_THE_SERVICE = frozenset("doubt what_it_is what_it_can_do which_companies no_legal_advice what_it_stores".split())
_MOST_NAMES = 8
WEIGHTS = Path(__file__).with_name("turn_kinds.npz")
HASHED = 4_096
_LONGEST_TURN_WORDS, _LONGEST_TURN_CHARS = 24, 200
_MOST_WORDS_IN_SEQUENCE = 3
SEQUENCES_WEIGH = 0.3
# A question taken for small talk is not answered; small talk taken for a question is out of scope all the same.
_SMALL_TALK_FROM, _SURELY_A_QUESTION_BELOW = 0.9, 0.1
# The thread is left for other companies only if that is likely.
_ASKS_OTHERS_FROM = 0.5


class TurnKind(Enum):
    """In the order of the regression's classes."""

    COMPLETE = "stands alone"
    FRAGMENT = "needs the turn before it"
    SMALL_TALK = "is no question about a policy"


class Whom(Enum):
    """Of which companies a turn asks that names none, in the order of the regression's classes."""

    THE_SAME = "those that the turn before it was about, or whoever answers"
    THE_OTHERS = "those that the chat has not spoken of"
    THOSE_NAMED = "each of those that the chat spoke of last"
    ALL = "all that there are"


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """A kind of small talk: the reply to it, with blanks, and examples."""

    reply: str
    examples: tuple[str, ...]


def _read() -> dict[str, SmallTalk]:
    entries = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))
    return {kind: SmallTalk(entry["reply"], tuple(entry["examples"])) for kind, entry in entries.items()}


SMALL_TALK = _read()
"""Every kind of small talk, by name."""
_PLACE_OF_SMALL_TALK = list(TurnKind).index(TurnKind.SMALL_TALK)


@dataclass(frozen=True, slots=True)
class TurnKinds:
    """The trained regressions, of shape (features + 1, classes) each."""

    kinds: Array
    whom: Array
    small_talk: Array

    @classmethod
    @cache
    def shipped(cls) -> "TurnKinds":
        """The ones that come with the product."""
        with np.load(WEIGHTS, allow_pickle=False) as kept:
            return cls(**{name: kept[name].astype(np.float32) for name in kept.files})

    def kind(self, turn: str) -> TurnKind:
        """What `turn`, the companies' names taken out, wants; a long one stands alone."""
        if len(turn) > _LONGEST_TURN_CHARS:
            return TurnKind.COMPLETE
        likely = dict(zip(TurnKind, self._likely(turn).tolist(), strict=True))
        small_talk = likely[TurnKind.SMALL_TALK]
        if small_talk < _SMALL_TALK_FROM * (small_talk + likely[TurnKind.COMPLETE]):
            del likely[TurnKind.SMALL_TALK]
        found: TurnKind = max(likely.items(), key=itemgetter(1))[0]
        return found

    def is_surely_a_question(self, turn: str) -> bool:
        """Whether hardly anything in `turn` speaks for small talk."""
        return len(turn) > _LONGEST_TURN_CHARS or bool(
            self._likely(turn)[_PLACE_OF_SMALL_TALK] < _SURELY_A_QUESTION_BELOW
        )

    def _likely(self, turn: str) -> Array:
        """The probability of each kind, shape (3,)."""
        return softmax(_weighed(turn, self.kinds))

    def asked_of(self, turn: str) -> Whom:
        """Whom `turn` asks about that names nobody; a long one asks about the same."""
        if len(turn) > _LONGEST_TURN_CHARS:
            return Whom.THE_SAME
        likely = softmax(_weighed(turn, self.whom))
        place = int(np.argmax(likely))
        return list(Whom)[place] if likely[place] >= _ASKS_OTHERS_FROM else Whom.THE_SAME

    def asks_all(self, turn: str) -> float:
        """How likely `turn`, which names nobody, asks about all companies that there are, in [0, 1]."""
        return float(softmax(_weighed(turn, self.whom))[list(Whom).index(Whom.ALL)])

    def small_talk_kind(self, turn: str) -> str:
        """Which of the kinds of `small_talk.toml` a turn of small talk is."""
        return list(SMALL_TALK)[int(np.argmax(_weighed(turn, self.small_talk)))]


def _weighed(turn: str, weights: Array) -> Array:
    """The logits of `turn`, shape (classes,): `features` and 1 times `weights`, of which few rows are read."""
    tokens = tokenize(turn)
    found = word_features(turn, tokens)
    of_sequences = weights[len(found) : -1][sequence_places(turn, tokens)].sum(axis=0)
    logits: Array = found @ weights[: len(found)] + SEQUENCES_WEIGH * of_sequences + weights[-1]
    return logits


def features(turn: str) -> Array:
    """`word_features` and `word_sequences` of `turn`: shape (n,)."""
    tokens = tokenize(turn)
    return np.concatenate((word_features(turn, tokens), word_sequences(turn, tokens)))


def word_features(turn: str, tokens: Sequence[Token]) -> Array:
    """The mean and the first of the word vectors of `turn`, and its length: shape (2 * dimension + 1,)."""
    tagger = NameTagger.shipped()
    vectors = tagger.word_vectors(turn, tokens) if tokens else np.zeros((1, tagger.dimension), dtype=np.float32)
    mean = vectors.mean(axis=0)
    length = np.float32(min(len(tokens), _LONGEST_TURN_WORDS) / 8)
    return np.concatenate((mean / max(float(np.linalg.norm(mean)), 1e-6), vectors[0], [length]), dtype=np.float32)


def word_sequences(text: str, tokens: Sequence[Token]) -> Array:
    """Which sequences of up to three words are in `text`, hashed: shape (`HASHED`,)."""
    hashed = np.zeros(HASHED, dtype=np.float32)
    hashed[sequence_places(text, tokens)] = SEQUENCES_WEIGH
    return hashed


def sequence_places(text: str, tokens: Sequence[Token]) -> list[int]:
    """The places in [0, `HASHED`) of the sequences of up to three words that are in `text`, each once."""
    words = ["^", *(token.text.lower() for token in tokens), "?" if "?" in text else "$"]
    return list({xxhash.xxh32_intdigest(sequence.encode()) % HASHED for sequence in _sequences(words)})


def _sequences(words: Sequence[str]) -> list[str]:
    return [
        " ".join(words[begin : begin + size])
        for size in range(1, _MOST_WORDS_IN_SEQUENCE + 1)
        for begin in range(len(words) - size + 1)
    ]


def reply(kind: str, companies: Sequence[str]) -> str:
    """What is said to small talk of `kind` by a chat about `companies`."""
    count = f"{len(companies):,} companies" if len(companies) != 1 else "one company"
    named = ", ".join(companies[:_MOST_NAMES]) + (" ..." if len(companies) > _MOST_NAMES else ".")
    return SMALL_TALK[kind].reply.format(count=count, companies=named)
