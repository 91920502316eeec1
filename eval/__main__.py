"""`python -m eval`: measure the running code on labelled questions. `--help` tells the rest."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from eval.questions import LabelError, LabelledQuestion, Task, bank_task, gdpr200_task, sample_task
from eval.report import Figure, figures, right_outcome, table
from eval.running import Row, run
from index.build import build
from index.embedding import DEFAULT_MODEL, SentenceTransformersEmbedder
from index.errors import AskPolicyError
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.judgement import CALIBRATION
from qa.reranker import CrossEncoderReranker
from qa.scope import keep_vectors

_CONSOLE = Console(stderr=True)


@click.group(invoke_without_command=True)
@click.option("--split", type=click.Choice(["dev", "test", "both"]), default="both", show_default=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="An embedding model by name or folder.")
@click.option("--reranker", default=None, help="A cross-encoder by name or folder.")
@click.option("--failures", is_flag=True, help="Print the dev questions that went wrong, with what they got.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def main(
    context: click.Context, *, split: str, model: str, reranker: str | None, failures: bool, as_json: bool
) -> None:
    """Measure the running code on the questions about the five sample policies."""
    if context.invoked_subcommand:
        return
    task = sample_task()
    chosen = [question for question in task.questions if split in ("both", question.split)]
    with _assistant(task, model, reranker) as assistant:
        rows = _run(assistant, chosen, by_file=False)
    splits = ("dev", "test") if split == "both" else (split,)
    found = {name: figures([row for row in rows if row.question.split == name]) for name in splits}
    if as_json:
        print(json.dumps({name: [_fields(figure) for figure in listed] for name, listed in found.items()}, indent=1))
        return
    for name, listed in found.items():
        print(f"\n{name}\n{table(listed)}")
    if failures:
        _print_failures(row for row in rows if row.question.split == "dev")


@main.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The folder that holds `benchmarks/` and `corpus/`.",
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True)
@click.option("--reranker", default=None)
@click.option("--out", type=click.Path(path_type=Path), default=CALIBRATION, show_default=True)
def calibrate(data: Path, model: str, reranker: str | None, out: Path) -> None:
    """Fit weights and thresholds anew on dev questions, and write them."""
    from eval.calibrate import EVIDENCE_WITHIN, fit, fit_scope, samples

    found = []
    task = sample_task()
    with _assistant(task, model, reranker) as assistant:
        dev = [q for q in task.questions if q.split == "dev" and q.kind in ("answerable", "not_stated", "follow_up")]
        found += samples(assistant, task, dev, complete=True, by_file=False)
        scope = fit_scope(assistant, [q for q in task.questions if q.split == "dev" and not q.history])
    task = gdpr200_task(data / "benchmarks" / "gdpr200")
    with _assistant(task, model, reranker) as assistant:
        train = [question for question in task.questions if question.split == "train"]
        found += samples(assistant, task, train, complete=True, by_file=True)
    task = bank_task(data / "corpus" / "policies", split="dev")
    with _assistant(task, model, reranker) as assistant:
        found += samples(assistant, task, task.questions, complete=False, by_file=True)
    if model == DEFAULT_MODEL:
        keep_vectors(SentenceTransformersEmbedder(model))
    calibration = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    name = "reranked" if reranker else "plain"
    calibration[name] = fit(found, threshold_from=("sample",)) | {"evidence_within": EVIDENCE_WITHIN}
    calibration["scope"] = scope
    out.write_text(json.dumps(calibration, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(calibration[name], indent=1))


@main.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The folder that holds `benchmarks/` and `corpus/`.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder for the model.")
def train(data: Path, out: Path) -> None:
    """Train the embedding model again; needs the extra `train`, and half an hour on two cores."""
    from eval.train import train as train_model

    train_model(data, out)


def _run(assistant: Assistant, questions: list[LabelledQuestion], *, by_file: bool) -> list[Row]:
    with Progress(console=_CONSOLE, transient=True) as progress:
        bar = progress.add_task("asking", total=len(questions))
        return run(assistant, questions, by_file=by_file, progress=lambda: progress.advance(bar))


@contextmanager
def _assistant(task: Task, model: str, reranker: str | None) -> Iterator[Assistant]:
    """An assistant over the task's policies, indexed anew, so that the figures are of the code as it is."""
    embedder = SentenceTransformersEmbedder(model)
    with (
        tempfile.TemporaryDirectory(prefix="askpolicy-eval-") as folder,
        Progress(console=_CONSOLE, transient=True) as progress,
    ):
        bar = progress.add_task(f"indexing {task.name}")
        build(
            task.policies,
            Path(folder),
            embedder=embedder,
            progress=lambda stage, done, total: progress.update(
                bar, description=f"{stage} {task.name}", completed=done, total=total
            ),
        )
        progress.stop()
        index = PolicyIndex.open(Path(folder), embedder=embedder)
        yield Assistant(index, embedder, reranker=CrossEncoderReranker(reranker) if reranker else None)


def _fields(figure: Figure) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(figure)


def _print_failures(rows: Iterator[Row]) -> None:
    for row in rows:
        wrong_passage = row.question.answerable and row.rank != 1
        if wrong_passage or not right_outcome(row):
            print(f"{row.question.id}  {row.outcome}  rank {row.rank}  score {row.best_score:.2f}  {row.question.text}")


if __name__ == "__main__":
    try:
        main(prog_name="python -m eval")
    except (AskPolicyError, LabelError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
