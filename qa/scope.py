"""Whether a question is about privacy at all: is it nearer to examples of such questions, or to others?

It does not know what the policies say.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from index.terms import CONCEPT_MARK, Thesaurus, terms
from qa.judgement import scope_weights

Vectors = np.ndarray

EXAMPLES = Path(__file__).with_name("scope.toml")
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

    def __init__(self, embedder: Embedder) -> None:
        examples = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))
        self._embedder = embedder
        self._inside = embedder.embed_questions(examples["in_scope"])
        self._outside = embedder.embed_questions(examples["out_of_scope"])
        self._thesaurus = Thesaurus.shipped()
        self._weights = scope_weights()

    def signals(self, question: str) -> ScopeSignals:
        """What speaks for and against `question` being in scope."""
        vector = self._embedder.embed_questions([question])[0]
        concepts = {term for term in terms(question, self._thesaurus) if term.startswith(CONCEPT_MARK)}
        return ScopeSignals(
            _nearest_mean(self._outside @ vector), _nearest_mean(self._inside @ vector), min(len(concepts), _MOST_CONCEPTS)
        )

    def probability_outside(self, question: str) -> float:
        """The probability in [0, 1] that `question` is not about privacy policies."""
        signals = self.signals(question)
        weights = self._weights
        logit = (
            weights["outside"] * signals.outside
            + weights["inside"] * signals.inside
            + weights["concepts"] * signals.concepts
            + weights["intercept"]
        )
        return float(1.0 / (1.0 + np.exp(-logit)))

    def is_outside(self, question: str) -> bool:
        """Whether `question` is out of scope, at the threshold of the calibration."""
        return self.probability_outside(question) >= self._weights["outside_from"]


def _nearest_mean(cosines: Vectors) -> float:
    return float(np.sort(cosines)[-_NEIGHBOURS:].mean())
