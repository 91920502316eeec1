"""A part of an index that never changes once it is written: policies' texts, their passages, vectors and terms.

<segment>/
  texts.bin                  the policies' texts, one after another, UTF-8
  policies.npy               (p + 1, 2) where each text begins in bytes, and its first passage
  passages.npy               (n, 6) policy, start, end, where the lead-in starts and ends (-1 without), heading
  sentences.npy, first.npy   (m, 2) where each sentence starts and ends; (n + 1,) the first of each passage
  headings.bin, headings.npy the heading paths as JSON, one after another; where each begins
  hashes.npy                 (n + m,) of what was embedded, so that the same text is not embedded again
  words.json                 in how many policies each word stands in lower case
  passages.faiss sentences.faiss terms/ coverage/
  graph.faiss                which passages are near which, where they are many

Arrays are memory-mapped, as plain ones to NumPy, whose own class of mapped ones is slow to slice. It does not know
companies, which policy serves, or versions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xxhash

from index.policies.passages import Passage, embedded_text, sentence_texts
from index.terms import TermIndex
from index.vectors import FaissStore

Array = np.ndarray

_NO_LEAD_IN = -1
_GRAPH = "graph.faiss"
# So few are compared one by one in about a millisecond (two cores, decision 38).
_LINKED_FROM_PASSAGES = 5_000
# BM25 for passages: best MRR on the sample questions' dev half (n=95), decision 6.
_BM25_K1, _BM25_B = 1.2, 0.5


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """A policy's text with all that is searched of it.

    Attributes:
        passage_texts, sentence_texts: what is embedded, for each passage and for each of all its sentences.
        passage_terms, sentence_terms: what is searched for words.
    """

    text: str
    passages: Sequence[Passage]
    passage_texts: Sequence[str]
    sentence_texts: Sequence[str]
    passage_terms: Sequence[Sequence[str]]
    sentence_terms: Sequence[Sequence[str]]


class SegmentWriter:
    """Takes policies one by one and writes them as a segment."""

    def __init__(self, dimension: int) -> None:
        self._texts: list[bytes] = []
        self._policies: list[tuple[int, int]] = [(0, 0)]
        self._passages: list[tuple[int, ...]] = []
        self._sentences: list[tuple[int, int]] = []
        self._first = [0]
        self._headings: dict[tuple[str, ...], int] = {}
        self._hashes: tuple[list[int], list[int]] = ([], [])
        self._terms: tuple[list[Sequence[str]], list[Sequence[str]]] = ([], [])
        self._stores = (FaissStore(dimension), FaissStore(dimension))

    @property
    def policies(self) -> int:
        """How many policies it was given."""
        return len(self._texts)

    @property
    def passages(self) -> int:
        """How many passages these have."""
        return len(self._passages)

    @property
    def sentences(self) -> int:
        """How many sentences these have."""
        return len(self._sentences)

    def add(self, policy: NewPolicy, passage_vectors: Array, sentence_vectors: Array) -> int:
        """The place of `policy` in the segment; vectors have shape (number of texts, dimension), float32, unit rows."""
        place = len(self._texts)
        self._texts.append(policy.text.encode())
        for passage in policy.passages:
            heading = self._headings.setdefault(passage.heading, len(self._headings))
            lead_in = passage.lead_ins[-1] if passage.lead_ins else (_NO_LEAD_IN, _NO_LEAD_IN)
            self._passages.append((place, passage.start, passage.end, *lead_in, heading))
            self._sentences += passage.sentences
            self._first.append(len(self._sentences))
        self._policies.append((self._policies[-1][0] + len(self._texts[-1]), len(self._passages)))
        for kept, texts in zip(self._hashes, (policy.passage_texts, policy.sentence_texts), strict=True):
            kept.extend(map(text_hash, texts))
        for kept_terms, terms in zip(self._terms, (policy.passage_terms, policy.sentence_terms), strict=True):
            kept_terms.extend(terms)
        for store, vectors in zip(self._stores, (passage_vectors, sentence_vectors), strict=True):
            store.add(vectors)
        return place

    def write(self, folder: Path, *, words: Mapping[str, int]) -> None:
        """Write the segment into `folder`, which must not exist yet."""
        folder.mkdir()
        (folder / "texts.bin").write_bytes(b"".join(self._texts))
        np.save(folder / "policies.npy", np.array(self._policies, dtype=np.int64))
        np.save(folder / "passages.npy", np.array(self._passages, dtype=np.int32).reshape(-1, 6))
        np.save(folder / "sentences.npy", np.array(self._sentences, dtype=np.int32).reshape(-1, 2))
        np.save(folder / "first.npy", np.array(self._first, dtype=np.int64))
        headings = [json.dumps(heading, ensure_ascii=False).encode() for heading in self._headings]
        (folder / "headings.bin").write_bytes(b"".join(headings))
        np.save(folder / "headings.npy", np.cumsum([0, *map(len, headings)]))
        np.save(folder / "hashes.npy", np.array([*self._hashes[0], *self._hashes[1]], dtype=np.uint64))
        (folder / "words.json").write_text(json.dumps(dict(sorted(words.items())), ensure_ascii=False), "utf-8")
        for store, name in zip(self._stores, ("passages", "sentences"), strict=True):
            store.save(folder / f"{name}.faiss")
        if self.passages >= _LINKED_FROM_PASSAGES:
            self._stores[0].save_graph(folder / _GRAPH)
        TermIndex.build(self._terms[0], k1=_BM25_K1, b=_BM25_B).save(folder / "terms")
        TermIndex.build(self._terms[1], k1=0.0, b=0.0).save(folder / "coverage")


class Segment:
    """A segment as opened."""

    def __init__(self, folder: Path) -> None:
        """Open the segment in `folder`.

        Raises:
            OSError, ValueError, KeyError, IndexCorrupt: a file is missing or is not what a segment's is.
        """
        arrays = {
            name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
            for name in ("policies", "passages", "sentences", "first", "headings", "hashes")
        }
        self.policies, self.passages, self.sentences = arrays["policies"], arrays["passages"], arrays["sentences"]
        self.first, self.hashes, self._heading_ends = arrays["first"], arrays["hashes"], arrays["headings"]
        self._texts = _mapped_bytes(folder / "texts.bin")
        self._headings = _mapped_bytes(folder / "headings.bin")
        self.words: dict[str, int] = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        graph = folder / _GRAPH
        self.passage_vectors = FaissStore.open(folder / "passages.faiss", graph=graph if graph.exists() else None)
        self.sentence_vectors = FaissStore.open(folder / "sentences.faiss")
        self.folder = folder

    def check_counts(self) -> None:
        """Nothing, if the arrays fit each other.

        Raises:
            ValueError: they do not.
        """
        passages, sentences = len(self.passages), len(self.sentences)
        found = (
            int(self.policies[-1, 1]),
            len(self.first) - 1,
            len(self.passage_vectors),
            int(self.first[-1]),
            len(self.sentence_vectors),
            len(self.hashes) - passages,
        )
        expected = (passages, passages, passages, sentences, sentences, sentences)
        if found != expected or int(self.policies[-1, 0]) != len(self._texts):
            raise ValueError(f"{self.folder}: rows {found}, expected {expected}")

    def text(self, place: int) -> str:
        """The text of the policy at `place`."""
        begin, end = self.policies[place, 0], self.policies[place + 1, 0]
        return bytes(self._texts[begin:end]).decode()

    def rows(self, place: int) -> tuple[int, int]:
        """The first passage of the policy at `place`, and the first that is not its."""
        return int(self.policies[place, 1]), int(self.policies[place + 1, 1])

    def passage(self, row: int, *, policy_id: str, text: str) -> Passage:
        """The passage at `row`; `text` is its policy's."""
        _, start, end, lead_start, lead_end, heading = self.passages[row].tolist()
        begin, stop = self._heading_ends[heading], self._heading_ends[heading + 1]
        sentences = self.sentences[self.first[row] : self.first[row + 1]].tolist()
        return Passage(
            policy_id,
            tuple(json.loads(bytes(self._headings[begin:stop]))),
            start,
            end,
            text[start:end],
            tuple((begin, end) for begin, end in sentences),
            () if lead_start == _NO_LEAD_IN else ((lead_start, lead_end),),
        )

    def embedded(self, number: int) -> str:
        """What was embedded at `number`: of passages first, then of sentences."""
        row = number
        if number >= len(self.passages):
            row = int(np.searchsorted(self.first, number - len(self.passages), side="right")) - 1
        text = self.text(int(self.passages[row, 0]))
        passage = self.passage(row, policy_id="", text=text)
        if number < len(self.passages):
            return embedded_text(text, passage)
        return sentence_texts(text, passage)[number - len(self.passages) - int(self.first[row])]

    def vector(self, number: int) -> Array:
        """The vector of what was embedded at `number`, shape (dimension,), float32."""
        sentence = number - len(self.passages)
        store, row = (self.sentence_vectors, sentence) if sentence >= 0 else (self.passage_vectors, number)
        vector: Array = store.vectors(np.array([row]))[0]
        return vector


def text_hash(text: str) -> int:
    """XXH3 of 64 bits: equal texts have equal ones; whether texts of equal ones are equal must be looked at."""
    return xxhash.xxh3_64_intdigest(text.encode())


def _mapped_bytes(path: Path) -> Array:
    # an empty file cannot be mapped
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r")) if path.stat().st_size else np.zeros(0, dtype=np.uint8)
