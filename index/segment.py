"""A part of an index that never changes once it is written: policies' texts, their passages, vectors and terms.

<segment>/
  lines.bin, lines.npy       the different lines of all texts, UTF-8; where each ends
  text_lines.npy             (l,) the lines of each version's text, one version after another
  versions.npy               (v + 1, 5) group, the first line, placement and block of each version, its markup
  placements.npy             (p, 3) row, start, layout: where a version has which passage, in reading order
  blocks.npy                 (b, 2) start, layout
  layouts.bin, layouts.npy   see `index.layouts`
  groups.npy                 (g + 1,) the first row of each group: the versions of one series, newest first
  rows.npy                   (n,) the heading path of each passage
  sentences.npy, first.npy   (m, 2) where each sentence starts and ends within its passage; (n + 1,) the first of each
  headings.bin, headings.npy the heading paths as JSON
  hashes.npy                 (n + m,) of what was embedded, so that the same text is not embedded again
  words.json                 in how many policies each word stands in lower case
  passages.faiss sentences.faiss terms/ coverage/
  graph.faiss                which passages are near which, where they are many

A passage that several versions of a series have is one row. It does not know companies, or which version serves.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import xxhash

from index.layouts import Layouts, LayoutWriter, Pieces, block_at, load_array, of_block, passage_at, save_pieces
from index.parsing.document import Block, Markup
from index.policies.passages import Passage, embedded_text, sentence_texts
from index.sharing import NewGroup
from index.terms import TermIndex
from index.vectors import FaissStore

Array = np.ndarray

_GRAPH = "graph.faiss"
# So few are compared one by one in about a millisecond (two cores, decision 38).
_LINKED_FROM_PASSAGES = 5_000
# BM25 for passages: best MRR on the sample questions' dev half (n=95), decision 6.
_BM25_K1, _BM25_B = 1.2, 0.5
_GROUPS_KEPT, _TEXTS_KEPT = 4_096, 64
_MARKUPS = tuple(Markup)


class SegmentWriter:
    """Takes groups of versions one by one and writes them as a segment."""

    def __init__(self, dimension: int) -> None:
        self._lines: dict[bytes, int] = {}
        self._text_lines: list[int] = []
        self._versions: list[tuple[int, ...]] = []
        self._placements: list[tuple[int, int, int]] = []
        self._blocks: list[tuple[int, int]] = []
        self._layouts = LayoutWriter()
        self._groups = [0]
        self._rows: list[int] = []
        self._headings: dict[tuple[str, ...], int] = {}
        self._sentences: list[tuple[int, int]] = []
        self._first = [0]
        self._hashes: tuple[list[int], list[int]] = ([], [])
        self._terms: tuple[list[Sequence[str]], list[Sequence[str]]] = ([], [])
        self._stores = (FaissStore(dimension), FaissStore(dimension))

    @property
    def passages(self) -> int:
        """How many rows it was given."""
        return len(self._rows)

    @property
    def versions(self) -> int:
        """How many versions it was given."""
        return len(self._versions)

    def add(self, group: NewGroup, passage_vectors: Array, sentence_vectors: Array) -> list[int]:
        """The place of each version of `group` in the segment.

        Args:
            passage_vectors, sentence_vectors: shape (number of texts, dimension), float32, unit rows.
        """
        first_row = len(self._rows)
        for row in group.rows:
            self._rows.append(self._headings.setdefault(row.heading, len(self._headings)))
            self._sentences += row.sentences
            self._first.append(len(self._sentences))
        for kept, texts in zip(self._hashes, (group.passage_texts, group.sentence_texts), strict=True):
            kept.extend(map(text_hash, texts))
        self._terms[0].extend(row.terms for row in group.rows)
        self._terms[1].extend(terms for row in group.rows for terms in row.sentence_terms)
        for store, vectors in zip(self._stores, (passage_vectors, sentence_vectors), strict=True):
            store.add(vectors)
        places = []
        for version in group.versions:
            places.append(len(self._versions))
            self._versions.append((*self._ends(), _MARKUPS.index(version.policy.markup)))
            for line in version.policy.text.encode().splitlines(keepends=True):
                self._text_lines.append(self._lines.setdefault(line, len(self._lines)))
            self._placements += [
                (first_row + placed.row, placed.start, self._layouts.number(placed.layout))
                for placed in version.placements
            ]
            self._blocks += [(block.start, self._layouts.number(of_block(block))) for block in version.policy.blocks]
        self._groups.append(len(self._rows))
        return places

    def _ends(self) -> tuple[int, int, int, int]:
        return len(self._groups) - 1, len(self._text_lines), len(self._placements), len(self._blocks)

    def write(self, folder: Path, *, words: Mapping[str, int]) -> None:
        """Write the segment into `folder`, which must not exist yet."""
        folder.mkdir()
        save_pieces(folder, "lines", list(self._lines))
        save_pieces(folder, "headings", [json.dumps(path, ensure_ascii=False).encode() for path in self._headings])
        self._layouts.save(folder, "layouts")
        arrays: dict[str, Array] = {
            "text_lines": np.array(self._text_lines, dtype=np.int32),
            "versions": np.array([*self._versions, (*self._ends(), 0)], dtype=np.int64),
            "placements": np.array(self._placements, dtype=np.int32).reshape(-1, 3),
            "blocks": np.array(self._blocks, dtype=np.int32).reshape(-1, 2),
            "groups": np.array(self._groups, dtype=np.int64),
            "rows": np.array(self._rows, dtype=np.int32),
            "sentences": np.array(self._sentences, dtype=np.int32).reshape(-1, 2),
            "first": np.array(self._first, dtype=np.int64),
            "hashes": np.array([*self._hashes[0], *self._hashes[1]], dtype=np.uint64),
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        (folder / "words.json").write_text(json.dumps(dict(sorted(words.items())), ensure_ascii=False), "utf-8")
        for store, name in zip(self._stores, ("passages", "sentences"), strict=True):
            store.save(folder / f"{name}.faiss")
        if self.passages >= _LINKED_FROM_PASSAGES:
            self._stores[0].save_graph(folder / _GRAPH)
        TermIndex.build(self._terms[0], k1=_BM25_K1, b=_BM25_B).save(folder / "terms")
        TermIndex.build(self._terms[1], k1=0.0, b=0.0).save(folder / "coverage")


class Segment:
    """A segment as opened."""

    def __init__(self, folder: Path, *, mapped: bool = True) -> None:
        """Open the segment in `folder`, memory-mapped or read.

        Raises:
            OSError, ValueError, KeyError, IndexCorrupt: a file is missing or is not what a segment's is.
        """
        names = (
            *("text_lines", "versions", "placements", "blocks"),
            *("groups", "rows", "sentences", "first", "hashes"),
        )
        arrays = {name: load_array(folder / f"{name}.npy", mapped=mapped) for name in names}
        self.sentences, self.first, self.hashes = arrays["sentences"], arrays["first"], arrays["hashes"]
        self.row_headings, self.groups = arrays["rows"], arrays["groups"]
        self._text_lines, self._versions = arrays["text_lines"], arrays["versions"]
        self._placements, self._blocks = arrays["placements"], arrays["blocks"]
        self._lines, self._headings = (Pieces(folder, name, mapped=mapped) for name in ("lines", "headings"))
        self._layouts = Layouts(folder, "layouts", mapped=mapped)
        self.words: dict[str, int] = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        graph = folder / _GRAPH
        self.passage_vectors = FaissStore.open(
            folder / "passages.faiss", graph=graph if graph.exists() else None, mapped=mapped
        )
        self.sentence_vectors = FaissStore.open(folder / "sentences.faiss", mapped=mapped)
        self.folder, self.mapped = folder, mapped
        # A cache of a method of this object would keep both for ever: each would hold the other.
        self._holders = lru_cache(_GROUPS_KEPT)(partial(_first_holders, self._versions, self._placements))
        self._texts = lru_cache(_TEXTS_KEPT)(partial(_text, self._versions, self._text_lines, self._lines))

    def __len__(self) -> int:
        """How many rows it has."""
        return len(self.row_headings)

    def check_counts(self) -> None:
        """Nothing, if the arrays fit each other.

        Raises:
            ValueError: they do not.
        """
        rows, sentences = len(self), len(self.sentences)
        found = (
            int(self.groups[-1]),
            len(self.first) - 1,
            len(self.passage_vectors),
            int(self.first[-1]),
            len(self.sentence_vectors),
            len(self.hashes) - rows,
        )
        expected = (rows, rows, rows, sentences, sentences, sentences)
        ends = (len(self.groups) - 1, len(self._text_lines), len(self._placements), len(self._blocks))
        if found != expected or tuple(self._versions[-1, :4].tolist()) != ends:
            raise ValueError(f"{self.folder}: rows {found}, expected {expected}; versions end at {ends}")

    def group(self, version: int) -> int:
        """The group of the version at this place."""
        return int(self._versions[version, 0])

    def rows(self, group: int) -> tuple[int, int]:
        """The first row of a group, and the first that is not its."""
        return int(self.groups[group]), int(self.groups[group + 1])

    def rows_of(self, version: int) -> Array:
        """The rows that the version has, rising."""
        rows: Array = np.unique(self._placed(version)[:, 0]).astype(np.int64)
        return rows

    def text(self, version: int) -> str:
        """The text of a version."""
        return self._texts(version)

    def blocks(self, version: int) -> tuple[Block, ...]:
        """The blocks of a version."""
        begin, end = self._versions[version, 3], self._versions[version + 1, 3]
        return tuple(block_at(self._layouts[layout], start) for start, layout in self._blocks[begin:end].tolist())

    def passages(self, version: int, *, policy_id: str) -> list[Passage]:
        """The passages of a version in reading order."""
        placed = self._placed(version).tolist()
        return [self._passage(version, row, start, layout, policy_id) for row, start, layout in placed]

    def passage(self, row: int, version: int, *, policy_id: str) -> Passage:
        """The passage at `row` as it stands in a version, which has it."""
        placed = self._placed(version)
        found = placed[np.flatnonzero(placed[:, 0] == row)[0]]
        return self._passage(version, row, int(found[1]), int(found[2]), policy_id)

    def _passage(self, version: int, row: int, start: int, layout: int, policy_id: str) -> Passage:
        end, lead_ins, cells, notes = passage_at(self._layouts[layout], start)
        sentences = self.sentences[self.first[row] : self.first[row + 1]].tolist()
        return Passage(
            policy_id,
            tuple(self._headings.json(int(self.row_headings[row]))),
            start,
            end,
            self.text(version)[start:end],
            tuple((start + begins, start + ends) for begins, ends in sentences),
            lead_ins,
            cells,
            notes,
            _MARKUPS[int(self._versions[version, 4])],
        )

    def group_of_row(self, row: int) -> int:
        """The group that has the row."""
        return int(np.searchsorted(self.groups, row, side="right")) - 1

    def holder(self, row: int) -> int:
        """The newest version that has the row."""
        return self._holders(self.group_of_row(row))[row]

    def versions_of(self, group: int) -> range:
        """The places of a group's versions, newest first."""
        begin, end = np.searchsorted(self._versions[:-1, 0], (group, group + 1))
        return range(int(begin), int(end))

    def embedded(self, number: int) -> str:
        """What was embedded at `number`: of passages first, then of sentences."""
        row = number
        if number >= len(self):
            row = int(np.searchsorted(self.first, number - len(self), side="right")) - 1
        version = self.holder(row)
        text, passage = self.text(version), self.passage(row, version, policy_id="")
        if number < len(self):
            return embedded_text(text, passage)
        return sentence_texts(text, passage)[number - len(self) - int(self.first[row])]

    def vector(self, number: int) -> Array:
        """The vector of what was embedded at `number`, shape (dimension,), float32."""
        sentence = number - len(self)
        store, row = (self.sentence_vectors, sentence) if sentence >= 0 else (self.passage_vectors, number)
        vector: Array = store.vectors(np.array([row]))[0]
        return vector

    def _placed(self, version: int) -> Array:
        begin, end = self._versions[version, 2], self._versions[version + 1, 2]
        placed: Array = self._placements[begin:end]
        return placed


def _first_holders(versions: Array, placements: Array, group: int) -> dict[int, int]:
    """For each row of a group the newest version that has it."""
    holders: dict[int, int] = {}
    begin, end = np.searchsorted(versions[:-1, 0], (group, group + 1))
    for version in range(int(begin), int(end)):
        for row in placements[versions[version, 2] : versions[version + 1, 2], 0].tolist():
            holders.setdefault(row, version)
    return holders


def _text(versions: Array, text_lines: Array, lines: Pieces, version: int) -> str:
    return lines.joined(text_lines[versions[version, 1] : versions[version + 1, 1]].tolist()).decode()


def text_hash(text: str) -> int:
    """XXH3 of 64 bits: equal texts have equal ones; whether texts of equal ones are equal must be looked at."""
    return xxhash.xxh3_64_intdigest(text.encode())
