"""A run as a folder that others can read: what was asked, what came back, of what code and data.

    RUN/
      run.json                        settings, versions, machine, seed, times
      TASK.SETTING.SPLIT/
        figures.json                  every figure with its n and interval
        questions.jsonl               a row a question: hits, labels, measures, outcome, times
        run.trec, qrels.trec          for trec_eval, ir_measures and their like
        manifest.json                 what the system was built of

A folder is whole or absent: it is written beside its place and moved there in the end. No machine is named in it.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.figures import Figure
from eval.questions import Document, Task
from eval.running import FoundHit, Row, Shown

_PACKAGES = (
    "askpolicy",
    "torch",
    "sentence-transformers",
    "transformers",
    "faiss-cpu",
    "bm25s",
    "numpy",
    "scipy",
    "scikit-learn",
    "ir-measures",
    "pytrec-eval-terrier",
)
_TASK_FIELDS = ("name", "task", "setting", "split", "complete", "system", "data_hash", "pool_hash")
_CODE = ("index", "qa", "eval")
_CODE_FILES = {".py", ".json", ".toml", ".npz", ".safetensors"}


class RunError(Exception):
    """A run folder that cannot be written or read; the message names it."""


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task in one setting, as run.

    Attributes:
        name: `TASK.SETTING.SPLIT`, the folder's name.
        complete: see `eval.questions.Task`.
        system: what was measured.
        data_hash: SHA-256 of documents and questions: two runs are comparable only where it is the same.
        pool_hash: SHA-256 of the documents that were searched, distractors among them.
        manifest: what the system was built of.
        seconds: how long building and asking took.
    """

    name: str
    task: str
    setting: str
    split: str
    complete: bool
    system: str
    data_hash: str
    pool_hash: str
    manifest: Mapping[str, object]
    seconds: Mapping[str, float]
    figures: tuple[Figure, ...]
    rows: tuple[Row, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything of a run.

    Attributes:
        settings: the options that it was started with.
        made_with: versions, a hash of the code and its weights, and the machine.
    """

    name: str
    settings: Mapping[str, object]
    made_with: Mapping[str, object]
    started_at: str
    wall_s: float
    tasks: tuple[TaskRun, ...] = field(repr=False)


def check_place(folder: Path) -> None:
    """Nothing, if a run can be written as `folder`; its parent folders are made.

    Raises:
        RunError: `folder` is there already, or cannot be written.
    """
    if folder.exists():
        raise RunError(f"{folder} is there already, and a run is never written over: name another with --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: could not be written ({error})") from error
    if not os.access(folder.parent, os.W_OK):
        raise RunError(f"{folder}: could not be written, no right to write in {folder.parent}")


def write_run(run: Run, folder: Path) -> None:
    """`run` as a folder.

    Raises:
        RunError: `folder` is there already, or cannot be written.
    """
    check_place(folder)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.unfinished")
    try:
        unfinished.mkdir(parents=True)
        for task in run.tasks:
            _write_task(task, unfinished / task.name)
        about = {
            "name": run.name,
            "settings": dict(run.settings),
            "made_with": dict(run.made_with),
            "started_at": run.started_at,
            "wall_s": run.wall_s,
            "tasks": [
                {name: getattr(task, name) for name in _TASK_FIELDS}
                | {"seconds": dict(task.seconds), "questions": len(task.rows)}
                for task in run.tasks
            ],
        }
        _dump(unfinished / "run.json", about)
        unfinished.rename(folder)
    except OSError as error:
        raise RunError(f"{folder}: could not be written ({error})") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def read_run(folder: Path) -> Run:
    """The run in `folder`.

    Raises:
        RunError: it is not there, or not whole.
    """
    if not (folder / "run.json").is_file():
        raise RunError(f"{folder} is no run: expected a folder that `python -m eval run` wrote, with run.json in it")
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        tasks = tuple(_read_task(folder / entry["name"], entry) for entry in about["tasks"])
        return Run(about["name"], about["settings"], about["made_with"], about["started_at"], about["wall_s"], tasks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder}: damaged ({error!r}); run it again") from error


def _write_task(task: TaskRun, folder: Path) -> None:
    folder.mkdir()
    _dump(folder / "figures.json", [asdict(figure) for figure in task.figures])
    _dump(folder / "manifest.json", dict(task.manifest))
    with (folder / "questions.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for row in task.rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
    (folder / "run.trec").write_text("".join(_trec_lines(task)), encoding="utf-8", newline="\n")
    (folder / "qrels.trec").write_text("".join(_qrels_lines(task.rows)), encoding="utf-8", newline="\n")


def _trec_lines(task: TaskRun) -> Iterable[str]:
    """TREC's run format: question, "Q0", span, rank, score, system. A rank that falls stands for the score.

    Tools sort by score and break ties in their own ways; so each rank gets a score of its own.
    """
    for row in task.rows:
        for rank, hit in enumerate(row.hits, start=1):
            name = f"{hit.id}#{rank}" if hit.repeated else hit.id
            yield f"{row.id} Q0 {name} {rank} {-rank} {task.system}\n"


def _qrels_lines(rows: Sequence[Row]) -> Iterable[str]:
    """TREC's label format: question, 0, span, 1. What is relevant and was not found is told by a number."""
    for row in rows:
        if row.ranked:
            found = [hit for hit in row.hits if hit.relevant]
            yield from (f"{row.id} 0 {hit.id} 1\n" for hit in found)
            yield from (f"{row.id} 0 not-found-{n} 1\n" for n in range(row.relevant_in_all - len(found)))


def _read_task(folder: Path, entry: Mapping[str, Any]) -> TaskRun:
    figures = tuple(Figure(**fields) for fields in json.loads((folder / "figures.json").read_text(encoding="utf-8")))
    # not splitlines(): a policy's text may hold U+2028
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").split("\n")
    rows = tuple(_row(json.loads(line)) for line in lines if line)
    if len(rows) != entry["questions"]:
        raise RunError(f"{folder}: {len(rows)} questions, expected {entry['questions']}; run it again")
    return TaskRun(
        **{name: entry[name] for name in _TASK_FIELDS},
        manifest=json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
        seconds=entry["seconds"],
        figures=figures,
        rows=rows,
    )


def _row(fields: dict[str, Any]) -> Row:
    fields["hits"] = tuple(FoundHit(**hit) for hit in fields["hits"])
    for name in ("shown", "wanted"):
        fields[name] = tuple(Shown(**shown) for shown in fields[name])
    for name in ("named", "unknown", "expects_unknown", "expects_verdicts"):
        fields[name] = tuple(fields.get(name, ()))
    return Row(**fields)


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


def data_hash(task: Task) -> str:
    """SHA-256 of the task's documents, questions and labels."""
    digest = hashlib.sha256(pool_hash(task.documents).encode())
    for question in task.questions:
        digest.update(repr(question).encode())
    return digest.hexdigest()


def pool_hash(documents: Sequence[Document]) -> str:
    """SHA-256 of what was searched."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(repr((document.file, document.company, document.text, document.units)).encode())
    return digest.hexdigest()


def made_with() -> dict[str, object]:
    """Versions, code and machine, without naming who or where."""
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "code": _code_hash(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _code_hash() -> str:
    """SHA-256 of what makes answers and figures: code, settings and shipped weights."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in _CODE_FILES:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
