"""Rows become figures, each with its n and interval, by kind of question; and figures a table. It asks nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.measures import (
    area_under_risk_coverage,
    auroc,
    brier,
    expected_calibration_error,
    interval,
    interval_of,
    macro_f1,
)
from eval.running import WRONG_COMPANY, Row
from index.policies.companies import key

ANSWERED, UNCLEAR, NOT_STATED = "answered", "unclear", "not_stated"
EXPECTED = {
    "answerable": ANSWERED,
    "several": ANSWERED,
    "follow_up": ANSWERED,
    "not_stated": NOT_STATED,
    "unknown_company": "unknown_company",
    "out_of_scope": "out_of_scope",
    "changed": "changed",
    "unchanged": "unchanged",
}
_OF_FIRST_HIT = ("S@1", "S@3", "S@10", "MRR@10", WRONG_COMPANY)


@dataclass(frozen=True, slots=True)
class Figure:
    """A share or a mean of `n` questions, and its 95 % interval where the questions are of several policies."""

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None


def right_outcome(row: Row) -> bool:
    """Whether the outcome is the one that the label asks for.

    A follow-up without evidence asks for `not_stated`. A question that names a known company beside an unknown
    one is right if the unknown one is told.
    """
    if row.kind == "unknown_company":
        told = any(_same_name(name, expected) for name in row.unknown for expected in row.expects_unknown)
        return told and (row.outcome == "unknown_company" or bool(row.named))
    expected = EXPECTED[row.kind]
    if expected == ANSWERED and not row.answerable:
        expected = NOT_STATED
    return row.outcome == expected


def _same_name(told: str, expected: str) -> bool:
    """Whether a name that was told is the one that the label has, or a part of it ("Acme" of "Acme Ltd.")."""
    return bool(key(told)) and (key(told) in key(expected) or key(expected) in key(told))


def figures(rows: Sequence[Row], *, complete: bool = True) -> list[Figure]:
    """Every figure of a run: ranking first, then companies, outcomes by kind, confidence, and time.

    Args:
        complete: whether every passage that answers is labelled; if not, only S@k and MRR are given of the ranking.
    """
    found: list[Figure] = []
    for kind in ("answerable", "several", "follow_up"):
        mine = [row for row in rows if row.kind == kind and row.ranked]
        if mine:
            found += _ranking(kind, mine, complete=complete)
    named = [row for row in rows if WRONG_COMPANY in row.measures]
    if named:
        found.append(_mean(f"{WRONG_COMPANY}, companies named", [row.measures[WRONG_COMPANY] for row in named], named))
    if any(row.outcome for row in rows):
        found += _outcomes(rows)
    found += _confidence(rows, complete=complete)
    repeated = sum(any(hit.repeated for hit in row.hits) for row in rows)
    if repeated:
        found.append(Figure("questions with a hit returned twice", float(repeated), len(rows)))
    ranked = [row for row in rows if row.ranked]
    empty = sum(not row.hits for row in ranked)
    if empty:
        found.append(Figure("answerable questions that got nothing", float(empty), len(ranked)))
    times = [row.took_ms for row in rows]
    return found + [Figure(f"ask, ms, p{p}", float(np.percentile(times, p)), len(times)) for p in (50, 95) if times]


def _ranking(kind: str, rows: Sequence[Row], *, complete: bool) -> list[Figure]:
    names = [
        name
        for name in rows[0].measures
        if name != WRONG_COMPANY and means_something(name, complete=complete) and _is_shown(name, kind)
    ]
    found = [_mean(f"{kind}: {name}", [row.measures[name] for row in rows], rows) for name in names]
    if any(row.outcome for row in rows):
        answered = [row for row in rows if row.outcome == ANSWERED]
        if answered:
            found.append(_mean(f"{kind}: quoted", [float(row.quoted) for row in answered], answered))
            found.append(_mean(f"{kind}: something else quoted", [float(row.misquoted) for row in answered], answered))
    return found


def means_something(measure: str, *, complete: bool) -> bool:
    """Whether `measure` may be told of a set: of one that labels not all that answers, only what asks for one hit.

    >>> means_something("nDCG@10", complete=False), means_something("S@3", complete=False)
    (False, True)
    """
    return complete or measure in _OF_FIRST_HIT


def _is_shown(name: str, kind: str) -> bool:
    """Of the measures by characters the table has k = 1, 8 and 64, as published tables do; the report has all."""
    return not name.startswith("char") or (kind == "answerable" and name.partition("@")[2] in ("1", "8", "64"))


def _outcomes(rows: Sequence[Row]) -> list[Figure]:
    found = []
    for kind in EXPECTED:
        mine = [row for row in rows if row.kind == kind]
        if mine:
            found.append(_mean(f"{kind}: right outcome", [float(right_outcome(row)) for row in mine], mine))
    answerable = [row for row in rows if row.kind == "answerable"]
    if answerable:
        refused = [float(row.outcome not in (ANSWERED, UNCLEAR)) for row in answerable]
        found.append(_mean("answerable: wrongly refused", refused, answerable))
    absent = [row for row in rows if row.kind == "not_stated"]
    if absent:
        answered = [float(row.outcome == ANSWERED) for row in absent]
        found.append(_mean("not_stated: wrongly answered", answered, absent))
    judged = answerable + absent
    if judged:
        found.append(_mean("unclear", [float(row.outcome == UNCLEAR) for row in judged], judged))
    return found + _verdicts(answerable)


def _verdicts(answerable: Sequence[Row]) -> list[Figure]:
    """Of questions of yes or no: how often a verdict is given, and how often it is right where it is."""
    asked = [row for row in answerable if row.expects_verdicts]
    given = [row for row in asked if row.verdict]
    if not given:
        return []
    right = [float(row.verdict in row.expects_verdicts) for row in given]
    found = [
        _mean("verdict: given", [float(bool(row.verdict)) for row in asked], asked),
        _mean("verdict: right", right, given),
    ]
    # of several that may be said the one that was
    expected = [str(row.verdict) if row.verdict in row.expects_verdicts else row.expects_verdicts[0] for row in given]
    found.append(Figure("verdict: macro-F1", macro_f1(expected, [str(row.verdict) for row in given]), len(given)))
    return found


def _confidence(rows: Sequence[Row], *, complete: bool) -> list[Figure]:
    """How well the confidence tells answerable from not stated, and right first hits from wrong ones."""
    judged = [row for row in rows if row.kind in ("answerable", "not_stated")]
    found = []
    if {row.answerable for row in judged} == {True, False}:
        scores = np.array([row.confidence for row in judged])
        answerable = np.array([row.answerable for row in judged])
        wrong = ~np.array([is_right(row) for row in judged])
        found.append(_statistic("answerable against not stated: AUROC", auroc, scores, answerable, judged))
        if complete:
            area = area_under_risk_coverage
            found.append(_statistic("risk-coverage: AURC (lower is better)", area, scores, wrong, judged))
    answers = [row for row in judged if row.outcome is not None and not row.generic]
    if answers and complete:
        scores = np.array([row.confidence for row in answers])
        right = np.array([is_right(row) for row in answers])
        found.append(_statistic("score: Brier (lower is better)", brier, scores, right, answers))
        # No interval: drawing again adds noise to every bin, so its middle lies above the value.
        error = expected_calibration_error(list(scores), list(right))
        found.append(Figure("score: calibration error (lower is better)", error, len(answers)))
    return found


def is_right(row: Row) -> bool:
    """Whether its first hit answers."""
    return row.rank == 1


def _mean(name: str, values: Sequence[float], rows: Sequence[Row]) -> Figure:
    array = np.array(values)
    return Figure(name, float(array.mean()), len(array), *(interval(array, [row.policy for row in rows]) or ()))


def _statistic(
    name: str,
    statistic: Callable[[Sequence[float], Sequence[bool]], float],
    scores: np.ndarray,
    flags: np.ndarray,
    rows: Sequence[Row],
) -> Figure:
    between = interval_of(lambda drawn: statistic(scores[drawn], flags[drawn]), [row.policy for row in rows])
    return Figure(name, statistic(list(scores), list(flags)), len(rows), *(between or ()))


def table(found: Sequence[Figure]) -> str:
    """The figures as aligned text.

    >>> print(table([Figure("S@1", 0.5, 4, 0.25, 0.75), Figure("ask, ms, p50", 12.3, 4)]))
    figure        value       95 %      n
    S@1           0.500  .250-.750      4
    ask, ms, p50   12.3                 4
    """
    width = max((len(figure.name) for figure in found), default=6)
    lines = [f"{'figure':{width}}  {'value':>5}  {'95 %':>9}  {'n':>5}"]
    for figure in found:
        between = f"{_short(figure.low)}-{_short(figure.high)}" if figure.low is not None else ""
        lines.append(f"{figure.name:{width}}  {shown(figure):>5}  {between:>9}  {figure.n:>5}".rstrip())
    return "\n".join(lines)


def shown(figure: Figure) -> str:
    """Its value as people read it: milliseconds with one digit, shares with three, counts as they are."""
    if "questions" in figure.name:
        return f"{figure.value:.0f}"
    return f"{figure.value:.1f}" if ", ms" in figure.name else f"{figure.value:.3f}"


def _short(share: float | None) -> str:
    """A share without the zero before its point.

    >>> _short(0.25), _short(1.0)
    ('.250', '1.00')
    """
    text = f"{share:.3f}" if share is not None else ""
    return text[1:] if text.startswith("0.") else text[:4]


def by_name(found: Iterable[Figure]) -> dict[str, Figure]:
    """The figures by what they are called."""
    return {figure.name: figure for figure in found}


def success_at(ranked: Sequence[Row], k: int) -> float:
    """S@k of at least one row: the share with a relevant hit among the first `k`."""
    return sum(row.rank is not None and row.rank <= k for row in ranked) / len(ranked)


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(0.25), duration(75.2), duration(7260)
    ('0.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
