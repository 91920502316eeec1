"""Two runs of the same questions, side by side: paired differences, and the questions that changed most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.figures import means_something, right_outcome
from eval.measures import interval
from eval.run_folder import Run, RunError, TaskRun
from eval.running import Row

RIGHT_OUTCOME = "right outcome"


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure's means over the same `n` questions, and the mean of the differences with its 95 % interval.

    `low` and `high` are None where the questions are of a single policy.
    """

    measure: str
    n: int
    before: float
    after: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """What was added."""
        return self.after - self.before

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One task of two runs.

    Attributes:
        only_before, only_after: questions that one run alone asked; they count nowhere.
        same_pool: whether both searched the same documents.
        changed: pairs of rows that got better or worse, those that changed most first.
    """

    name: str
    differences: tuple[Difference, ...]
    changed: tuple[tuple[Row, Row], ...]
    only_before: int
    only_after: int
    same_pool: bool


def compare(before: Run, after: Run) -> list[Comparison]:
    """Every task that both runs have, in the order of `before`.

    Raises:
        RunError: they share no task, or the data of one that they share is not the same.
    """
    later = {task.name: task for task in after.tasks}
    shared = [(task, later[task.name]) for task in before.tasks if task.name in later]
    if not shared:
        raise RunError(
            f"{before.name} has {_listed(before)}, {after.name} has {_listed(after)}: expected a task in both"
        )
    return [_compared(one, other) for one, other in shared]


def _listed(run: Run) -> str:
    return ", ".join(task.name for task in run.tasks) or "no task"


def _compared(before: TaskRun, after: TaskRun) -> Comparison:
    if before.data_hash != after.data_hash:
        raise RunError(
            f"{before.name}: the two runs had other documents, questions or labels "
            f"({before.data_hash[:12]} and {after.data_hash[:12]}): run both again on the same data"
        )
    later = {row.id: row for row in after.rows}
    pairs = [(row, later[row.id]) for row in before.rows if row.id in later]
    if not pairs:
        raise RunError(f"{before.name}: the two runs share no question; run both with the same --limit and --seed")
    differences = []
    names = dict.fromkeys(name for one, other in pairs for name in one.measures if name in other.measures)
    for name in names:
        if means_something(name, complete=before.complete):
            both = [(one, other) for one, other in pairs if name in one.measures and name in other.measures]
            values = [(one.measures[name], other.measures[name]) for one, other in both]
            differences.append(_difference(name, [one for one, _ in both], values))
    judged = [(one, other) for one, other in pairs if one.outcome is not None and other.outcome is not None]
    if judged:
        outcomes = [(float(right_outcome(one)), float(right_outcome(other))) for one, other in judged]
        differences.append(_difference(RIGHT_OUTCOME, [one for one, _ in judged], outcomes))
    changed = sorted((pair for pair in pairs if change(*pair)), key=lambda pair: (-abs(change(*pair)), pair[0].id))
    return Comparison(
        before.name,
        tuple(differences),
        tuple(changed),
        len(before.rows) - len(pairs),
        len(after.rows) - len(pairs),
        before.pool_hash == after.pool_hash,
    )


def change(before: Row, after: Row) -> float:
    """How much better a question got, in [-2, 2]: its reciprocal rank, and whether the outcome is right."""
    gained = after.measures.get("MRR@10", 0.0) - before.measures.get("MRR@10", 0.0)
    if before.outcome is not None and after.outcome is not None:
        gained += float(right_outcome(after)) - float(right_outcome(before))
    return gained


def _difference(name: str, rows: Sequence[Row], values: Sequence[tuple[float, float]]) -> Difference:
    array = np.array(values)
    low, high = interval(array[:, 1] - array[:, 0], [row.policy for row in rows]) or (None, None)
    return Difference(name, len(array), float(array[:, 0].mean()), float(array[:, 1].mean()), low, high)


def comparison_text(found: Comparison, *, most: int = 20) -> str:
    """The comparison as aligned text, with the `most` questions that changed most."""
    width = max((len(entry.measure) for entry in found.differences), default=7)
    lines = [found.name, f"{'measure':{width}}  before  after  difference  95 %                 n"]
    lines += [
        f"{entry.measure:{width}}  {entry.before:6.3f} {entry.after:6.3f}  {entry.difference:+10.3f}  "
        f"{_between(entry):17} {entry.n:>4}{' *' if entry.certain else ''}"
        for entry in found.differences
    ]
    lines.append("* the interval, over policies, leaves out zero")
    if not found.same_pool:
        lines.append("the two runs searched other documents")
    if found.only_before or found.only_after:
        lines.append(f"not in both, so not counted: {found.only_before} before, {found.only_after} after")
    worse = sum(change(*pair) < 0 for pair in found.changed)
    lines.append(f"{len(found.changed) - worse} questions got better, {worse} worse; those that changed most:")
    for before, after in found.changed[:most]:
        sign = "better" if change(before, after) > 0 else "worse "
        lines.append(f"  {sign} {before.id}: {_told(before)} -> {_told(after)}  {after.text}")
    return "\n".join(lines)


def _between(entry: Difference) -> str:
    return f"{entry.low:+.3f} to {entry.high:+.3f}" if entry.low is not None else "(one policy)"


def unlike(before: Run, after: Run) -> list[str]:
    """What else than the answers differs between the runs, a line each: settings, and tasks that one of them lacks."""
    names = dict.fromkeys([*before.settings, *after.settings])
    lines = [
        f"{name}: {before.settings.get(name)} before, {after.settings.get(name)} after"
        for name in names
        if before.settings.get(name) != after.settings.get(name)
    ]
    theirs = {task.name for task in before.tasks} ^ {task.name for task in after.tasks}
    return lines + [f"in one run alone, so not compared: {name}" for name in sorted(theirs)]


def _told(row: Row) -> str:
    """What a question got, in a word or two."""
    place = f"rank {row.rank}" if row.rank else "no rank"
    return f"{place}, {row.outcome}" if row.outcome else place
