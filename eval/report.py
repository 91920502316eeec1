"""Runs become one HTML page: figures, plots, and the questions that went worst. It asks and measures nothing.

The page needs nothing beside itself, and no script. Policies and questions are strangers' text: they are escaped, and
marks that would hide or turn words are shown by their number. One input gives the same bytes each time.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eval.figures import ANSWERED, Figure, by_name, duration, is_right, shown, success_at
from eval.plots import Line, Plot, harmless, plots
from eval.run_folder import Run, RunError
from eval.running import FoundHit, Row, Shown

if TYPE_CHECKING:
    from jinja2 import Environment

_WORST = 25
_WORST_OUTCOMES = 10
_SOFT_CHARS = 700
_HARD_CHARS = 2_500
_LOWER_IS_BETTER = ("lower is better", ", ms", "wrong-company", "wrongly", "returned twice", "got nothing")


@dataclass(frozen=True, slots=True)
class _Fact:
    """One thing that a run says of itself; `differs` where another run says otherwise."""

    name: str
    value: str
    differs: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    value: str
    interval: str
    best: bool


@dataclass(frozen=True, slots=True)
class _FigureRow:
    name: str
    lower_is_better: bool
    cells: list[_Cell | None]
    n: str


@dataclass(frozen=True, slots=True)
class _Topic:
    name: str
    n: int
    missed: int
    success_at_1: float
    success_at_3: float
    refused: float | None


@dataclass(frozen=True, slots=True)
class _Retrieved:
    hit: FoundHit
    shown: Shown
    other_company: bool


@dataclass(frozen=True, slots=True)
class _Failure:
    row: Row
    verdict: str
    told: list[str]
    retrieved: list[_Retrieved]


@dataclass(frozen=True, slots=True)
class _Failures:
    title: str
    caption: str
    listed: list[_Failure]
    of: int


@dataclass(frozen=True, slots=True)
class _Section:
    """A task of every run that has it.

    Attributes:
        comparable: whether all runs were asked the same questions of the same documents.
        detailed: the first run that has the task, whose topics and failures are listed.
    """

    name: str
    anchor: str
    comparable: bool
    complete: bool
    lines: list[Line]
    detailed: str
    figures: list[_FigureRow]
    plots: list[Plot]
    topics: list[_Topic]
    failures: list[_Failures]


def write_report(runs: Sequence[Run], out: Path) -> None:
    """The page about `runs` as the file `out`, which is whole or as it was before.

    Raises:
        RunError: it cannot be written, or what draws it is not installed.
    """
    page = html(runs)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.unfinished")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(page, encoding="utf-8", newline="\n")
        unfinished.replace(out)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise RunError(f"{out}: could not be written ({error})") from error


def html(runs: Sequence[Run]) -> str:
    """The page about `runs`; plots lay them over each other, and details are of the first.

    Raises:
        RunError: Jinja2 or matplotlib is not installed.
        ValueError: there is no run.
    """
    if not runs:
        raise ValueError("a report needs a run, got none")
    names = _told_apart([run.name for run in runs])
    lines = [Line(name, task, n) for n, (name, run) in enumerate(zip(names, runs, strict=True)) for task in run.tasks]
    tasks = dict.fromkeys(line.task.name for line in lines)
    try:
        sections = [
            _section(f"task-{n}", [line for line in lines if line.task.name == name])
            for n, name in enumerate(tasks, start=1)
        ]
        page = _environment().get_template("report.html.jinja")
    except ModuleNotFoundError as error:
        raise RunError(f"a report needs {error.name}: install askpolicy with its extra `eval`") from error
    return page.render(runs=list(zip(names, _facts(runs), strict=True)), sections=sections)


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["softly_cut"] = _softly_cut
    return environment


def _softly_cut(text: str) -> tuple[str, str, int]:
    """(what is read at once, what is read on demand, how many characters are left out), the first cut after a word.

    >>> _softly_cut("short")
    ('short', '', 0)
    >>> [len(part) for part in _softly_cut("word " * 200)[:2]]
    [699, 301]
    """
    if len(text) <= _SOFT_CHARS * 1.15:  # a rest of a line is not worth a click
        return text, "", 0
    space = text.rfind(" ", _SOFT_CHARS * 2 // 3, _SOFT_CHARS)
    at = space if space > 0 else _SOFT_CHARS
    return text[:at], text[at:_HARD_CHARS], max(0, len(text) - _HARD_CHARS)


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names, those that stand twice with a number.

    >>> _told_apart(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    return [f"{name} ({names[: n + 1].count(name)})" if name in names[:n] else name for n, name in enumerate(names)]


def _facts(runs: Sequence[Run]) -> list[list[_Fact]]:
    """What each run says of itself, in one order."""
    told = [_told(run) for run in runs]
    names = dict.fromkeys(name for facts in told for name in facts)
    unequal = {name for name in names if len({facts.get(name, "") for facts in told}) > 1} - {"started", "took"}
    return [[_Fact(name, facts[name], name in unequal) for name in names if facts.get(name)] for facts in told]


def _told(run: Run) -> dict[str, str]:
    facts = {"started": run.started_at, "took": duration(run.wall_s)}
    facts |= {name.replace("_", " "): _plain(value) for name, value in run.settings.items()}
    return facts | {name: _plain(value) for name, value in run.made_with.items()}


def _plain(value: object) -> str:
    """A setting as people write it; nothing for what is not set.

    >>> _plain({"torch": "2.13.0", "faiss-cpu": None}), _plain(["dev", "test"]), _plain(True)
    ('torch 2.13.0', 'dev, test', 'yes')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain}" for name, listed in value.items() if (plain := _plain(listed)))
    if isinstance(value, list | tuple):
        return ", ".join(dict.fromkeys(_plain(listed) for listed in value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{40,}", text) else text


def _section(anchor: str, lines: list[Line]) -> _Section:
    first = lines[0]
    asked = {(line.task.data_hash, frozenset(row.id for row in line.task.rows)) for line in lines}
    return _Section(
        name=first.task.name,
        anchor=anchor,
        comparable=len(asked) == 1,
        complete=all(line.task.complete for line in lines),
        lines=lines,
        detailed=first.run,
        figures=_figure_rows([by_name(line.task.figures) for line in lines], best=len(asked) == 1),
        plots=list(plots(lines)),
        topics=_topics(first.ranked),
        failures=list(_failures(first.task.rows)),
    )


def _figure_rows(found: Sequence[Mapping[str, Figure]], *, best: bool) -> list[_FigureRow]:
    """A row for each figure that some run has.

    Args:
        best: whether the best of each row is marked.
    """
    rows = []
    for name in dict.fromkeys(name for figures in found for name in figures):
        listed = [figures.get(name) for figures in found]
        lower = any(words in name for words in _LOWER_IS_BETTER)
        marked = _best([figure for figure in listed if figure], lower=lower) if best else ""
        cells = [_cell(figure, marked) if figure else None for figure in listed]
        ns = dict.fromkeys(str(figure.n) for figure in listed if figure)
        rows.append(_FigureRow(name, lower, cells, " / ".join(ns)))
    return rows


def _cell(figure: Figure, best: str) -> _Cell:
    return _Cell(shown(figure), _interval(figure), shown(figure) == best)


def _best(figures: Sequence[Figure], *, lower: bool) -> str:
    """The best value as it is shown; nothing where all are shown alike."""
    if len({shown(figure) for figure in figures}) < 2:
        return ""
    return shown((min if lower else max)(figures, key=lambda figure: figure.value))


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None or not figure.low < figure.high:
        return ""
    return f"{figure.low:.3f}–{figure.high:.3f}"


def _topics(ranked: Sequence[Row]) -> list[_Topic]:
    """Those that lose or refuse a question; where most are lost comes first."""
    found = []
    for name in sorted({row.topic for row in ranked if row.topic}):
        mine = [row for row in ranked if row.topic == name]
        judged = [row for row in mine if row.outcome]
        found.append(
            _Topic(
                name,
                n=len(mine),
                missed=sum(not is_right(row) for row in mine),
                success_at_1=success_at(mine, 1),
                success_at_3=success_at(mine, 3),
                refused=sum(row.outcome != ANSWERED for row in judged) / len(judged) if judged else None,
            )
        )
    found = [topic for topic in found if topic.missed or topic.refused]
    return sorted(found, key=lambda topic: (-topic.missed, topic.success_at_1, topic.name))


def _failures(rows: Sequence[Row]) -> Iterator[_Failures]:
    """The lists of what went worst that have an entry."""
    missed = [row for row in rows if row.ranked and not is_right(row)]
    answered = [row for row in rows if row.kind == "not_stated" and row.outcome == ANSWERED]
    refused = [row for row in rows if row.kind == "answerable" and row.outcome not in (ANSWERED, None)]
    lists = (
        (
            "Wrong first hit",
            "It does not answer: another company's are listed first, then what was not found, then the lowest ranks.",
            sorted(missed, key=_how_bad),
            _WORST,
        ),
        (
            "Answered, but not stated",
            "No policy says it, and yet it was answered; the surest first.",
            sorted(answered, key=_how_sure),
            _WORST_OUTCOMES,
        ),
        (
            "Refused, but answerable",
            "A passage answers it, and yet no answer was given; the surest first.",
            sorted(refused, key=_how_sure),
            _WORST_OUTCOMES,
        ),
    )
    for title, caption, worst, most in lists:
        if worst:
            yield _Failures(title, caption, [_failure(row) for row in worst[:most]], of=len(worst))


def _how_bad(row: Row) -> tuple[bool, bool, int, float, str]:
    """Sorts the worst first."""
    return (not _other_company(row, row.hits[:1]), row.rank is not None, -(row.rank or 0), -row.confidence, row.id)


def _how_sure(row: Row) -> tuple[float, str]:
    """Sorts the surest first."""
    return (-row.confidence, row.id)


def _other_company(row: Row, hits: Sequence[FoundHit]) -> bool:
    return bool(row.named) and any(hit.company not in row.named for hit in hits)


def _failure(row: Row) -> _Failure:
    """`row` with what is said of it where it is still closed."""
    rank = f"rank {row.rank}" if row.rank else "not found"
    told = [row.outcome] if row.outcome else []
    verdict = rank if row.answerable else "nothing to find"
    if row.answerable and _other_company(row, row.hits[:1]):
        verdict = "other company"
        told.append(rank)
    pairs = zip(row.hits, row.shown, strict=False)
    return _Failure(
        row,
        verdict,
        [*told, f"score {row.confidence:.3f}"],
        [_Retrieved(hit, text, _other_company(row, [hit])) for hit, text in pairs],
    )
