"""The passages that may answer a question, with what speaks for each. It does not know companies' names or outcomes.

Six signals for a passage: the cosine of its vector, the cosine of its nearest sentence, that of its sentence nearest
to where policies speak of such questions, the logarithm of the probability that one of its sentences tells what is
asked (both `qa.intents`, and less the less likely the question has an intent that is known), BM25 over words and
concepts, and how much of the question one of its sentences covers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.policy_index import PolicyIndex
from index.terms import Thesaurus, terms
from qa.intents import LEAST_TOLD, Meant
from qa.stages import stage

Rows = np.ndarray
Vectors = np.ndarray

# So few passages are compared one by one; of more, the nearest and those that share words (exact up to here).
_COMPARE_ALL = 2_000
_PROPOSED = 200
_LOOKED_AT = 20_000
# How much telling what is asked counts for the sentence that is quoted, beside cosine and coverage: decision 32.
_TOLD_WEIGHT = 0.8
SIGNALS = ("passage_cosine", "sentence_cosine", "said_cosine", "told", "bm25", "coverage")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages in reading order, and how each signal sees them.

    Attributes:
        rows: shape (n,), passage rows, rising.
        signals: shape (n, 6), float64, in the order of `SIGNALS`.
        sentence_rows, sentence_scores: the sentences of all candidates, and how well each would do as evidence: its
            cosine, its coverage and how likely it tells what is asked, added up.
        sentence_told: the logarithm of how likely each sentence tells what is asked.
    """

    rows: Rows
    signals: Vectors
    sentence_rows: Rows
    sentence_scores: Vectors
    sentence_told: Vectors

    @property
    def told(self) -> float:
        """The logarithm of how likely the likeliest sentence tells what is asked."""
        return float(self.sentence_told.max(initial=LEAST_TOLD))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question embedded and taken apart once, to be compared with any passages.

    Attributes:
        vector: shape (dimension,), unit.
        meant: what it was taken to ask.
        terms: its own, the privacy concepts that it names among them.
    """

    vector: Vectors
    meant: Meant
    terms: frozenset[str]


class Retriever:
    """Finds candidates in an opened index."""

    def __init__(self, index: PolicyIndex) -> None:
        self._index = index
        self._thesaurus = Thesaurus.shipped()

    def prepared(self, question: str, vector: Vectors, meant: Meant) -> Prepared:
        """What every comparison with `question` needs; for `vector` and `meant` see `Prepared`."""
        with stage("words"):
            return Prepared(vector, meant, frozenset(terms(question, self._thesaurus)))

    def candidates(self, question: Prepared, *, allowed: Rows) -> Candidates:
        """Those of the passages at `allowed` that may answer `question`; all of them where they are few."""
        rows = allowed if len(allowed) <= _COMPARE_ALL else self._proposed(question, allowed)
        return self._compare(question, rows)

    def candidates_of_each(self, question: Prepared, groups: Sequence[Rows]) -> list[Candidates]:
        """The `candidates` among each of `groups`, which share no row, compared all at once."""
        if max(map(len, groups), default=0) > _COMPARE_ALL:
            return [self.candidates(question, allowed=group) for group in groups]
        all_of_them = self._compare(question, np.sort(np.concatenate([*groups, np.zeros(0, dtype=np.int64)])))
        return [self._part(all_of_them, group) for group in groups]

    def _part(self, candidates: Candidates, rows: Rows) -> Candidates:
        sentence_rows = self._index.sentences.rows_in(rows)
        at = np.searchsorted(candidates.sentence_rows, sentence_rows)
        return Candidates(
            rows,
            candidates.signals[np.searchsorted(candidates.rows, rows)],
            sentence_rows,
            candidates.sentence_scores[at],
            candidates.sentence_told[at],
        )

    def _proposed(self, question: Prepared, allowed: Rows) -> Rows:
        """The nearest passages and those that share most words with `question`: decision 38 shows them to be enough."""
        nearest, _ = self._index.passage_vectors.search(question.vector, k=_PROPOSED, allowed=allowed)
        by_words = _largest(self._index.passage_terms.scores(question.terms, allowed), allowed)
        return np.unique(np.concatenate([nearest, by_words]))

    def _compare(self, question: Prepared, rows: Rows) -> Candidates:
        index = self._index
        if not len(rows):
            nothing = np.zeros(0)
            return Candidates(rows, np.zeros((0, len(SIGNALS))), rows, nothing, nothing)
        sentence_rows = index.sentences.rows_in(rows)
        counts = index.sentences.first[rows + 1] - index.sentences.first[rows]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        sentence_vectors = index.sentence_vectors.vectors(sentence_rows)
        sentence_cosines = sentence_vectors @ question.vector
        meant = question.meant
        told = meant.told(sentence_vectors)
        telling = meant.known * np.exp(told)
        coverage = index.sentence_coverage.scores(question.terms, sentence_rows)
        sentence_scores = sentence_cosines + coverage + _TOLD_WEIGHT * telling
        signals = np.column_stack(
            [
                index.passage_vectors.vectors(rows) @ question.vector,
                np.maximum.reduceat(sentence_cosines, starts),
                meant.known * np.maximum.reduceat(sentence_vectors @ meant.said, starts),
                meant.known * np.maximum.reduceat(told, starts),
                index.passage_terms.scores(question.terms, rows),
                np.maximum.reduceat(coverage, starts),
            ]
        ).astype(np.float64)
        # Equal text must score equally to the last bit, wherever it stands in a matrix product.
        return Candidates(rows, signals.round(6), sentence_rows, sentence_scores, told)


def _largest(scores: Vectors, allowed: Rows) -> Rows:
    """The `_PROPOSED` of `allowed` with the largest of their `scores` above 0, ties by row."""
    # Every some score tells how large the largest must about be, so that not all of a million are sorted.
    some = scores[:: max(1, len(scores) // _LOOKED_AT)]
    least = np.sort(some)[::-1][min(len(some) - 1, 2 * _PROPOSED * len(some) // len(scores))] if len(some) else 0.0
    large = np.flatnonzero(scores >= max(least, np.finfo(np.float32).tiny))
    if len(large) < _PROPOSED:
        large = np.flatnonzero(scores > 0)
    largest: Rows = allowed[large[np.lexsort((large, -scores[large]))[:_PROPOSED]]]
    return largest
