"""Whether a question is about privacy at all: is it nearer to examples of such questions, or to others?

It does not know what the policies say.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from index.terms import CONCEPT_MARK, Thesaurus, terms
from qa.judgement import scope_weights
from qa.kept_vectors import keep_vectors, kept_vectors
from qa.logistic import probability

Vectors = np.ndarray

EXAMPLES = Path(__file__).with_name("scope.toml")
KEPT_VECTORS = Path(__file__).with_name("scope_vectors.npz")
_NEIGHBOURS = 3
_MOST_CONCEPTS = 3


@dataclass(frozen=True, slots=True)
class ScopeSignals:
    """Mean cosine of the nearest examples on either side, and how many privacy concepts the question names."""

    outside: float
    inside: float
    concepts: int


class Scope:
    """Tells questions about privacy policies from others."""

    def __init__(self, embedder: Embedder, *, weights: Mapping[str, float] | None = None) -> None:
        """`weights`: of `outside`, `inside` and `concepts`, and the `intercept`; None means the shipped ones."""
        self._examples = read_examples()
        vectors = kept_vectors(KEPT_VECTORS, embedder, EXAMPLES) or embed_examples(embedder)
        self._inside, self._outside = vectors["inside"], vectors["outside"]
        self._thesaurus = Thesaurus.shipped()
        self._weights = weights or scope_weights()

    def signals(self, question: str, vector: Vectors) -> ScopeSignals:
        """What speaks for and against `question` being in scope; `vector` is its own, shape (dimension,)."""
        return ScopeSignals(
            _nearest_mean(self._outside @ vector), _nearest_mean(self._inside @ vector), self._concepts(question)
        )

    def left_out_signals(self) -> tuple[list[ScopeSignals], list[bool]]:
        """The signals of every shipped example as if it were not among them, and whether it is out of scope."""
        found, outside = [], []
        for vectors, is_outside in ((self._inside, False), (self._outside, True)):
            own = vectors @ vectors.T
            np.fill_diagonal(own, -1.0)
            other = vectors @ (self._inside if is_outside else self._outside).T
            texts = self._examples["out_of_scope" if is_outside else "in_scope"]
            for mine, theirs, text in zip(own, other, texts, strict=True):
                near, far = _nearest_mean(mine), _nearest_mean(theirs)
                sides = (near, far) if is_outside else (far, near)
                found.append(ScopeSignals(*sides, self._concepts(text)))
                outside.append(is_outside)
        return found, outside

    def _concepts(self, question: str) -> int:
        concepts = {term for term in terms(question, self._thesaurus) if term.startswith(CONCEPT_MARK)}
        return min(len(concepts), _MOST_CONCEPTS)

    def probability_outside(self, question: str, vector: Vectors) -> float:
        """The probability in [0, 1] that `question`, whose vector is `vector`, is not about privacy policies."""
        signals = self.signals(question, vector)
        weights = self._weights
        logit = (
            weights["outside"] * signals.outside
            + weights["inside"] * signals.inside
            + weights["concepts"] * signals.concepts
            + weights["intercept"]
        )
        return float(probability(np.float64(logit)))


def read_examples() -> dict[str, list[str]]:
    """The shipped questions: "in_scope", about privacy, and "out_of_scope"."""
    examples: dict[str, list[str]] = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))
    return examples


def embed_examples(embedder: Embedder) -> dict[str, Vectors]:
    """The vectors of the examples in scope ("inside") and of those out of it ("outside")."""
    examples = read_examples()
    return {
        "inside": embedder.embed_questions(examples["in_scope"]),
        "outside": embedder.embed_questions(examples["out_of_scope"]),
    }


def keep_examples(embedder: Embedder) -> None:
    """Write the vectors of the shipped model beside the examples."""
    keep_vectors(KEPT_VECTORS, embedder, EXAMPLES, embed_examples(embedder))


def _nearest_mean(cosines: Vectors) -> float:
    return float(np.sort(cosines)[-_NEIGHBOURS:].mean())
