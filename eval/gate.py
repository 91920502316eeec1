"""The gate that a change must pass: a fixed slice of questions, and floors a little under what was measured.

`gate.json` keeps for each slice its questions with what they got when the floors were set, so that a fall is told
with the questions that got worse. `python -m eval gate --write` sets it anew; a floor that sinks wants a reason.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from eval.figures import by_name, right_outcome
from eval.questions import LabelError, Task
from eval.run_folder import TaskRun
from eval.running import WRONG_COMPANY, Row

GATE = Path(__file__).with_name("gate.json")
# How far a figure may fall before it is told: about three questions of the slices' hundred, or noise would fail.
_MARGIN = 0.03
_GUARDED = (
    "answerable: S@1",
    "answerable: S@3",
    "answerable: right outcome",
    "several: right outcome",
    "follow_up: S@1",
    "not_stated: right outcome",
    "unknown_company: right outcome",
    "out_of_scope: right outcome",
    "answerable against not stated: AUROC",
)
# Not one hit of a company that was not asked about, whatever else changes.
_CEILINGS = ("wrong-company@5, companies named",)


@dataclass(frozen=True, slots=True)
class Slice:
    """A task's questions that are asked, and what is expected of them.

    Attributes:
        expected: for each question's id the rank of its first relevant hit (None: there was none, or it has no
            label), whether its outcome was right, and its wrong-company@5.
        floors, ceilings: by figure's name.
    """

    task: str
    setting: str
    expected: Mapping[str, tuple[int | None, bool, float]]
    floors: Mapping[str, float]
    ceilings: Mapping[str, float]


def slices(path: Path = GATE) -> list[Slice]:
    """The slices kept in `path`.

    Raises:
        LabelError: it cannot be read.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["slices"]
        if not kept:
            raise ValueError("it holds no slice")
        return [
            Slice(
                entry["task"],
                entry["setting"],
                {name: (rank, right, wrong) for name, (rank, right, wrong) in entry["expected"].items()},
                entry["floors"],
                entry["ceilings"],
            )
            for entry in kept
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabelError(f"{path}: no gate ({error!r}); set it with `python -m eval gate --write`") from error


def sliced(task: Task, wanted: Slice) -> Task:
    """`task` with the slice's questions alone.

    Raises:
        LabelError: one of them is not in it.
    """
    here = {question.id for question in task.questions if question.split == "dev"}
    lost = [name for name in wanted.expected if name not in here]
    if lost:
        raise LabelError(f"{task.name}: the gate asks {lost[0]!r}, which is gone from dev; set it anew with --write")
    return replace(task, questions=tuple(q for q in task.questions if q.id in wanted.expected))


def fallen(measured: TaskRun, wanted: Slice) -> list[str]:
    """What fell through, a line each: figures first, then the questions that got worse. Empty if the gate is passed."""
    found = by_name(measured.figures)
    lines = []
    for name, floor in wanted.floors.items():
        value = found[name].value if name in found else 0.0
        if value < floor:
            lines.append(f"{wanted.task}: {name} is {value:.3f}, expected at least {floor:.3f}")
    for name, ceiling in wanted.ceilings.items():
        value = found[name].value if name in found else 0.0
        if value > ceiling:
            lines.append(f"{wanted.task}: {name} is {value:.3f}, expected at most {ceiling:.3f}")
    return lines + _got_worse(measured.rows, wanted) if lines else []


def _got_worse(rows: Sequence[Row], wanted: Slice) -> list[str]:
    lines = []
    for row in rows:
        rank, right, wrong = wanted.expected[row.id]
        fell = rank is not None and (row.rank is None or row.rank > rank)
        strayed = row.measures.get(WRONG_COMPANY, 0.0) > wrong
        if fell or strayed or (right and not right_outcome(row)):
            was = f"rank {rank or 'none'}, {'right' if right else 'wrong'} outcome"
            another = ", another company's hits" if strayed else ""
            lines.append(
                f"  worse: {row.id} was {was}, is rank {row.rank or 'none'}, {row.outcome}{another}: {row.text}"
            )
    return lines


def set_anew(measured: TaskRun) -> Slice:
    """A slice with floors a little under what was measured."""
    found = by_name(measured.figures)
    floors = {name: round(max(0.0, found[name].value - _MARGIN), 3) for name in _GUARDED if name in found}
    ceilings = {name: round(found[name].value, 3) for name in _CEILINGS if name in found}
    expected = {
        row.id: (row.rank, right_outcome(row), round(row.measures.get(WRONG_COMPANY, 0.0), 3)) for row in measured.rows
    }
    return Slice(measured.task, measured.setting, expected, floors, ceilings)


def write(kept: Sequence[Slice], path: Path = GATE) -> None:
    """`kept` in `path`, a question a line."""
    text = json.dumps({"slices": [asdict(entry) for entry in kept]}, indent=1)
    # a question a line, so that a change of one is a line that changes
    path.write_text(re.sub(r"\[\s*(\w+),\s*(\w+),\s*([\d.]+)\s*\]", r"[\1, \2, \3]", text) + "\n", encoding="utf-8")
