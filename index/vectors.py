"""Vectors searched by inner product, among the rows that may answer: FAISS, and NumPy, which defines right.

It does not know what the rows stand for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from index.errors import IndexCorrupt

Vectors = np.ndarray
Rows = np.ndarray

# Decision 38: of 90,421 real vectors the graph finds .992 of the ten nearest looking at 200, .997 at 400.
_NEIGHBOURS, _LOOKED_AT_BUILDING, _LEAST_LOOKED_AT = 16, 40, 320
# Of fewer rows, as a share, a graph leads astray more often than to them.
_SEARCHED_BY_GRAPH = 0.5
_ADDED_AT_ONCE = 10_000
# So few, as a share, are read out and compared faster than FAISS passes over the others.
_READ_OUT = 0.05


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
    """A matrix in memory in half precision, every row compared in single: what the others must agree with."""

    def __init__(self, dimension: int) -> None:
        self._vectors = np.zeros((0, dimension), dtype=np.float16)
        self._there = np.zeros(0, dtype=bool)

    def add(self, vectors: Vectors) -> Rows:
        """See `VectorStore`."""
        vectors = _checked_rows(vectors, self._vectors.shape[1])
        first = len(self._there)
        self._vectors = np.vstack([self._vectors, vectors.astype(np.float16)])
        self._there = np.append(self._there, np.ones(len(vectors), dtype=bool))
        return np.arange(first, first + len(vectors))

    def remove(self, rows: Rows) -> int:
        """See `VectorStore`."""
        return _take_out(self._there, rows)

    def search(self, question: Vectors, *, k: int, allowed: Rows | None = None) -> tuple[Rows, Vectors]:
        """See `VectorStore`."""
        question = _checked(question, self._vectors.shape[1], k)
        rows = np.flatnonzero(self._there)
        if allowed is not None:
            rows = np.intersect1d(rows, allowed)
        return _best(rows, np.einsum("ij,j->i", self._vectors[rows].astype(np.float32), question), k)


def _take_out(there: Vectors, rows: Rows) -> int:
    """How many of `rows` were `there`, and are not any more."""
    rows = np.unique(rows)
    present = rows[(rows >= 0) & (rows < len(there))]
    present = present[there[present]]
    there[present] = False
    return len(present)


class FaissStore:
    """A flat FAISS index in half precision: exact, and filtered while it searches and not after.

    With a graph of neighbours (HNSW, Malkov and Yashunin 2018) over the same vectors it is searched in a time that
    hardly grows; where few rows are allowed, it is exact all the same.
    """

    def __init__(self, dimension: int) -> None:
        import faiss

        self._index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._there = np.zeros(0, dtype=bool)
        self._graph: Any = None

    @classmethod
    def open(cls, path: Path, *, graph: Path | None = None, mapped: bool = True) -> "FaissStore":
        """The store that `save` wrote to `path`, and `save_graph` to `graph`; a memory-mapped one cannot be added to.

        Raises:
            IndexCorrupt: a file is no FAISS index of ours.
        """
        import faiss

        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
            of_ours = index.sq.qtype == faiss.ScalarQuantizer.QT_fp16
            linked = _graph_over(index, faiss.read_index(str(graph), faiss.IO_FLAG_SKIP_STORAGE)) if graph else None
        except (RuntimeError, AttributeError) as error:
            raise IndexCorrupt(f"{path}: not a vector index of ours ({error}); run `askpolicy index build`") from error
        if not of_ours:
            raise IndexCorrupt(f"{path}: not in half precision; run `askpolicy index build`")
        store = cls.__new__(cls)
        store._index, store._graph, store._there = index, linked, np.ones(index.ntotal, dtype=bool)
        return store

    def save(self, path: Path) -> None:
        """Write the store to `path`.

        Raises:
            ValueError: rows were removed; what is left must be added to a new store.
            OSError: the disk is full, or may not be written.
        """
        if not self._there.all():
            raise ValueError(f"{(~self._there).sum()} rows were removed: add those that are left to a new store")
        _write(self._index, path)

    def save_graph(self, path: Path) -> None:
        """Link neighbours, and write how they are linked to `path`, without the vectors.

        Raises:
            OSError: the disk is full, or may not be written.
        """
        import faiss

        # FAISS numbers the graph's rows as it adds them, so the vectors are added once more, and not written.
        graph = faiss.IndexHNSWSQ(
            self.dimension, faiss.ScalarQuantizer.QT_fp16, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT
        )
        graph.hnsw.efConstruction, graph.is_trained = _LOOKED_AT_BUILDING, True
        for first in range(0, self._index.ntotal, _ADDED_AT_ONCE):
            rows = np.arange(first, min(first + _ADDED_AT_ONCE, self._index.ntotal))
            graph.add(self.vectors(rows))
        _write(graph, path, faiss.IO_FLAG_SKIP_STORAGE)

    def __len__(self) -> int:
        return int(self._there.sum())

    @property
    def dimension(self) -> int:
        """How long a vector is."""
        return int(self._index.d)

    def add(self, vectors: Vectors) -> Rows:
        """See `VectorStore`."""
        vectors = _checked_rows(vectors, self.dimension)
        first = len(self._there)
        self._index.add(vectors)
        self._there = np.append(self._there, np.ones(len(vectors), dtype=bool))
        return np.arange(first, first + len(vectors))

    def remove(self, rows: Rows) -> int:
        """See `VectorStore`."""
        return _take_out(self._there, rows)

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors at `rows`: shape (len(rows), dimension), float32."""
        import faiss

        # FAISS's own way to read rows out takes twice as long
        codes = faiss.rev_swig_ptr(self._index.codes.data(), self._index.codes.size())
        found: Vectors = codes.view(np.float16).reshape(-1, self.dimension)[rows].astype(np.float32)
        return found

    def search(
        self, question: Vectors, *, k: int, allowed: Rows | None = None, exact: bool = False
    ) -> tuple[Rows, Vectors]:
        """See `VectorStore`; `exact` compares all, whether or not there is a graph."""
        import faiss

        question = _checked(question, self.dimension, k)
        wanted = self._there if allowed is None else _among(self._there, allowed)
        count = int(wanted.sum())
        if not count:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        if count <= _READ_OUT * len(wanted):
            rows = np.flatnonzero(wanted)
            return _best(rows, self.vectors(rows) @ question, k)
        chosen = {}
        if count < len(wanted):
            chosen = {"sel": faiss.IDSelectorBitmap(np.packbits(wanted, bitorder="little"))}
        # A few more than asked for, so that a tie at the end falls to the earlier row.
        deep = min(count, k + 64)
        if self._graph is not None and not exact and count >= _SEARCHED_BY_GRAPH * len(wanted):
            parameters = faiss.SearchParametersHNSW(efSearch=max(_LEAST_LOOKED_AT, deep), **chosen)
            cosines, rows = self._graph.search(question[None, :], deep, params=parameters)
        else:
            parameters = faiss.SearchParameters(**chosen) if chosen else None
            cosines, rows = self._index.search(question[None, :], deep, params=parameters)
        # FAISS pads a short answer with row -1.
        real = rows[0] >= 0
        return _best(rows[0][real], cosines[0][real], k)


def _write(index: Any, path: Path, flags: int = 0) -> None:
    import faiss

    try:
        faiss.write_index(index, str(path), flags)
    except RuntimeError as error:  # what FAISS makes of a full disk
        raise OSError(f"{path}: {error}") from error


def _graph_over(vectors: Any, graph: Any) -> Any:
    """`graph`, read without vectors, with `vectors` for its rows."""
    if graph.hnsw.levels.size() != vectors.ntotal:
        raise RuntimeError(f"a graph of {graph.hnsw.levels.size()} rows over {vectors.ntotal} vectors")
    graph.storage, graph.own_fields = vectors, False  # whoever has the graph must keep the vectors
    return graph


def _among(there: Vectors, allowed: Rows) -> Vectors:
    """Which rows are there and allowed, as a mask."""
    allowed = allowed[(allowed >= 0) & (allowed < len(there))]
    mask = np.zeros(len(there), dtype=bool)
    mask[allowed] = there[allowed]
    return mask


class JoinedStores:
    """Stores to read, one after another, as one."""

    def __init__(self, stores: Sequence[FaissStore]) -> None:
        self._stores = stores
        self._firsts = np.cumsum([0, *map(len, stores)])

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors at `rows`, rising: shape (len(rows), dimension), float32."""
        found = [store.vectors(mine) for store, mine in self._parted(rows) if len(mine)]
        return np.concatenate(found) if found else np.zeros((0, self._stores[0].dimension), dtype=np.float32)

    def search(
        self, question: Vectors, *, k: int, allowed: Rows | None = None, exact: bool = False
    ) -> tuple[Rows, Vectors]:
        """See `FaissStore`; `allowed` rises."""
        whole = allowed is None or len(allowed) == len(self)
        parts = self._parted(np.arange(0) if allowed is None else allowed)
        rows, cosines = [], []
        for first, (store, mine) in zip(self._firsts, parts, strict=False):
            allowed_here = None if whole or len(mine) == len(store) else mine
            if allowed_here is None or len(allowed_here):
                found, near = store.search(question, k=k, allowed=allowed_here, exact=exact)
                rows.append(found + first)
                cosines.append(near)
        nothing = np.zeros(0, dtype=np.int64)
        return _best(np.concatenate([nothing, *rows]), np.concatenate([nothing.astype(np.float32), *cosines]), k)

    def _parted(self, rows: Rows) -> list[tuple[FaissStore, Rows]]:
        """Each store with those of `rows` that lie in it, counted from its own first."""
        bounds = np.searchsorted(rows, self._firsts)
        return [
            (store, rows[low:high] - first)
            for store, first, low, high in zip(self._stores, self._firsts, bounds, bounds[1:], strict=False)
        ]
