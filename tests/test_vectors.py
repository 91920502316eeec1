"""FAISS and NumPy are one store to whoever searches."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.errors import IndexCorrupt
from index.vectors import ExactStore, FaissStore, JoinedStores, VectorStore

STORES = [ExactStore, FaissStore]


def unit_rows(count: int, *, seed: int = 0, dimension: int = 8) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(
    count=st.integers(1, 60),
    k=st.integers(1, 70),
    removed=st.sets(st.integers(0, 59)),
    allowed=st.none() | st.sets(st.integers(0, 59)),
    seed=st.integers(0, 5),
)
@example(count=8, k=1, removed={5}, allowed=None, seed=4)
@settings(max_examples=150, deadline=None)
def test_both_stores_give_the_same_rows(count: int, k: int, removed: set[int], allowed: set[int] | None, seed: int):
    vectors = unit_rows(count, seed=seed)
    vectors[count // 2] = vectors[0]  # a tie
    found = []
    for kind in STORES:
        store: VectorStore = kind(8)
        store.add(vectors)
        store.remove(np.array(sorted(removed), dtype=np.int64))
        rows = None if allowed is None else np.array(sorted(allowed), dtype=np.int64)
        found.append(store.search(unit_rows(1, seed=99)[0], k=k, allowed=rows))
    assert found[0][0].tolist() == found[1][0].tolist()
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-6)


@pytest.mark.parametrize("kind", STORES)
def test_only_allowed_rows_come_back_and_never_a_padding_row(kind: type):
    store = kind(8)
    store.add(unit_rows(20))
    rows, _ = store.search(unit_rows(1)[0], k=10, allowed=np.array([3, 7, 400]))
    assert sorted(rows.tolist()) == [3, 7]


@pytest.mark.parametrize("kind", STORES)
def test_equal_vectors_come_in_the_order_of_their_rows(kind: type):
    store = kind(8)
    store.add(np.repeat(unit_rows(1), 200, axis=0))
    rows, _ = store.search(unit_rows(1)[0], k=5)
    assert rows.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", STORES)
def test_a_removed_row_is_never_given_again(kind: type):
    store = kind(8)
    store.add(unit_rows(3))
    assert store.remove(np.array([2, 2, 9])) == 1
    assert store.add(unit_rows(1)).tolist() == [3]


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(("shape", "k"), [((8,), 0), ((7,), 1)])
def test_a_question_that_cannot_be_searched_is_a_value_error(kind: type, shape: tuple[int], k: int):
    store = kind(8)
    store.add(unit_rows(3))
    with pytest.raises(ValueError, match="expected"):
        store.search(np.zeros(shape, dtype=np.float32), k=k)


@pytest.mark.parametrize("kind", STORES)
def test_vectors_of_another_dimension_are_refused(kind: type):
    with pytest.raises(ValueError, match=r"expected \(n, 8\)"):
        kind(8).add(unit_rows(2, dimension=9))


def test_a_saved_store_comes_back(tmp_path: Path):
    store = FaissStore(8)
    store.add(unit_rows(5))
    store.save(tmp_path / "v.faiss")
    again = FaissStore.open(tmp_path / "v.faiss")
    assert again.search(unit_rows(1)[0], k=5)[0].tolist() == store.search(unit_rows(1)[0], k=5)[0].tolist()
    assert again.vectors(np.array([4, 1])).tolist() == store.vectors(np.array([4, 1])).tolist()


def test_a_store_with_removed_rows_is_not_saved(tmp_path: Path):
    store = FaissStore(8)
    store.add(unit_rows(5))
    store.remove(np.array([2]))
    with pytest.raises(ValueError, match="1 rows were removed"):
        store.save(tmp_path / "v.faiss")


def test_a_graph_finds_what_comparing_all_finds(tmp_path: Path):
    vectors = unit_rows(3_000, dimension=32)
    store = FaissStore(32)
    store.add(vectors)
    store.save(tmp_path / "v.faiss")
    store.save_graph(tmp_path / "g.faiss")
    linked = FaissStore.open(tmp_path / "v.faiss", graph=tmp_path / "g.faiss")
    questions = unit_rows(50, seed=5, dimension=32)
    found = [set(linked.search(question, k=10)[0]) & set(store.search(question, k=10)[0]) for question in questions]
    assert sum(map(len, found)) >= 0.98 * 500


@given(allowed=st.sets(st.integers(0, 299), min_size=1))
@settings(deadline=None, max_examples=50)
def test_a_graph_never_lets_another_row_in_and_few_rows_are_all_found(linked: FaissStore, allowed: set[int]):
    rows = np.array(sorted(allowed), dtype=np.int64)
    found, _ = linked.search(unit_rows(1, seed=5)[0], k=20, allowed=rows)
    assert set(found.tolist()) <= allowed
    if len(allowed) < 150:
        assert len(found) == min(20, len(allowed))


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> FaissStore:
    folder = tmp_path_factory.mktemp("linked")
    store = FaissStore(8)
    store.add(unit_rows(300))
    store.save(folder / "v.faiss")
    store.save_graph(folder / "g.faiss")
    return FaissStore.open(folder / "v.faiss", graph=folder / "g.faiss")


def test_a_graph_of_other_vectors_is_refused(tmp_path: Path):
    for count in (20, 30):
        store = FaissStore(8)
        store.add(unit_rows(count))
        store.save(tmp_path / f"v{count}.faiss")
        store.save_graph(tmp_path / f"g{count}.faiss")
    with pytest.raises(IndexCorrupt, match="graph of 20 rows"):
        FaissStore.open(tmp_path / "v30.faiss", graph=tmp_path / "g20.faiss")


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4), k=st.integers(1, 40), data=st.data())
@settings(deadline=None)
def test_joined_stores_are_one_store(sizes: list[int], k: int, data: st.DataObject):
    vectors = unit_rows(sum(sizes) or 1, seed=3)[: sum(sizes)]
    parts = [FaissStore(8) for _ in sizes]
    for part, rows in zip(parts, np.split(vectors, np.cumsum(sizes)[:-1]), strict=True):
        part.add(rows)
    whole, joined = ExactStore(8), JoinedStores(parts)
    whole.add(vectors)
    some = data.draw(st.none() | st.sets(st.integers(0, max(0, sum(sizes) - 1))))
    allowed = None if some is None else np.array(sorted(some), dtype=np.int64)
    found, expected = (store.search(unit_rows(1, seed=9)[0], k=k, allowed=allowed) for store in (joined, whole))
    assert found[0].tolist() == expected[0].tolist()
    if allowed is not None and sum(sizes):
        assert np.allclose(joined.vectors(allowed), vectors[allowed], atol=1e-3)


def test_a_foreign_file_is_no_store(tmp_path: Path):
    (tmp_path / "v.faiss").write_bytes(b"not an index")
    with pytest.raises(IndexCorrupt, match=r"v\.faiss"):
        FaissStore.open(tmp_path / "v.faiss")
