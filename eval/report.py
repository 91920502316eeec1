"""Rows become a table that people read: each figure with its n, by kind of question. It measures nothing new."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.measures import interval, reciprocal_rank, success_at, wrong_company_at
from eval.running import Row
from qa.answers import Outcome

EXPECTED = {
    "answerable": Outcome.ANSWERED,
    "several": Outcome.ANSWERED,
    "follow_up": Outcome.ANSWERED,
    "not_stated": Outcome.NOT_STATED,
    "unknown_company": Outcome.UNKNOWN_COMPANY,
    "out_of_scope": Outcome.OUT_OF_SCOPE,
}


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
    question = row.question
    if question.kind == "unknown_company":
        return bool(row.unknown) and (row.outcome is Outcome.UNKNOWN_COMPANY or bool(question.policy_files))
    expected = EXPECTED[question.kind]
    if expected is Outcome.ANSWERED and not question.answerable:
        expected = Outcome.NOT_STATED
    return row.outcome is expected


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Every figure of a run, retrieval first, then outcomes by kind, then time."""
    found: list[Figure] = []
    for kind in ("answerable", "several", "follow_up"):
        mine = [row for row in rows if row.question.kind == kind and row.question.answerable]
        if mine:
            found += _retrieval(kind, mine)
    named = [
        row for row in rows if row.named and row.question.kind in ("answerable", "not_stated", "several", "follow_up")
    ]
    if named:
        wrong = wrong_company_at([row.companies for row in named], [row.named for row in named], 5)
        found.append(Figure("wrong-company@5, companies named", float(wrong.mean()), len(named)))
    for kind in EXPECTED:
        mine = [row for row in rows if row.question.kind == kind]
        if mine:
            found.append(
                Figure(f"{kind}: right outcome", float(np.mean([right_outcome(row) for row in mine])), len(mine))
            )
    answerable = [row for row in rows if row.question.kind == "answerable"]
    if answerable:
        refused = [row.outcome is not Outcome.ANSWERED for row in answerable]
        found.append(Figure("answerable: wrongly refused", float(np.mean(refused)), len(answerable)))
    times = [row.took_ms for row in rows]
    found += [Figure(f"ask, ms, p{p}", float(np.percentile(times, p)), len(times)) for p in (50, 95)]
    return found


def _retrieval(kind: str, rows: Sequence[Row]) -> list[Figure]:
    ranks = [row.rank for row in rows]
    groups = [row.question.policy_files[0] if row.question.policy_files else row.question.id for row in rows]
    measured = {
        "S@1": success_at(ranks, 1),
        "S@3": success_at(ranks, 3),
        "MRR@10": reciprocal_rank(ranks),
        "first hit quotes it": np.array([float(row.quoted) for row in rows]),
    }
    return [
        Figure(f"{kind}: {name}", float(values.mean()), len(values), *interval(values, groups))
        for name, values in measured.items()
    ]


def table(found: Sequence[Figure]) -> str:
    """The figures as aligned text.

    >>> print(table([Figure("S@1", 0.5, 4, 0.25, 0.75), Figure("ask, ms, p50", 12.3, 4)]))
    figure        value        95 %      n
    S@1           0.500   .250-.750      4
    ask, ms, p50   12.3                  4
    """
    width = max(len(figure.name) for figure in found)
    lines = [f"{'figure':{width}}  {'value':>5}  {'95 %':>10}  {'n':>5}"]
    for figure in found:
        value = f"{figure.value:.1f}" if "ms" in figure.name else f"{figure.value:.3f}"
        between = f"{figure.low:.3f}-{figure.high:.3f}".replace("0.", ".") if figure.low is not None else ""
        lines.append(f"{figure.name:{width}}  {value:>5}  {between:>10}  {figure.n:>5}".rstrip())
    return "\n".join(lines)
