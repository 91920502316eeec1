"""What is measured, each with its formula. A question that got nothing scores 0; it never drops out of the mean.

It does not know indexes or models.
"""

from collections.abc import Sequence

import numpy as np

Values = np.ndarray


def success_at(ranks: Sequence[int | None], k: int) -> Values:
    """For each question 1.0 if its first relevant hit stands among the first `k`, else 0.0 (TREC's `success`).

    `ranks` count from 1; None means that no hit is relevant.

    >>> success_at([1, 4, None], 3)
    array([1., 0., 0.])
    """
    return np.array([float(rank is not None and rank <= k) for rank in ranks])


def reciprocal_rank(ranks: Sequence[int | None], *, depth: int = 10) -> Values:
    """1 / rank of the first relevant hit, 0.0 beyond `depth` (Voorhees 1999).

    >>> reciprocal_rank([1, 4, 11, None])
    array([1.  , 0.25, 0.  , 0.  ])
    """
    return np.array([1 / rank if rank is not None and rank <= depth else 0.0 for rank in ranks])


def wrong_company_at(companies: Sequence[Sequence[str]], named: Sequence[Sequence[str]], k: int) -> Values:
    """The share of each question's first `k` hits that belong to a company it did not name.

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
    values, labels = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    if labels.all() or not labels.any():
        raise ValueError("AUROC needs a positive and a negative, got one kind only")
    above = (values[labels][:, None] > values[~labels][None, :]).mean()
    equal = (values[labels][:, None] == values[~labels][None, :]).mean()
    return float(above + equal / 2)


def interval(values: Values, groups: Sequence[str], *, seed: int = 0, samples: int = 2_000) -> tuple[float, float]:
    """The 95 % interval of the mean, by bootstrap over `groups` (the policies), not over questions.

    >>> low, high = interval(np.array([1.0, 1.0, 0.0, 0.0]), ["a", "a", "b", "b"])
    >>> (low, high)
    (0.0, 1.0)
    """
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(place, weights=values), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(len(names), size=(samples, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
