"""Each measure against an independent computation, and what must hold of all of them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from eval.measures import (
    area_under_risk_coverage,
    auroc,
    brier,
    characters,
    expected_calibration_error,
    interval,
    interval_of,
    ranking,
    risk_coverage,
    wrong_company_at,
)

# The first call imports a library; how long that takes says nothing of the code.
settings.register_profile("measures", deadline=None)
settings.load_profile("measures")

flags = st.lists(st.booleans(), max_size=12)
intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)).map(lambda p: (p[0], p[0] + p[1])), max_size=6)
judged = st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.3, 0.8]), st.booleans()), min_size=1, max_size=7)


@given(flags, st.integers(0, 5))
def test_ranking_measures_are_what_their_formulas_say(relevant: list[bool], missed: int):
    in_all = max(1, sum(relevant) + missed)
    found = ranking({"q": relevant}, {"q": in_all})["q"]
    first = relevant.index(True) + 1 if True in relevant else None
    for k in (1, 3, 10):
        assert found[f"S@{k}"] == float(first is not None and first <= k)
    assert found["MRR@10"] == pytest.approx(1 / first if first is not None and first <= 10 else 0.0)
    gain = sum(1 / math.log2(rank + 1) for rank, flag in enumerate(relevant[:10], start=1) if flag)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(in_all, 10) + 1))
    assert found["nDCG@10"] == pytest.approx(gain / ideal, abs=1e-6)


def test_a_question_that_got_nothing_scores_zero_and_stays_in():
    found = ranking({"hit": [True], "nothing": []}, {"hit": 1, "nothing": 3})
    assert set(found) == {"hit", "nothing"}
    assert set(found["nothing"].values()) == {0.0}


def test_more_relevant_hits_than_exist_are_a_mistake_and_no_score_above_one():
    with pytest.raises(ValueError, match="only 1 exist"):
        ranking({"q": [True, True]}, {"q": 1})


@given(intervals, intervals, st.integers(1, 6))
def test_characters_are_counted_as_a_set_of_places_would(
    hits: list[tuple[int, int]], labels: list[tuple[int, int]], k: int
):
    precision, recall = characters(hits, labels, k)
    retrieved = {place for start, end in hits[:k] for place in range(start, end)}
    labelled = {place for start, end in labels for place in range(start, end)}
    shown = sum(end - start for start, end in hits[:k])
    assert precision == pytest.approx(len(retrieved & labelled) / shown if shown else 0.0)
    assert recall == pytest.approx(len(retrieved & labelled) / len(labelled) if labelled else 0.0)
    assert 0 <= precision <= 1
    assert 0 <= recall <= 1


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_auroc_is_the_u_statistic(pairs: list[tuple[int, bool]]):
    scores, labels = [float(score) for score, _ in pairs], [label for _, label in pairs]
    if len(set(labels)) < 2:
        with pytest.raises(ValueError, match="one kind only"):
            auroc(scores, labels)
        return
    positive = [s for s, label in zip(scores, labels, strict=True) if label]
    negative = [s for s, label in zip(scores, labels, strict=True) if not label]
    u = mannwhitneyu(positive, negative).statistic
    assert auroc(scores, labels) == pytest.approx(u / (len(positive) * len(negative)))


@given(judged)
def test_risk_coverage_is_what_each_threshold_gives(pairs: list[tuple[float, bool]]):
    coverage, risk = risk_coverage([score for score, _ in pairs], [wrong for _, wrong in pairs])
    expected = []
    for threshold in sorted({score for score, _ in pairs}, reverse=True):
        answered = [wrong for score, wrong in pairs if score >= threshold]
        expected.append((len(answered) / len(pairs), sum(answered) / len(answered)))
    assert np.column_stack([coverage, risk]) == pytest.approx(np.array(expected))


@given(judged)
def test_the_area_under_it_is_the_mean_over_all_orders_of_equal_scores(pairs: list[tuple[float, bool]]):
    areas = []
    for order in itertools.permutations(range(len(pairs))):
        ordered = sorted((pairs[place] for place in order), key=lambda pair: -pair[0])
        risks = np.cumsum([wrong for _, wrong in ordered]) / np.arange(1, len(pairs) + 1)
        areas.append(risks.mean())
    found = area_under_risk_coverage([score for score, _ in pairs], [wrong for _, wrong in pairs])
    assert found == pytest.approx(np.mean(areas))


def test_a_sure_and_right_score_has_no_calibration_error():
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0.0
    assert brier([1.0, 0.0], [True, False]) == 0.0
    assert expected_calibration_error([1.0, 1.0], [True, False]) == 0.5


def test_the_share_of_wrong_companies_is_of_the_hits_that_came():
    assert list(wrong_company_at([["b", "a"], ["a"] * 5 + ["b"], []], [["a"]] * 3, 5)) == [0.5, 0.0, 0.0]


def test_whole_policies_are_drawn_for_an_interval():
    values, policies = np.array([1.0] * 50 + [0.0] * 50), ["a"] * 50 + ["b"] * 50
    assert interval(values, policies) == (0.0, 1.0)
    by_question = interval(values, [str(place) for place in range(100)])
    assert 0.35 < by_question[0] < 0.45 < 0.55 < by_question[1] < 0.65


def test_an_interval_agrees_with_one_drawn_by_hand():
    random = np.random.default_rng(7)
    values = random.random(400)
    policies = [str(place // 8) for place in range(400)]
    means = values.reshape(50, 8).mean(axis=1)
    drawn = means[random.integers(50, size=(4_000, 50))].mean(axis=1)
    assert interval(values, policies) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.005)
    by_places = interval_of(lambda places: float(values[places].mean()), policies, samples=2_000)
    assert by_places == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.005)


def test_one_policy_alone_gives_no_interval():
    assert interval(np.array([1.0, 0.0]), ["a", "a"]) is None
    assert interval_of(lambda places: float(len(places)), ["a", "a"]) is None


def test_nothing_is_told_of_ranks_that_nobody_looked_at():
    assert set(ranking({"q": [True]}, {"q": 1}, depth=3)["q"]) == {"S@1", "S@3"}


def test_a_draw_without_one_kind_of_question_is_left_out_of_an_interval():
    scores, labels = np.array([0.9, 0.1]), np.array([True, False])
    assert interval_of(lambda places: auroc(scores[places], labels[places]), ["a", "b"]) == (1.0, 1.0)
