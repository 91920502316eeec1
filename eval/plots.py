"""Plots of runs, as SVG to stand inside a page: each is drawn over all runs of a task. It lays out no page.

Words in a plot may be a stranger's, so marks that would hide or turn them are shown by their number.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from itertools import cycle
from typing import TYPE_CHECKING, Literal

import numpy as np

from eval.figures import duration, is_right, success_at
from eval.measures import reliability, risk_coverage
from eval.run_folder import TaskRun
from eval.running import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from matplotlib.patches import Rectangle

_CURVE_POINTS = 200
# Controls, marks that turn the reading order, and halves of surrogate pairs, which no file can hold.
_TREACHEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Okabe & Ito's colours, told apart by the colour-blind; the style sheet has lighter ones for dark screens.
_RUN_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
# Paul Tol's "light" scheme, made for areas with black words on them.
_STAGE_COLOURS = ("#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00")
_OTHER_COLOUR = "#dddddd"
_INK, _MUTED, _RULE = "#1d2125", "#5f6770", "#dfe2e6"
_PAINTS = {
    **{colour: f"var(--run-{n},{colour})" for n, colour in enumerate(_RUN_COLOURS, start=1)},
    _INK: f"var(--ink,{_INK})",
    _MUTED: f"var(--muted,{_MUTED})",
    _RULE: f"var(--rule,{_RULE})",
}
_DRAWING = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _RULE,
    "grid.linewidth": 0.7,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "figure.facecolor": "none",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A task of one run, and how it is drawn wherever it stands."""

    run: str
    task: TaskRun
    number: int

    @property
    def colour(self) -> str:
        """Told apart by the colour-blind."""
        return _RUN_COLOURS[self.number % len(_RUN_COLOURS)]

    @property
    def marker(self) -> str:
        """What stands for a single point."""
        return _MARKERS[self.number % len(_MARKERS)]

    @property
    def dash(self) -> Literal["-", "--", ":", "-."]:
        """Another one once all colours are taken."""
        return _DASHES[(self.number // len(_RUN_COLOURS)) % len(_DASHES)]

    @property
    def ranked(self) -> list[Row]:
        """Its rows that ranking measures are taken of."""
        return [row for row in self.task.rows if row.ranked]


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with what it tells and how to read it; `notes` are figures that no line shows."""

    title: str
    caption: str
    svg: str
    notes: list[str]


def harmless(value: object) -> object:
    """`value`; of a text, characters that would hide or turn the words around them by number instead.

    >>> harmless("a\u202eb"), harmless(1)
    ('a[U+202E]b', 1)
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return _TREACHEROUS.sub(lambda mark: f"[U+{ord(mark[0]):04X}]", value)


def plots(lines: Sequence[Line]) -> Iterator[Plot]:
    """Those of them that the task's rows have data for."""
    asked = [line for line in lines if line.task.rows]
    ranked = [line for line in asked if any(row.hits for row in line.ranked)]
    if ranked:
        yield _success_plot(ranked)
    by_characters = [line for line in ranked if line.task.complete and _character_ks(line)]
    if by_characters:
        yield _precision_recall_plot(by_characters)
    judged = [line for line in asked if {row.answerable for row in _judged(line)} == {True, False}]
    if judged:
        yield _risk_coverage_plot(judged)
    with_probabilities = [line for line in asked if line.task.complete and _probabilities(line)]
    if with_probabilities:
        yield _calibration_plot(with_probabilities)
    if asked:
        yield _time_plot(asked)


def _judged(line: Line) -> list[Row]:
    return [row for row in line.task.rows if row.kind in ("answerable", "not_stated")]


def _probabilities(line: Line) -> list[Row]:
    """Rows whose confidence is a probability: only a system that judges outcomes claims one."""
    return [row for row in _judged(line) if row.outcome is not None and not row.generic]


def _character_ks(line: Line) -> list[int]:
    names = line.ranked[0].measures
    return sorted(int(name.removeprefix("char P@")) for name in names if name.startswith("char P@"))


def _mean(line: Line, measure: str) -> float:
    return float(np.mean([row.measures[measure] for row in line.ranked]))


def _success_plot(lines: Sequence[Line]) -> Plot:
    shares = {}
    for line in lines:
        depth = max(len(row.hits) for row in line.ranked)
        shares[line.run] = [success_at(line.ranked, k) for k in range(1, depth + 1)]

    def draw(canvas: "Canvas") -> None:
        axes = canvas.subplots()
        for line in lines:
            mine = shares[line.run]
            _draw_line(axes, line, range(1, len(mine) + 1), mine)
        depth = max(len(mine) for mine in shares.values())
        step = 1 if depth <= 12 else 5 * -(-depth // 50)
        axes.set(xlabel="k", ylabel="S@k", xticks=sorted({1, *range(step, depth + 1, step)}))
        _limit_shares(axes, [share for mine in shares.values() for share in mine])
        _add_legend(canvas, lines)

    told = [f"{run} {mine[0]:.3f} at k = 1 and {mine[-1]:.3f} at k = {len(mine)}" for run, mine in shares.items()]
    return Plot(
        "Found among the first k",
        "The share of questions with a passage that answers among the first k hits; higher is better, and the way "
        "from k = 1 to the end is what a better order could gain.",
        _svg(f"S@k {lines[0].task.name}", draw, height=_height(lines), alt="S@k against k: " + "; ".join(told)),
        [],
    )


def _precision_recall_plot(lines: Sequence[Line]) -> Plot:
    points = {
        line.run: [(k, _mean(line, f"char R@{k}"), _mean(line, f"char P@{k}")) for k in _character_ks(line)]
        for line in lines
    }

    def draw(canvas: "Canvas") -> None:
        axes = canvas.subplots()
        for line in lines:
            _, recalls, precisions = zip(*points[line.run], strict=True)
            _draw_line(axes, line, recalls, precisions)
        axes.set(xlabel="recall of labelled characters", ylabel="precision of shown characters")
        axes.margins(x=0.08, y=0.12)
        axes.set_ylim(bottom=0)
        _add_legend(canvas, lines)
        canvas.draw_without_rendering()  # only then it is known what lies beside what
        _number_points(axes, [(line, points[line.run]) for line in lines])

    told = [f"{run} {p:.3f} and {r:.3f} at k = {k}" for run, mine in points.items() for k, r, p in (mine[0], mine[-1])]
    return Plot(
        "Precision and recall by characters",
        "Each point is the mean over questions after k hits, the number beside it (where there is room); up and to the "
        "right is better: more of what is shown answers, and more of what answers is shown.",
        _svg(
            f"characters {lines[0].task.name}",
            draw,
            height=_height(lines),
            alt="Precision and recall of the first k hits by characters: " + "; ".join(told),
        ),
        [],
    )


def _risk_coverage_plot(lines: Sequence[Line]) -> Plot:
    curves = {}
    for line in lines:
        rows = _judged(line)
        curves[line.run] = risk_coverage([row.confidence for row in rows], [not is_right(row) for row in rows])

    def draw(canvas: "Canvas") -> None:
        axes = canvas.subplots()
        for line in lines:
            coverage, risk = (_thinned(values) for values in curves[line.run])
            _draw_line(axes, line, coverage, risk)
        axes.set(xlabel="coverage: share answered", ylabel="risk: share of these wrong", xlim=(0, 1))
        axes.set_ylim(bottom=0)
        _add_legend(canvas, lines)

    incomplete = not all(line.task.complete for line in lines)
    told = [
        f"{run} {np.interp(0.5, *curve):.3f} at half and {curve[1][-1]:.3f} at all" for run, curve in curves.items()
    ]
    return Plot(
        "Risk by coverage",
        "If only the questions of highest confidence were answered (from the left), this share of them would get a "
        "wrong first hit or an answer that no policy gives; lower is better, and a curve that rises from left to right "
        "means that confidence knows right from wrong."
        + (" Not every passage that answers is labelled, so the true risk is lower." if incomplete else ""),
        _svg(
            f"risk {lines[0].task.name}", draw, height=_height(lines), alt="Risk against coverage: " + "; ".join(told)
        ),
        [],
    )


def _thinned(values: np.ndarray) -> np.ndarray:
    """At most `_CURVE_POINTS` of `values`, the first and the last among them."""
    places = np.unique(np.linspace(0, len(values) - 1, _CURVE_POINTS).astype(int))
    thinned: np.ndarray = values[places]
    return thinned


def _calibration_plot(lines: Sequence[Line]) -> Plot:
    bins = {}
    for line in lines:
        rows = _probabilities(line)
        bins[line.run] = reliability([row.confidence for row in rows], [is_right(row) for row in rows])

    def draw(canvas: "Canvas") -> None:
        above, below = canvas.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        above.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        width = 0.08 / len(lines)
        for place, line in enumerate(lines):
            scores, shares, counts = zip(*bins[line.run], strict=True)
            _draw_line(above, line, scores, shares)
            # a mean may fall below its bin's edge by rounding
            lefts = [min(int(score * 10 + 1e-9), 9) / 10 + 0.01 + place * width for score in scores]
            below.bar(lefts, counts, width=width, align="edge", color=line.colour)
            if len(lines) == 1:
                for left, count in zip(lefts, counts, strict=True):
                    below.annotate(
                        str(count),
                        (left + width / 2, count),
                        xytext=(0, 1),
                        textcoords="offset points",
                        ha="center",
                        fontsize=8,
                    )
        for line in lines:
            known = _thresholds(line)
            for name in known.keys() & {"unclear_from", "answered_from"}:
                above.axvline(known[name], color=line.colour, linewidth=0.8)
        above.set(ylabel="share right", xlim=(0, 1), ylim=(-0.03, 1.03))
        below.set(xlabel="score", ylabel="questions", xticks=np.linspace(0, 1, 6))
        below.grid(visible=False, axis="x")
        below.margins(y=0.25)
        _add_legend(canvas, lines)

    told = [
        f"{run} " + ", ".join(f"{share:.2f} right at {score:.2f} (n = {n})" for score, share, n in mine)
        for run, mine in bins.items()
    ]
    return Plot(
        "Calibration of the score",
        "Of questions with about one score, the share whose first hit answers, over how many they are; on the dashed "
        "line a score is a probability, below it promises too much. Upright lines: from "
        "where on it is unclear, and answered. "
        + "; ".join(f"{line.run}: {name} {value:.3f}" for line in lines for name, value in _thresholds(line).items()),
        _svg(
            f"calibration {lines[0].task.name}",
            draw,
            height=_height(lines) + 0.7,
            alt="Share right by score: " + "; ".join(told),
        ),
        [],
    )


def _thresholds(line: Line) -> dict[str, float]:
    known = line.task.manifest.get("thresholds")
    return dict(known) if isinstance(known, dict) else {}


def _time_plot(lines: Sequence[Line]) -> Plot:
    means = {line.run: _mean_stages_ms(line.task.rows) for line in lines}
    measured = dict.fromkeys(stage for mine in means.values() for stage in mine if stage != "other")
    colours = dict(zip(measured, cycle(_STAGE_COLOURS), strict=False)) | {"other": _OTHER_COLOUR}
    longest = max(sum(mine.values()) for mine in means.values()) or 1.0

    def draw(canvas: "Canvas") -> None:
        axes = canvas.subplots()
        handles: dict[str, Rectangle] = {}
        for place, line in enumerate(lines):
            mine, left = means[line.run], 0.0
            for stage, colour in colours.items():
                width = mine.get(stage, 0.0)
                drawn = axes.barh(place, width, left=left, height=0.5, color=colour)
                handles.setdefault(stage, drawn[0])
                if width > longest * 0.09:
                    axes.text(left + width / 2, place, f"{width:.1f}", ha="center", va="center", size=9, color="black")
                left += width
            axes.text(left + longest * 0.015, place, f"{left:.1f} ms", va="center", size=9)
            axes.text(0, place - 0.32, _short(line.run), va="bottom", size=9.5)
        axes.set(xlabel="mean time of a question, ms", yticks=[], xlim=(0, longest * 1.2))
        axes.set_ylim(len(lines) - 0.6, -0.75)
        axes.spines["left"].set_visible(False)
        named = [_short(stage, chars=14) for stage in handles]
        canvas.legend(handles.values(), named, loc="outside lower left", ncols=3, handlelength=1.4)

    told = [
        f"{run} " + ", ".join(f"{stage} {took:.1f} ms" for stage, took in mine.items()) for run, mine in means.items()
    ]
    return Plot(
        "Where the time goes",
        "The mean time of a question by stage; the longest part of the bar is where to look first.",
        _svg(
            f"time {lines[0].task.name}",
            draw,
            height=1.35 + 0.52 * len(lines) + 0.21 * ((len(colours) - 1) // 3),
            alt="Mean time by stage: " + "; ".join(told),
        ),
        [
            f"{line.run}: " + ", ".join(f"{what} {duration(took)}" for what, took in line.task.seconds.items())
            for line in lines
            if line.task.seconds
        ],
    )


def _mean_stages_ms(rows: Sequence[Row]) -> dict[str, float]:
    """By stage in the order that they run in; "other" is what no stage took."""
    totals = dict.fromkeys((stage for row in rows for stage in row.stages_ms), 0.0)
    for row in rows:
        for stage, took_ms in row.stages_ms.items():
            totals[stage] += took_ms
    totals["other"] = totals.get("other", 0.0) + max(0.0, sum(row.took_ms for row in rows) - sum(totals.values()))
    return {stage: total / len(rows) for stage, total in totals.items()}


def _draw_line(axes: "Axes", line: Line, x: Iterable[float], y: Sequence[float] | np.ndarray) -> None:
    """A line with its marker on each point, or on some of many."""
    every = 1 if len(y) <= 16 else len(y) // 7
    axes.plot(
        list(x),
        list(y),
        color=line.colour,
        linestyle=line.dash,
        marker=line.marker,
        markevery=(line.number * every // 4 % every, every),
        clip_on=False,
    )


def _number_points(axes: "Axes", numbered: Sequence[tuple[Line, Sequence[tuple[int, float, float]]]]) -> None:
    """Each point's number beside it, where no other number stands: the ends first, as they tell most."""
    taken: list[np.ndarray] = []
    for place, (line, points) in enumerate(numbered):
        side = 1 if place % 2 == 0 else -1
        for number, x, y in [points[0], points[-1], *points[1:-1]]:
            at = axes.transData.transform((x, y)) + 9.0 * side
            if any(np.abs(at - other).max() < 17 for other in taken):
                continue
            taken.append(at)
            axes.annotate(
                str(number),
                (x, y),
                xytext=(6.5 * side, 6.5 * side),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=8.5,
                color=line.colour,
            )


def _limit_shares(axes: "Axes", shares: Sequence[float]) -> None:
    """From the tenth below the lowest to the tenth above the highest."""
    low, high = np.floor(min(shares) * 10) / 10, np.ceil(max(shares) * 10) / 10
    axes.set_ylim(max(0.0, low - 0.02), max(high, low + 0.1) + 0.02)


def _height(lines: Sequence[Line]) -> float:
    """Inches: a drawing and a line of its legend for each run."""
    return 2.6 + 0.21 * len(lines)


def _add_legend(canvas: "Canvas", lines: Sequence[Line]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=line.colour, linestyle=line.dash, marker=line.marker) for line in lines]
    canvas.legend(handles, [_short(line.run) for line in lines], loc="outside lower left")


def _short(name: str, *, chars: int = 46) -> str:
    """`name` as it may stand in a drawing: it has no room to break lines."""
    plain = str(harmless(name)).replace("\n", " ")
    return plain if len(plain) <= chars else plain[: chars - 1] + "…"


def _svg(name: str, draw: "Callable[[Canvas], None]", *, height: float, alt: str) -> str:
    """What `draw` draws as an element for the page; its colours follow the page's, its words are the page's font.

    Args:
        name: unique in the page, as the ids inside depend on it.
        height: in inches, of a width of 4.8.
    """
    import matplotlib.style
    from markupsafe import Markup
    from matplotlib.figure import Figure as Canvas

    file = StringIO()
    with matplotlib.style.context(["default", _DRAWING, {"svg.hashsalt": ascii(name)}]), warnings.catch_warnings():
        # the reader's browser has the letters: here they are only measured
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Canvas(figsize=(4.8, height), layout="constrained")
        draw(canvas)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        canvas.savefig(file, format="svg", metadata=nothing)
    drawing = file.getvalue()
    body = drawing[drawing.index(">", drawing.index("<svg")) + 1 :]
    body = re.sub(r"<style.*?</style>|\s+(?=<)", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body).replace("xlink:href", "href").replace("'DejaVu Sans'", "sans-serif")
    for colour, paint in _PAINTS.items():
        body = body.replace(colour, paint)
    opening = f'<svg viewBox="0 0 {4.8 * 72:g} {height * 72:g}" role="img" aria-label="{escape(str(harmless(alt)))}">'
    return Markup(opening + body)  # noqa: S704 its words were escaped by matplotlib and here
