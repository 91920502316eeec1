"""Vectors searched by inner product, among the rows that may answer: FAISS, and NumPy, which defines right.

It does not know what the rows stand for.
"""

from pathlib import Path
from typing import Protocol

import numpy as np

from index.errors import IndexCorrupt

Vectors = np.ndarray
Rows = np.ndarray


class VectorStore(Protocol):
    """Unit vectors by row. Rows count up from 0 in the order of adding; a removed row is never given again."""

    def add(self, vectors: Vectors) -> Rows:
        """The rows that `vectors`, shape (n, dimension), float32, unit rows, stand at from now on."""
        ...

    def remove(self, rows: Rows) -> int:
        """How many of `rows` were there, and are gone."""
        ...

    def search(self, question: Vectors, *, k: int, allowed: Rows | None = None) -> tuple[Rows, Vectors]:
        """The `k` rows nearest to `question`, shape (dimension,), and their cosines, best first, ties by row.

        Args:
            allowed: the only rows that may come back; None allows all. Fewer than `k` come back only
                where fewer are there.
        Raises:
            ValueError: `k` below 1, or a question of another dimension.
        """
        ...


def _checked(question: Vectors, dimension: int, k: int) -> Vectors:
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    if question.shape != (dimension,):
        raise ValueError(f"question has shape {question.shape}, expected ({dimension},)")
    return np.ascontiguousarray(question, dtype=np.float32)


def _checked_rows(vectors: Vectors, dimension: int) -> Vectors:
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"vectors have shape {vectors.shape}, expected (n, {dimension})")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _best(rows: Rows, cosines: Vectors, k: int) -> tuple[Rows, Vectors]:
    # Equal vectors may differ in the last bit by where they stand in a matrix product, and are a tie all the same.
    order = np.lexsort((rows, -cosines.round(6)))[:k]
    return rows[order], cosines[order]


class ExactStore:
    """A matrix in memory, every row compared: what the others must agree with."""

    def __init__(self, dimension: int) -> None:
        self._vectors = np.zeros((0, dimension), dtype=np.float32)
        self._there = np.zeros(0, dtype=bool)

    def add(self, vectors: Vectors) -> Rows:
        """See `VectorStore`."""
        vectors = _checked_rows(vectors, self._vectors.shape[1])
        first = len(self._there)
        self._vectors = np.vstack([self._vectors, vectors])
        self._there = np.append(self._there, np.ones(len(vectors), dtype=bool))
        return np.arange(first, first + len(vectors))

    def remove(self, rows: Rows) -> int:
        """See `VectorStore`."""
        rows = np.unique(rows)
        present = rows[(rows >= 0) & (rows < len(self._there))]
        present = present[self._there[present]]
        self._there[present] = False
        return len(present)

    def search(self, question: Vectors, *, k: int, allowed: Rows | None = None) -> tuple[Rows, Vectors]:
        """See `VectorStore`."""
        question = _checked(question, self._vectors.shape[1], k)
        rows = np.flatnonzero(self._there)
        if allowed is not None:
            rows = np.intersect1d(rows, allowed)
        return _best(rows, np.einsum("ij,j->i", self._vectors[rows], question), k)


class FaissStore:
    """A flat FAISS index over ids: exact at every size, filtered while it searches and not after."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._dimension = dimension
        self._next = 0

    @classmethod
    def open(cls, path: Path) -> "FaissStore":
        """The store that `save` wrote to `path`.

        Raises:
            IndexCorrupt: the file is no FAISS index of ours.
        """
        import faiss

        try:
            index = faiss.read_index(str(path))
            inner = faiss.downcast_index(index.index)
        except (RuntimeError, AttributeError) as error:
            raise IndexCorrupt(f"{path}: not a vector index of ours ({error}); run `askpolicy index build`") from error
        store = cls.__new__(cls)
        store._index, store._dimension = index, inner.d
        store._next = int(faiss.vector_to_array(index.id_map).max(initial=-1)) + 1
        return store

    def save(self, path: Path) -> None:
        """Write the store to `path`."""
        import faiss

        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """How long a vector is."""
        return self._dimension

    def add(self, vectors: Vectors) -> Rows:
        """See `VectorStore`."""
        vectors = _checked_rows(vectors, self._dimension)
        rows = np.arange(self._next, self._next + len(vectors), dtype=np.int64)
        self._index.add_with_ids(vectors, rows)
        self._next += len(vectors)
        return rows

    def remove(self, rows: Rows) -> int:
        """See `VectorStore`."""
        return int(self._index.remove_ids(np.unique(rows).astype(np.int64)))

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors at `rows`: shape (len(rows), dimension), float32."""
        found: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))
        return found

    def search(self, question: Vectors, *, k: int, allowed: Rows | None = None) -> tuple[Rows, Vectors]:
        """See `VectorStore`."""
        import faiss

        question = _checked(question, self._dimension, k)
        wanted = len(self) if allowed is None else min(len(allowed), len(self))
        if not wanted:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        parameters = None
        if allowed is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.unique(allowed).astype(np.int64)))
        # A few more than asked for, so that a tie at the end falls to the earlier row.
        deep = min(wanted, k + 64)
        cosines, rows = self._index.search(question[None, :], deep, params=parameters)
        # FAISS pads a short answer with row -1.
        real = rows[0] >= 0
        return _best(rows[0][real], cosines[0][real], k)
