"""`python -m eval.formats`: make policies in every format, and judge the parsers on them."""

import importlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from eval.formats.judge import FAULTS, MEASURES, Score, judge
from eval.formats.make import FORMATS, TRUTH, make
from eval.formats.truth import Truth, read_truth

_PARSERS = {
    "html": ("index.parsing.html", "parse_html"),
    "pdf": ("index.parsing.pdf", "parse_pdf"),
    "docx": ("index.parsing.docx", "parse_docx"),
}
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FOLDER_THERE = click.Path(path_type=Path, file_okay=False, exists=True)
_formats_option = click.option("--format", "formats", type=click.Choice(FORMATS), multiple=True, default=FORMATS)


@click.group()
def main() -> None:
    """Real-looking policies in HTML, PDF and DOCX, made from texts whose words are known."""


@main.command("make")
@click.option("--data", type=_FOLDER_THERE, required=True, help="The folder of shared data, with corpus/ in it.")
@click.option("--out", type=_FOLDER, required=True)
@click.option("--seed", type=int, default=1, show_default=True)
@_formats_option
def make_command(*, data: Path, out: Path, seed: int, formats: tuple[str, ...]) -> None:
    """Write the files and `truth.jsonl` beside them."""
    truths = make(data, out, seed=seed, formats=formats)
    print(f"{out}: {len(truths)} files, {sum(len(truth.sentences) for truth in truths)} sentences")


@main.command("judge")
@click.argument("folder", type=_FOLDER_THERE)
@click.option("--code", type=_FOLDER_THERE, help="Another checkout, whose parsers are judged in place of these.")
@click.option("--half", type=click.Choice(["dev", "test", "both"]), default="both", show_default=True)
@click.option("--template", "templates", multiple=True, help="These templates only.")
@click.option("--show", type=int, default=20, show_default=True, help="How many failures to list.")
@click.option("--measure", default=None, help="List failures of this measure or fault only.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the counts there too.")
@_formats_option
def judge_command(
    *,
    folder: Path,
    code: Path | None,
    half: str,
    templates: tuple[str, ...],
    show: int,
    measure: str | None,
    json_path: Path | None,
    formats: tuple[str, ...],
) -> None:
    """Parse every file of FOLDER and say what came back."""
    if code is not None:
        sys.path.insert(0, str(code.resolve()))
    scores: dict[tuple[str, str], Score] = {}
    files: dict[tuple[str, str], int] = {}
    for truth in read_truth(folder / TRUTH):
        name = truth.file.partition("/")[0]
        if name not in formats or half not in {"both", truth.half} or (templates and truth.template not in templates):
            continue
        for key in ((name, truth.template), (name, "all")):
            files[key] = files.get(key, 0) + 1
        score = _score(truth, folder, name)
        scores.setdefault((name, truth.template), Score()).add(score)
        scores.setdefault((name, "all"), Score()).add(score)
    Console(width=200).print(_table(scores, files))
    for line in _failures(scores, measure)[:show]:
        print(line)
    if json_path is not None:
        counts = {"/".join(key): _counts(score, files[key]) for key, score in sorted(scores.items())}
        json_path.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")


def _score(truth: Truth, folder: Path, name: str) -> Score:
    module, function = _PARSERS[name]
    parse = getattr(importlib.import_module(module), function)
    try:
        document = parse((folder / truth.file).read_bytes(), path=truth.file)
    except Exception as error:  # noqa: BLE001 - a parser that crashes scores zero, and its error is reported
        from index.parsing.document import Document

        score = judge(truth, Document("", ()))
        score.failures = [f"sentences: nothing was read: {type(error).__name__}: {error}"]
    else:
        score = judge(truth, document)
    score.failures = [f"{truth.file}: {failure}" for failure in score.failures]
    return score


def _failures(scores: dict[tuple[str, str], Score], measure: str | None) -> list[str]:
    failures = [line for (_, template), score in sorted(scores.items()) if template == "all" for line in score.failures]
    return [line for line in failures if measure is None or f": {measure}: " in line]


def _table(scores: dict[tuple[str, str], Score], files: dict[tuple[str, str], int]) -> Table:
    table = Table("format", "template", "files", "n", *MEASURES, *FAULTS)
    for key, score in sorted(scores.items(), key=lambda entry: (entry[0][0], entry[0][1] == "all", entry[0][1])):
        shares = (f"{score.right[m] / n:.4f}" if (n := score.asked[m]) else "" for m in MEASURES)
        faults = (str(score.faults[fault] or "") for fault in FAULTS)
        table.add_row(*key, str(files[key]), str(score.asked["sentences"]), *shares, *faults)
    return table


def _counts(score: Score, files: int) -> dict[str, Any]:
    fields = asdict(score)
    return {"files": files, **{name: _plain(fields[name]) for name in ("right", "asked", "faults")}}


def _plain(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    return dict(counts)


if __name__ == "__main__":
    main()
