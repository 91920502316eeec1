"""What is measured, each with its formula. A question that got nothing scores 0; it never drops out of the mean.

Ranking measures are computed by ir-measures, AUROC and the Brier score by scikit-learn, intervals by SciPy; written
here is only what none of them has. It does not know indexes or models.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Values = np.ndarray
Interval = tuple[int, int]

RANKS = (1, 3, 10)


def ranking(
    relevant: Mapping[str, Sequence[bool]], relevant_in_all: Mapping[str, int], *, depth: int = 10
) -> dict[str, dict[str, float]]:
    """S@1, S@3, S@10, MRR@10 and nDCG@10 of each question, by ir-measures (MacAvaney et al. 2022).

    A measure at a rank beyond `depth` is left out, as nobody looked there.

    S@k is 1 if one of the first k hits is relevant (TREC's `success`); MRR@10 is 1 / rank of the first relevant hit, 0
    beyond rank 10 (Voorhees 1999); nDCG@10 has binary gains and log2 discounts (Järvelin & Kekäläinen 2002).

    Args:
        relevant: for each question whether each of its hits is relevant, best first; empty if it got nothing.
        relevant_in_all: for each question how many passages that could have been found are relevant, at least 1.
        depth: how many hits were asked for.

    >>> ranking({"q": [False, True], "nothing": []}, {"q": 1, "nothing": 2})["q"]["MRR@10"]
    0.5
    >>> ranking({"q": [False, True], "nothing": []}, {"q": 1, "nothing": 2})["nothing"]["S@3"]
    0.0
    """
    import ir_measures

    measures = {
        **{f"S@{k}": ir_measures.Success @ k for k in RANKS if k <= depth},
        **({"MRR@10": ir_measures.RR @ 10, "nDCG@10": ir_measures.nDCG @ 10} if depth >= 10 else {}),
    }
    names = {str(measure): name for name, measure in measures.items()}
    values = {question: dict.fromkeys(measures, 0.0) for question in relevant}
    if not values:
        return values
    run, labels = [], []
    for question, flags in relevant.items():
        if sum(flags) > relevant_in_all[question]:
            raise ValueError(f"{question}: {sum(flags)} relevant hits, but only {relevant_in_all[question]} exist")
        for rank, flag in enumerate(flags, start=1):
            run.append(ir_measures.ScoredDoc(question, f"hit{rank}", float(-rank)))
            if flag:
                labels.append(ir_measures.Qrel(question, f"hit{rank}", 1))
        missing = relevant_in_all[question] - sum(flags)
        labels += [ir_measures.Qrel(question, f"not found {number}", 1) for number in range(missing)]
    for found in ir_measures.iter_calc(list(measures.values()), labels, run):
        values[found.query_id][names[str(found.measure)]] = float(found.value)
    return values


def characters(hits: Sequence[Interval], labels: Sequence[Interval], k: int) -> tuple[float, float]:
    """(precision, recall) by characters of the first `k` hits, both in [0, 1] (LegalBench-RAG, Pipitone & Alami 2024).

    precision = |retrieved and labelled| / retrieved, recall = |retrieved and labelled| / |labelled|. A labelled
    character counts once, however many hits or labels hold it; a retrieved one costs each time it is shown. So
    neither passes 1, as recall does where overlapping hits are added up. Nothing retrieved is a precision of 0.

    Args:
        hits, labels: `(start, end)` in one line of characters (documents laid end to end).

    >>> characters([(0, 10), (0, 10)], [(5, 15)], k=1)
    (0.5, 0.5)
    >>> characters([(0, 10), (0, 10)], [(5, 15)], k=2)
    (0.25, 0.5)
    """
    first, wanted = hits[:k], _union(labels)
    retrieved = sum(end - start for start, end in first)
    both = sum(
        max(0, min(end, other_end) - max(start, other_start))
        for start, end in _union(first)
        for other_start, other_end in wanted
    )
    labelled = sum(end - start for start, end in wanted)
    return (both / retrieved if retrieved else 0.0, both / labelled if labelled else 0.0)


def _union(intervals: Sequence[Interval]) -> list[Interval]:
    """Intervals that hold the same characters, in order, none overlapping.

    >>> _union([(5, 9), (0, 3), (2, 6)])
    [(0, 9)]
    """
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def wrong_company_at(companies: Sequence[Sequence[str]], named: Sequence[Sequence[str]], k: int) -> Values:
    """The share of each question's first `k` hits that belong to a company it did not name; shape (questions,).

    LegalBench-RAG's authors and later papers call it document-level retrieval mismatch.

    >>> wrong_company_at([["a", "b"], []], [["a"], ["a"]], 5)
    array([0.5, 0. ])
    """
    shares = []
    for found, right in zip(companies, named, strict=True):
        first = found[:k]
        shares.append(sum(company not in right for company in first) / len(first) if first else 0.0)
    return np.array(shares)


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """The probability that a positive scores above a negative, ties counting half (Hanley & McNeil 1982).

    >>> auroc([0.9, 0.4, 0.4], [True, True, False])
    0.75
    """
    from sklearn.metrics import roc_auc_score

    if len(set(positive)) < 2:
        raise ValueError("AUROC needs a positive and a negative, got one kind only")
    return float(roc_auc_score(positive, scores))


def macro_f1(expected: Sequence[str], given: Sequence[str]) -> float:
    """The mean over the kinds that are expected of each one's F1.

    >>> macro_f1(["yes", "no"], ["yes", "yes"]).__round__(3)
    0.333
    """
    from sklearn.metrics import f1_score

    return float(f1_score(expected, given, average="macro", labels=sorted(set(expected)), zero_division=0))


def risk_coverage(scores: Sequence[float], wrong: Sequence[bool]) -> tuple[Values, Values]:
    """(coverage, risk), each of shape (number of distinct scores,), for thresholds from the highest score down.

    Coverage is the share of questions that score at least the threshold and so are answered, risk the share of
    these that are answered wrongly (El-Yaniv & Wiener 2010). Questions of one score are answered together.

    >>> risk_coverage([0.9, 0.5, 0.5], [False, True, False])
    (array([0.33333333, 1.        ]), array([0.        , 0.33333333]))
    """
    if not len(scores):
        raise ValueError("risk-coverage needs a question, got none")
    values, flags = np.asarray(scores, dtype=float), np.asarray(wrong, dtype=float)
    order = np.argsort(-values, kind="stable")
    last_of_score = np.append(np.diff(values[order]) != 0, True)
    answered = np.arange(1, len(values) + 1)
    risk = np.cumsum(flags[order]) / answered
    return (answered / len(values))[last_of_score], risk[last_of_score]


def area_under_risk_coverage(scores: Sequence[float], wrong: Sequence[bool]) -> float:
    """The mean risk over all coverages, AURC; lower is better (Geifman, Uziel & El-Yaniv 2019).

    Questions of one score are answered in part, so the risk between two thresholds goes as it would on average.

    >>> area_under_risk_coverage([0.9, 0.5], [False, True])
    0.25
    >>> area_under_risk_coverage([0.5, 0.5], [False, True])
    0.5
    """
    coverage, risk = risk_coverage(scores, wrong)
    questions = len(scores)
    answered = np.rint(coverage * questions)
    errors = risk * answered
    counts = np.arange(1, questions + 1)
    spread = np.interp(counts, np.concatenate([[0], answered]), np.concatenate([[0], errors]))
    return float(np.mean(spread / counts))


def brier(scores: Sequence[float], right: Sequence[bool]) -> float:
    """The mean squared distance of probabilities from what came true; lower is better (Brier 1950).

    >>> round(brier([0.9, 0.2], [True, False]), 3)
    0.025
    """
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(right, scores, pos_label=True))


def reliability(scores: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean score, share that was right, n) of each bin of equal width that holds a score (DeGroot & Fienberg 1983).

    >>> reliability([0.05, 0.95, 1.0], [False, True, False])
    [(0.05, 0.0, 1), (0.975, 0.5, 2)]
    """
    values, flags = np.asarray(scores, dtype=float), np.asarray(right, dtype=float)
    place = np.minimum((values * bins).astype(int), bins - 1)
    return [
        (float(values[place == b].mean()), float(flags[place == b].mean()), int((place == b).sum()))
        for b in range(bins)
        if (place == b).any()
    ]


def expected_calibration_error(scores: Sequence[float], right: Sequence[bool]) -> float:
    """The mean distance of score and share that was right over ten bins, weighed by n (Naeini et al. 2015).

    >>> round(expected_calibration_error([0.05, 0.95, 1.0], [False, True, False]), 3)
    0.333
    """
    found = reliability(scores, right)
    return float(sum(n * abs(score - share) for score, share, n in found) / len(scores))


def interval(
    values: Values, groups: Sequence[str], *, seed: int = 0, samples: int = 2_000
) -> tuple[float, float] | None:
    """The 95 % interval of the mean, by percentile bootstrap over `groups` (the policies), not over questions.

    Whole policies are drawn, as their questions stand or fall together (the cluster bootstrap, Field & Welsh 2007).
    None for a single policy, of which nothing can be told.

    >>> interval(np.array([1.0, 1.0, 0.0, 0.0]), ["a", "a", "b", "b"])
    (0.0, 1.0)
    """
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(place, weights=values), np.bincount(place)
    if len(sums) < 2:
        return None
    from scipy.stats import bootstrap

    drawn = bootstrap(
        (sums, counts),
        lambda sums, counts, axis: sums.sum(axis=axis) / counts.sum(axis=axis),
        paired=True,
        n_resamples=samples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


def interval_of(
    statistic: Callable[[Values], float], groups: Sequence[str], *, seed: int = 0, samples: int = 500
) -> tuple[float, float] | None:
    """The 95 % interval of any statistic of questions, by percentile bootstrap over `groups`; None for a single one.

    Args:
        statistic: takes the places of the questions drawn, shape (n,); may raise ValueError for a draw that has none.

    >>> interval_of(lambda places: float(len(places)), ["a", "b"])
    (2.0, 2.0)
    """
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    if place.max() < 1:
        return None
    members = [np.flatnonzero(place == group) for group in range(place.max() + 1)]
    random = np.random.default_rng(seed)
    values = []
    for _ in range(samples):
        drawn = np.concatenate([members[group] for group in random.integers(len(members), size=len(members))])
        try:
            values.append(statistic(drawn))
        except ValueError:
            continue  # one kind of question only was drawn
    if not values:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
