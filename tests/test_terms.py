"""Words and concepts, and BM25 over them against its formula."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import THESAURUS, TermIndex, Thesaurus, stem, terms, words

ROWS = [["sell", "data", "data"], ["keep", "data"], ["sell", "email", "list", "list"], []]


def by_hand(question: list[str], row: list[str], *, k1: float, b: float) -> float:
    mean = sum(map(len, ROWS[:3])) / len(ROWS) + 1 / len(ROWS)  # an empty row counts as one blank term

    def idf(term: str) -> float:
        n = sum(term in other for other in ROWS)
        return math.log(1 + (len(ROWS) - n + 0.5) / (n + 0.5))

    def part(term: str) -> float:
        tf = row.count(term)
        return idf(term) * tf / (tf + k1 * (1 - b + b * max(len(row), 1) / mean)) if tf else 0.0

    return sum(map(part, set(question))) / sum(map(idf, set(question)))


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.5), (0.0, 0.0), (0.9, 0.4)])
@pytest.mark.parametrize("question", [["sell"], ["sell", "data"], ["sell", "unheard-of"], ["list", "keep", "list"]])
def test_scores_are_the_formulas(question: list[str], k1: float, b: float):
    index = TermIndex.build(ROWS, k1=k1, b=b)
    expected = [by_hand(question, row, k1=k1, b=b) for row in ROWS]
    np.testing.assert_allclose(index.scores(question), expected, atol=1e-5)


def test_coverage_is_the_share_of_the_question_that_a_row_has():
    index = TermIndex.build(ROWS, k1=0.0, b=0.0)
    assert index.scores(["sell", "email"])[2] == pytest.approx(1.0, abs=1e-6)


def test_a_question_without_terms_scores_nothing():
    assert TermIndex.build(ROWS, k1=1.2, b=0.5).scores([]).tolist() == [0.0] * 4


def test_a_saved_index_scores_the_same(tmp_path: Path):
    index = TermIndex.build(ROWS, k1=1.2, b=0.5)
    index.save(tmp_path)
    assert TermIndex.open([tmp_path]).scores(["sell", "data"]).tolist() == index.scores(["sell", "data"]).tolist()


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), min_size=1, max_size=30), st.data())
def test_some_rows_score_as_they_do_among_all(rows: list[list[str]], data: st.DataObject):
    index = TermIndex.build([*rows, ["a"]], k1=1.2, b=0.5)
    some = sorted(data.draw(st.sets(st.integers(0, len(rows)))))
    whole, chosen = index.scores(["a", "b", "x"]), index.scores(["a", "b", "x"], np.array(some, dtype=np.int64))
    assert chosen.tolist() == whole[some].tolist()


def test_parts_are_one_index_where_rows_are_equally_long(tmp_path: Path):
    rows = [["sell", "data"], ["keep", "data"], ["sell", "email"], ["keep", "list"], ["data", "list"]]
    parts = []
    for number, part in enumerate((rows[:3], rows[3:])):
        TermIndex.build(part, k1=1.2, b=0.5).save(tmp_path / str(number))
        parts.append(tmp_path / str(number))
    whole, parted = TermIndex.build(rows, k1=1.2, b=0.5), TermIndex.open(parts)
    question = ["sell", "data", "list", "unheard-of"]
    np.testing.assert_allclose(parted.scores(question), whole.scores(question), atol=1e-6)
    across = np.array([1, 3, 4])
    np.testing.assert_allclose(parted.scores(question, across), whole.scores(question)[across], atol=1e-6)
    assert len(parted) == 5
    assert "list" in parted
    assert "unheard-of" not in parted


def test_a_laymans_words_meet_a_lawyers():
    thesaurus = Thesaurus.shipped()
    asked = set(terms("what if they get bought out by another firm", thesaurus))
    said = set(terms("In the event of a merger or change of control", thesaurus))
    assert "§business-transfer" in asked & said


def test_every_phrase_of_the_thesaurus_leads_to_its_concept():
    concepts = tomllib.loads(THESAURUS.read_text(encoding="utf-8"))["concepts"]
    thesaurus = Thesaurus.shipped()
    lost = [
        (concept, phrase)
        for concept, phrases in concepts.items()
        for phrase in phrases
        if f"§{concept}" not in thesaurus.concepts([stem(word) for word in words(phrase)])
    ]
    assert lost == []
