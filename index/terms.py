"""Words and privacy concepts as search terms, and BM25 over them. It does not know vectors.

A layman's "get rid of my account" and a policy's "erasure of your profile" share no word; the thesaurus
gives both the term `§delete`. A concept is a term like any other, so BM25 weighs it by how rare it is.
"""

import hashlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
import xxhash

from index.layouts import load_array

Rows = np.ndarray
Scores = np.ndarray

# Rows that lie so many times as far apart as they are many are looked up one by one.
_FAR_APART = 20
_TERMS_KEPT = 20_000
_VOCABULARY, _TERM_FILES = "vocab.index.json", ("term_hashes.npy", "term_columns.npy")

# Raised where a text gets other terms.
TERMS_VERSION = 1
THESAURUS = Path(__file__).with_name("thesaurus.toml")
CONCEPT_MARK = "§"

# Function words, and words that every policy and every question about one is made of.
STOPWORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each either
    else ever every few for from further get gets getting go goes going got had has hasn't have haven't having he her
    here hers him his how however i i'd i'll i'm i've if in into is isn't it it's its itself just let like may me might
    more most much must my myself no nor not of off on once one only or other our ours out over own per please really
    same shall she should so some such than that that's the their theirs them themselves then there these they they'll
    they're they've this those through to too under until up upon us very via want was wasn't way we we'll we're we've
    were what what's when where whether which while who who's whom whose why will with within without won't would you
    you'll you're you've your yours yourself yes ok okay hey hi hello thanks tell know say says said something anything
    thing things stuff someone anyone somebody anybody etc ie eg policy policies company companies website site
    service services app""".split()
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def words(text: str) -> list[str]:
    """The words of `text` in lower case; hyphens and slashes part them.

    >>> words("Opt-out: e-mail/SMS, don’t track")
    ['opt', 'out', 'e', 'mail', 'sms', "don't", 'track']
    """
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def stem(word: str) -> str:
    """`word` without its ending, by Snowball's English stemmer; a possessive 's goes first.

    >>> stem("notifies"), stem("company's")
    ('notifi', 'compani')
    """
    stemmed: str = _stemmer().stemWord(word.removesuffix("'s"))
    return stemmed


class Thesaurus:
    """Phrases that mean the same privacy concept, found in a text as runs of stems."""

    def __init__(self, concepts: dict[str, list[str]]) -> None:
        self.words = frozenset(word for phrases in concepts.values() for phrase in phrases for word in words(phrase))
        self._concepts: dict[tuple[str, ...], list[str]] = defaultdict(list)
        lengths = defaultdict(set)
        for concept, phrases in sorted(concepts.items()):
            for stems in {tuple(stem(word) for word in words(phrase)) for phrase in phrases}:
                if stems:
                    self._concepts[stems].append(CONCEPT_MARK + concept)
                    lengths[stems[0]].add(len(stems))
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}

    @classmethod
    def shipped(cls) -> "Thesaurus":
        """The one beside this module."""
        return _shipped_thesaurus()

    def concepts(self, stems: Sequence[str]) -> list[str]:
        """The concepts whose phrases stand in `stems`, in order; a longer phrase hides the shorter ones in it."""
        found: list[str] = []
        position = 0
        while position < len(stems):
            step = 1
            for length in self._lengths.get(stems[position], ()):
                phrase = tuple(stems[position : position + length])
                if phrase in self._concepts:
                    found += self._concepts[phrase]
                    step = length
                    break
            position += step
        return found


@cache
def _shipped_thesaurus() -> Thesaurus:
    return Thesaurus(tomllib.loads(THESAURUS.read_text(encoding="utf-8"))["concepts"])


@cache
def brands() -> frozenset[str]:
    """Names of well-known companies that stand among the thesaurus's phrases."""
    return frozenset(tomllib.loads(THESAURUS.read_text(encoding="utf-8"))["brands"])


@cache
def terms_hash() -> str:
    """Of all that the terms of a text depend on: thesaurus, stemmer, and what this module makes of them."""
    made = f"{TERMS_VERSION} {Stemmer.version()}"
    return hashlib.sha256(THESAURUS.read_bytes() + made.encode()).hexdigest()


def terms(text: str, thesaurus: Thesaurus) -> list[str]:
    """The search terms of `text`: stems of its words but the stopwords, then its concepts.

    >>> terms("Do you sell my email?", Thesaurus({"sale": ["sell", "sold"]}))
    ['sell', 'email', '§sale']
    """
    found = words(text)
    stems = [stem(word) for word in found]
    content = [stemmed for word, stemmed in zip(found, stems, strict=True) if word not in STOPWORDS]
    return content + thesaurus.concepts(stems)


class TermIndex:
    """BM25 over rows of terms, by bm25s; scores are shares of what a perfect row would have.

    Lucene's BM25 without its constant factor: `idf(t) * tf / (tf + k1 * (1 - b + b * length / mean length))`
    (Kamphuis et al. 2020), so a question's idf sum is the bound that scores are divided by. With k1 = 0 the
    score is the share of the question's terms, weighted by idf, that the row has: its coverage.

    It may lie in several parts, one after another: how rare a term is counts over all, the mean length in its part.
    """

    def __init__(self, parts: Sequence[tuple["bm25s.BM25", "_Columns"]]) -> None:
        firsts = np.cumsum([0, *(part.scores["num_docs"] for part, _ in parts)])
        self._parts = [_Part.of(*part, int(first)) for part, first in zip(parts, firsts[:-1], strict=True)]
        self._count = int(firsts[-1])
        # A cache of a method of this object would keep both for ever: each would hold the other.
        self._weights_of = lru_cache(_TERMS_KEPT)(partial(_weighed, self._parts, self._count))

    @classmethod
    def build(cls, rows: Iterable[Sequence[str]], *, k1: float, b: float) -> "TermIndex":
        """An index of `rows` of terms; row *n* scores at position *n*."""
        bm25 = bm25s.BM25(method="lucene", k1=k1, b=b)
        bm25.index([list(row) or [""] for row in rows], show_progress=False)
        return cls([(bm25, _Columns.of(bm25.vocab_dict))])

    @classmethod
    def open(cls, folders: Sequence[Path], *, mapped: bool = True) -> "TermIndex":
        """The indexes that `save` wrote to `folders` as one, memory-mapped or read."""
        return cls(
            [
                (
                    bm25s.BM25.load(folder, mmap=mapped, load_vocab=False, show_progress=False),
                    _Columns.open(folder, mapped=mapped),
                )
                for folder in folders
            ]
        )

    def save(self, folder: Path) -> None:
        """Write an index of one part to `folder`: NumPy arrays and JSON, no pickle."""
        (part,) = self._parts
        part.bm25.save(folder, show_progress=False)
        # a dictionary of all terms would take a second to read for every million passages
        (folder / _VOCABULARY).unlink()
        part.columns.save(folder)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, term: object) -> bool:
        """Whether some row has `term`."""
        return isinstance(term, str) and any(part.columns.get(term) is not None for part in self._parts)

    def idf(self, term: str) -> float:
        """`ln(1 + (N - n + 0.5) / (n + 0.5))`, Lucene's; a term that no row has weighs most."""
        return self._weights_of(term)[0]

    def scores(self, question_terms: Iterable[str], rows: Rows | None = None) -> Scores:
        """A score in [0, 1] for each of `rows`, rising (None: of all); float32. No term at all scores 0 everywhere."""
        if rows is None:
            rows = np.arange(self._count)
        distinct = sorted(set(question_terms))
        bound = sum(self.idf(term) for term in distinct)
        if not len(rows) or bound <= 0:
            return np.zeros(len(rows), dtype=np.float32)
        far_apart = int(rows[-1]) - int(rows[0]) > _FAR_APART * len(rows)
        scores: Scores = self._looked_up(distinct, rows) if far_apart else self._dense(distinct, rows)
        if len(scores) > len(rows):
            scores = scores[rows - rows[0]]
        scores /= np.float32(bound)
        return scores

    def _looked_up(self, distinct: Sequence[str], rows: Rows) -> Scores:
        """The sums of the terms' weights for `rows`, each looked up."""
        sums = np.zeros(len(rows), dtype=np.float32)
        for number, part in enumerate(self._parts):
            low, high = np.searchsorted(rows, (part.first, part.first + part.count))
            mine = rows[low:high] - part.first
            for term in distinct if len(mine) else ():
                found, weights = part.postings(term, part.first, part.first + part.count)
                if len(found):
                    at = np.minimum(np.searchsorted(found, mine), len(found) - 1)
                    sums[low:high] += np.where(found[at] == mine, weights[at], 0) * self._weights_of(term)[1][number]
        return sums

    def _dense(self, distinct: Sequence[str], rows: Rows) -> Scores:
        """The sums of the terms' weights for each row from the first of `rows` to the last."""
        begin, end = int(rows[0]), int(rows[-1]) + 1
        sums = np.zeros(end - begin, dtype=np.float32)
        for number, part in enumerate(self._parts):
            if part.first < end and begin < part.first + part.count:
                for term in distinct:
                    found, weights = part.postings(term, begin, end)
                    if len(found):
                        sums[found - (begin - part.first)] += weights * self._weights_of(term)[1][number]
        return sums


@dataclass(frozen=True, slots=True)
class _Columns:
    """The column of each term, by the term's XXH3 of 64 bits: both shape (n,), hashes rising.

    That one of a question's terms is taken for another has a probability of n / 2^64.
    """

    hashes: Rows
    columns: Rows

    @classmethod
    def of(cls, columns: Mapping[str, int]) -> "_Columns":
        hashes = np.array([xxhash.xxh3_64_intdigest(term.encode()) for term in columns], dtype=np.uint64)
        order = np.argsort(hashes)
        return cls(hashes[order], np.array(list(columns.values()), dtype=np.int64)[order])

    @classmethod
    def open(cls, folder: Path, *, mapped: bool) -> "_Columns":
        return cls(*(load_array(folder / name, mapped=mapped) for name in _TERM_FILES))

    def save(self, folder: Path) -> None:
        for name, array in zip(_TERM_FILES, (self.hashes, self.columns), strict=True):
            np.save(folder / name, array)

    def get(self, term: str) -> int | None:
        """The column of `term`; None where it has none."""
        wanted = np.uint64(xxhash.xxh3_64_intdigest(term.encode()))
        at = int(np.searchsorted(self.hashes, wanted))
        return int(self.columns[at]) if at < len(self.hashes) and self.hashes[at] == wanted else None


@dataclass(frozen=True, slots=True)
class _Part:
    """One index of bm25s: for each term, whose column `columns` names, the rows that have it, rising, and its weights.

    Attributes:
        first: which row of all its own row 0 is.
    """

    bm25: "bm25s.BM25"
    first: int
    count: int
    columns: "_Columns"
    starts: Rows
    rows: Rows
    weights: Scores

    @classmethod
    def of(cls, bm25: "bm25s.BM25", columns: "_Columns", first: int) -> "_Part":
        scores = bm25.scores
        # plain arrays: NumPy's class of mapped ones is slow to slice
        starts, rows, weights = (np.asarray(scores[name]) for name in ("indptr", "indices", "data"))
        return cls(bm25, first, scores["num_docs"], columns, starts, rows, weights)

    def frequency(self, term: str) -> int:
        column = self.columns.get(term)
        return int(self.starts[column + 1] - self.starts[column]) if column is not None else 0

    def idf(self, term: str) -> float:
        return _idf(self.count, self.frequency(term))

    def postings(self, term: str, begin: int, end: int) -> tuple[Rows, Scores]:
        """Which of this part's rows in `begin:end`, counted over all parts, have `term`, and with what weight."""
        column = self.columns.get(term)
        if column is None:
            return self.rows[:0], self.weights[:0]
        here = slice(self.starts[column], self.starts[column + 1])
        rows = self.rows[here]
        low, high = np.searchsorted(rows, (begin - self.first, end - self.first))
        return rows[low:high], self.weights[here][low:high]


def _weighed(parts: Sequence[_Part], count: int, term: str) -> tuple[float, tuple[np.float32, ...]]:
    """The idf of `term` over all parts, and what its weights in each part are to be multiplied with for it."""
    idf = _idf(count, sum(part.frequency(term) for part in parts))
    if len(parts) == 1:  # its weights hold the idf already
        return idf, (np.float32(1.0),)
    return idf, tuple(np.float32(idf / part.idf(term)) for part in parts)


def _idf(count: int, frequency: int) -> float:
    return float(np.log1p((count - frequency + 0.5) / (frequency + 0.5)))
