"""`python -m eval`: measure the running code on labelled questions. `--help` tells the rest."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from eval.compare import compare as compared
from eval.compare import comparison_text, unlike
from eval.figures import right_outcome, table
from eval.gate import GATE, fallen, set_anew, sliced, slices, write
from eval.measuring import Options, checked, measure
from eval.questions import SPLITS, LabelError, Setting, Task
from eval.run_folder import Run, RunError, TaskRun, check_place, made_with, read_run, write_run
from eval.running import DEPTH, Row
from eval.systems import SYSTEMS, UNITS
from eval.tasks import SOURCES, TaskSource, source
from eval.vector_cache import CachedEmbedder
from index.embedding import DEFAULT_MODEL, Embedder, open_embedder
from index.errors import AskPolicyError
from qa.judgement import CALIBRATION
from qa.reading.reader import SHIPPED, open_reader

_CONSOLE = Console(stderr=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FOLDER_THERE = click.Path(path_type=Path, file_okay=False, exists=True)
_GATED_POLICIES_EVERY = 6

_data_option = click.option(
    "--data",
    type=_FOLDER_THERE,
    multiple=True,
    envvar="ASKPOLICY_EVAL_DATA",
    help="A folder of labelled sets, see `python -m eval tasks`; may be given again.",
)
_model_option = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="An embedding model by name or folder."
)
_reader_option = click.option(
    "--reader", default=SHIPPED, show_default=True, help="What reads the best passages: none, or a folder of another."
)
_cache_option = click.option(
    "--cache/--no-cache", default=True, show_default=True, help="Keep vectors of passages between runs."
)


@click.group(invoke_without_command=True)
@click.option("--split", type=click.Choice(["dev", "test", "both"]), default="both", show_default=True)
@_model_option
@_reader_option
@click.option("--failures", is_flag=True, help="Print the dev questions that went wrong, with what they got.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def main(context: click.Context, *, split: str, model: str, reader: str, failures: bool, as_json: bool) -> None:
    """Measure the running code on labelled questions; without a command, on those about the five sample policies."""
    _needs_extra()
    if context.invoked_subcommand:
        given = [name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
        if given:
            raise click.UsageError(
                f"--{given[0].replace('as_', '')} stands before {context.invoked_subcommand}: put it behind"
            )
        return
    splits = ("dev", "test") if split == "both" else (split,)
    task = source("sample").load(())
    embedder = open_embedder(model)
    runs = []
    for name in splits:
        with _progress() as progress:
            options = Options(split=name)
            runs.append(
                measure(task, options, embedder=embedder, reader=open_reader(reader), progress=progress("sample"))
            )
    if as_json:
        print(json.dumps({run.split: [asdict(figure) for figure in run.figures] for run in runs}, indent=1))
        return
    for run in runs:
        print(f"\n{run.split}\n{table(run.figures)}")
        if failures and run.split == "dev":
            _print_failures(run.rows)


@main.command()
@_data_option
def tasks(*, data: tuple[Path, ...]) -> None:
    """List the sets of labelled questions: what each is, where it comes from, and whether its data is there."""
    for entry in SOURCES:
        found = "part of this project" if not entry.folders else entry.found_in(data) or "not there"
        print(f"{entry.name}\n  {entry.about}\n  data: {found}\n  from: {entry.origin}\n  licence: {entry.licence}")
        print(f"  splits: {', '.join(entry.splits)}")


@main.command()
@click.argument("names", metavar="[TASK]...", nargs=-1)
@click.option("--task", "more_names", multiple=True, metavar="TASK", help="The same as an argument.")
@_data_option
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/TIME-SYSTEM]")
@click.option("--system", type=click.Choice(SYSTEMS), default=SYSTEMS[0], show_default=True, help="What is measured.")
@click.option(
    "--units",
    type=click.Choice(UNITS),
    default=UNITS[0],
    show_default=True,
    help="Passages as this project splits policies, or as the set's authors did.",
)
@click.option("--setting", type=click.Choice([*map(str, Setting), "both"]), help="[default: each task's usual one]")
@click.option("--split", type=str, help=f"One of {', '.join(SPLITS)}.  [default: dev, or the only one]")
@click.option("--limit", type=click.IntRange(min=1), help="So many questions of each task, drawn by the seed.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--depth", type=click.IntRange(1, 100), default=DEPTH, show_default=True, help="How many hits are asked.")
@click.option("--distractors", type=_FOLDER_THERE, help="A folder of more policies, for the open setting.")
@_model_option
@_reader_option
@_cache_option
def run(
    *,
    names: tuple[str, ...],
    more_names: tuple[str, ...],
    data: tuple[Path, ...],
    out: Path | None,
    system: str,
    units: str,
    setting: str | None,
    split: str | None,
    limit: int | None,
    seed: int,
    depth: int,
    distractors: Path | None,
    model: str,
    reader: str,
    cache: bool,
) -> None:
    """Measure TASKs (all whose data is there, if none is named), print the figures, keep all of it in a folder."""
    began, started_at = time.perf_counter(), datetime.now(UTC)
    out = out or Path("runs") / f"{started_at:%Y%m%dT%H%M%S}-{system}"
    if system != SYSTEMS[0] and reader != SHIPPED:
        raise RunError(f"--reader serves {SYSTEMS[0]} alone, not {system}: leave it out")
    chosen = _chosen([*names, *more_names], data, split)
    options = Options(
        system=system, units=units, split=split, limit=limit, seed=seed, depth=depth, distractors=distractors
    )
    # Every wrong option is told before the first minute of work.
    planned = [
        (task, chosen_options)
        for task in (entry.load(data) for entry in chosen)
        for chosen_options in _settings(task, options, setting, named=bool(names or more_names))
    ]
    for task, task_options in planned:
        checked(task, task_options)
    check_place(out)
    embedder, read_by = _embedder(model, cache=cache), open_reader(reader)
    found: list[TaskRun] = []
    for task, task_options in planned:
        with _progress() as progress:
            found.append(measure(task, task_options, embedder=embedder, reader=read_by, progress=progress(task.name)))
        print(f"\n{found[-1].name}\n{table(found[-1].figures)}", flush=True)
    # Names alone: a path would tell of the machine and its user.
    asked = {
        **asdict(options),
        "model": _name(model),
        "reader": _name(reader),
        "settings": [task.setting for task in found],
        "distractors": distractors.name if distractors else None,
        "cache": cache,
    }
    del asked["setting"]
    wall_s = round(time.perf_counter() - began, 3)
    write_run(Run(out.name, asked, made_with(), started_at.isoformat(timespec="seconds"), wall_s, tuple(found)), out)
    print(f"\n{out}: {sum(len(task.rows) for task in found):,} questions in {wall_s:.0f} s")


def _chosen(names: Sequence[str], data: Sequence[Path], split: str | None) -> list[TaskSource]:
    if split is not None and split not in SPLITS:
        raise LabelError(f"split {split!r}, expected one of {', '.join(SPLITS)}")
    if names:
        return [source(name) for name in dict.fromkeys(names)]
    # Held-out sets are measured when they are named, not by the way.
    found = [entry for entry in SOURCES if not entry.folders or entry.found_in(data)]
    return [entry for entry in found if not entry.held_out and (split is None or split in entry.splits)]


def _settings(task: Task, options: Options, setting: str | None, *, named: bool) -> Iterator[Options]:
    """The options for each setting that `task` is to be measured in; a task that nobody named may lack one."""
    if setting is None:
        yield options
    elif setting == "both":
        for one in task.settings:
            yield replace(options, setting=one, distractors=options.distractors if one is Setting.OPEN else None)
    elif named or Setting(setting) in task.settings:
        yield replace(options, setting=Setting(setting))
    else:
        print(f"{task.name}: left out, it has no setting {setting}", file=sys.stderr)


@main.command()
@click.argument("before", type=_FOLDER)
@click.argument("after", type=_FOLDER)
@click.option(
    "--changed", type=click.IntRange(min=0), default=20, show_default=True, help="How many questions to list."
)
def compare(*, before: Path, after: Path, changed: int) -> None:
    """Paired differences of two runs, with intervals, and the questions that changed most."""
    one, other = read_run(before), read_run(after)
    found = compared(one, other)
    for line in unlike(one, other):
        print(line)
    for entry in found:
        print("\n" + comparison_text(entry, most=changed))


@main.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=_FOLDER)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: report.html in the first run]")
def report(*, runs: tuple[Path, ...], out: Path | None) -> None:
    """One HTML page of runs, side by side: tables, plots, and the questions to look at first."""
    from eval.report import write_report

    out = out or runs[0] / "report.html"
    write_report([read_run(folder) for folder in runs], out)
    print(out)


@main.command()
@_data_option
@click.option("--write", "write_anew", is_flag=True, help="Set floors and questions by what is measured now.")
@click.option("--path", type=click.Path(path_type=Path, dir_okay=False), default=GATE, hidden=True)
def gate(*, data: tuple[Path, ...], write_anew: bool, path: Path) -> None:
    """Ask a fixed slice of questions; exit with 1 and the questions that got worse if a figure fell under its floor."""
    if write_anew:
        gated = [_gated(name, data) for name in ("sample", "gdpr200")]
        embedder = open_embedder()
        kept = [set_anew(_asked(task, task.settings[0], embedder)) for task in gated]
        write(kept, path)
        print(f"{path}: {sum(len(entry.expected) for entry in kept)} questions")
        return
    planned = []
    for wanted in slices(path):
        entry = source(wanted.task)
        if entry.folders and not data:
            print(f"{wanted.task}: left out, its data is not part of this project (--data)")
        else:
            planned.append((sliced(entry.load(data), wanted), wanted))
    embedder = open_embedder()
    lines: list[str] = []
    for task, wanted in planned:
        measured = _asked(task, Setting(wanted.setting), embedder)
        lines += fallen(measured, wanted)
        print(f"{wanted.task}: {len(measured.rows)} questions\n{table(measured.figures)}\n")
    if lines:
        print("the gate is shut:\n" + "\n".join(lines), file=sys.stderr)
        sys.exit(1)
    print("the gate is passed")


def _gated(name: str, data: Sequence[Path]) -> Task:
    """The questions of the dev split that the gate asks: of every sixth policy, where there are many."""
    task = source(name).load(data)
    questions = [question for question in task.questions if question.split == "dev"]
    if name != "sample":
        files = sorted({question.policy_files[0] for question in questions})[::_GATED_POLICIES_EVERY]
        questions = [question for question in questions if question.policy_files[0] in files]
    return replace(task, questions=tuple(questions))


def _asked(task: Task, setting: Setting, embedder: Embedder) -> TaskRun:
    with _progress() as progress:
        options = Options(setting=setting, split="dev")
        return measure(task, options, embedder=embedder, reader=open_reader(), progress=progress(task.name))


_training_data = click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The folder that holds `benchmarks/` and `corpus/`.",
)


@main.command()
@_training_data
@_model_option
@_reader_option
@click.option("--out", type=click.Path(path_type=Path), default=CALIBRATION, show_default="qa/calibration.json")
@click.option("--intents", is_flag=True, help="Retrain the intent classifiers first; takes half an hour.")
def calibrate(*, data: Path, model: str, reader: str, out: Path, intents: bool) -> None:
    """Fit weights and thresholds for a model and a reader on dev questions, and write them."""
    from eval.calibrate import calibrate as fitted

    if intents and model != DEFAULT_MODEL:
        raise RunError(f"--intents learns weights of {DEFAULT_MODEL} alone, not of {model}: leave it out")
    embedder, read_by = _embedder(model, cache=True), open_reader(reader)
    print(json.dumps(asdict(fitted(data, out, embedder=embedder, reader=read_by, intents=intents)), indent=1))


@main.command()
@_training_data
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder for the model.")
@click.option("--start", type=click.Path(path_type=Path), help="A model after two rounds; trains the third only.")
@click.option("--share", type=click.FloatRange(0, 1), help="The tuned weights' share when averaged with the base's.")
def train(*, data: Path, out: Path, start: Path | None, share: float | None) -> None:
    """Train the embedding model again; needs the extra `train`, and some two hours on two cores."""
    from eval.train import TUNED_SHARE
    from eval.train import train as train_model

    train_model(data, out, start=start, share=TUNED_SHARE if share is None else share)


@main.command()
@_training_data
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder for the reader.")
@click.option("--start", type=click.Path(path_type=Path), help="The folder of a reader to go on from.")
@click.option("--epochs", type=click.IntRange(min=1), default=4, show_default=True)
def train_reader(*, data: Path, out: Path, start: Path | None, epochs: int) -> None:
    """Teach the reader again; needs the extra `train`, and some three hours on two cores."""
    from eval.train_reader import train_reader as train_model

    train_model(data / "corpus" / "policies", out, start=start, epochs=epochs)


@main.command()
@click.option("--policies", multiple=True, type=_FOLDER, help="A folder of policies to index beside the sample's.")
@click.option("--size", "sizes", multiple=True, type=click.IntRange(min=1_000), help="Passages of a grown index.")
@click.option("--seconds", type=click.FloatRange(min=0.5), default=10.0, show_default=True, help="Of each load.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="[default: a new folder in runs/]")
@click.option(
    "--workplace", type=click.Path(path_type=Path, file_okay=False), help="Keeps the indexes for another run."
)
def speed(
    *, policies: tuple[Path, ...], sizes: tuple[int, ...], seconds: float, out: Path | None, workplace: Path | None
) -> None:
    """Measure questions, builds, start, memory and growth, beside the machine's limits and, where installed, txtai."""
    from eval.speed.run import measured, written

    _needs_extra()
    machine, figures = measured(policies, sizes=sizes, seconds=seconds, workplace=workplace)
    out = out or Path("runs") / f"speed-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    written(machine, figures, out)
    print(
        f"{machine.processor}, {machine.cores} cores: "
        f"{machine.matrix_gflops:.0f} GFLOP/s, {machine.memory_gb_s:.1f} GB/s"
    )
    print(out)


@main.command()
@click.argument("parts", metavar="[PART]...", nargs=-1)
@click.option("--policies", multiple=True, type=_FOLDER, help="A folder of policies to index beside the sample's.")
@click.option("--seconds", type=click.FloatRange(min=0.5), default=60.0, show_default=True, help="That 64 clients ask.")
@click.option("--questions", type=click.IntRange(min=1), default=20_000, show_default=True, help="Asked for memory.")
@click.option("--publications", type=click.IntRange(min=1), default=100, show_default=True, help="Under load.")
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there, too.")
def endure(
    parts: tuple[str, ...],
    *,
    policies: tuple[Path, ...],
    seconds: float,
    questions: int,
    publications: int,
    out: Path | None,
) -> None:
    """Measure what a running service endures: overload, many questions, new versions, signals; some 20 minutes."""
    from eval.speed.endurance import PARTS, endured
    from eval.speed.run import line

    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: expected some of {', '.join(PARTS)}", param_hint="PART")
    figures = []
    for figure in endured(policies, parts or PARTS, seconds=seconds, questions=questions, publications=publications):
        print(line(figure), flush=True)
        figures.append(asdict(figure))
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


@main.command()
@click.option("--policies", multiple=True, type=_FOLDER, help="A folder of policies to index beside the sample's.")
@click.option("--index", "folder", type=click.Path(path_type=Path), help="An index that was built, instead.")
@click.option("--times", type=click.IntRange(min=1), default=5, show_default=True, help="Each request is sent.")
def cost(*, policies: tuple[Path, ...], folder: Path | None, times: int) -> None:
    """Measure the processor time of the costliest requests, and what is done for a client that has left."""
    from eval.speed.cost import costs
    from eval.speed.run import SAMPLE, line
    from index.build import build

    with tempfile.TemporaryDirectory(prefix="askpolicy-cost-") as temporary:
        if folder is None:
            folder = Path(temporary) / "index"
            build([SAMPLE, *policies], folder, embedder=open_embedder())
        for figure in costs(folder, times=times):
            print(line(figure), flush=True)


def _embedder(model: str, *, cache: bool) -> Embedder:
    embedder = open_embedder(model)
    embedder.name = _name(model) or embedder.name
    return CachedEmbedder(embedder, user_cache_path("askpolicy") / "eval") if cache else embedder


def _name(model: str | None) -> str | None:
    """A model's name; of a folder its last part."""
    return Path(model).resolve().name if model and Path(model).is_dir() else model


def _needs_extra() -> None:
    """Nothing, if the libraries of the extra `eval` are there.

    Raises:
        RunError: one is not.
    """
    for module in ("ir_measures", "sklearn", "scipy", "jinja2", "matplotlib"):
        if find_spec(module) is None:
            raise RunError(f"{module} is not installed: run `pip install 'askpolicy[eval]'`, or `make eval` here")


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[str, int, int], None]]]:
    """A bar for each stage of a task, on stderr, gone when done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_CONSOLE, transient=True) as bars:

        def of_task(name: str) -> Callable[[str, int, int], None]:
            shown: dict[str, Any] = {}

            def told(stage: str, done: int, total: int) -> None:
                if stage not in shown:
                    shown[stage] = bars.add_task(f"{name}: {stage}", total=total)
                bars.update(shown[stage], completed=done, total=total)

            return told

        yield of_task


def _print_failures(rows: Sequence[Row]) -> None:
    for row in rows:
        wrong_passage = row.answerable and row.rank != 1
        if wrong_passage or not right_outcome(row):
            print(f"{row.id}  {row.outcome}  rank {row.rank}  score {row.confidence:.2f}  {row.text}")


if __name__ == "__main__":
    try:
        main(prog_name="python -m eval")
    except (AskPolicyError, LabelError, RunError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
