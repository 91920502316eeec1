"""A task from its files to its figures: draw questions, pool documents, build the system, ask, measure."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.figures import figures
from eval.questions import Document, LabelError, LabelledQuestion, Setting, Task
from eval.run_folder import TaskRun, data_hash
from eval.running import DEPTH, run
from eval.systems import SYSTEMS, UNITS, system_over
from index.companies import identify, key
from index.embedding import Embedder
from index.errors import PolicyError
from index.policies import PolicyFile, parse_policy_text, policy_paths, read_policy_file
from qa.reranker import Reranker

Progress = Callable[[str, int, int], None]
"""`progress(stage, done, total)`; stages are those of `index.build`, and "ask"."""


@dataclass(frozen=True, slots=True)
class Options:
    """How tasks are measured.

    Attributes:
        system, units: see `eval.systems.system_over`.
        setting, split: None means each task's usual ones.
        limit: so many questions of a task, drawn by `seed`; None means all.
        depth: how many hits are asked for.
        distractors: a folder of more policies for the open setting.
    """

    system: str = SYSTEMS[0]
    units: str = UNITS[0]
    setting: Setting | None = None
    split: str | None = None
    limit: int | None = None
    seed: int = 0
    depth: int = DEPTH
    distractors: Path | None = None


def measure(
    task: Task,
    options: Options,
    *,
    embedder: Embedder,
    reranker: Reranker | None = None,
    progress: Progress = lambda *_: None,
) -> TaskRun:
    """`task` as `options` ask for it.

    Raises:
        LabelError: the task has no such split or setting, or `options.distractors` holds no policy.
    """
    setting = options.setting or task.settings[0]
    if setting not in task.settings:
        raise LabelError(
            f"{task.name} has no setting {setting}, since its questions name no company: use {task.settings[0]}"
        )
    split = options.split or usual_split(task)
    chosen = drawn(task, split, limit=options.limit, seed=options.seed)
    documents = _pooled(task, chosen, setting)
    if options.distractors is not None:
        if setting is not Setting.OPEN:
            raise LabelError("distractors are for the open setting: add --setting open, or leave out --distractors")
        documents += distractors(options.distractors, documents)
    with tempfile.TemporaryDirectory(prefix="askpolicy-eval-") as folder:
        began = time.perf_counter()
        system = system_over(
            documents,
            Path(folder),
            name=options.system,
            embedder=embedder,
            units=options.units,
            titled=setting is Setting.OPEN,
            reranker=reranker,
            progress=progress,
        )
        built = time.perf_counter()
        done = 0

        def asked() -> None:
            nonlocal done
            done += 1
            progress("ask", done, len(chosen))

        rows = run(system, chosen, documents, setting=setting, depth=options.depth, progress=asked)
        seconds = {"build": round(built - began, 3), "ask": round(time.perf_counter() - built, 3)}
    return TaskRun(
        name=f"{task.name}.{setting}.{split}",
        task=task.name,
        setting=str(setting),
        split=split,
        complete=task.complete,
        data_hash=data_hash(task),
        manifest={**system.manifest, "documents": len(documents), "distractors": len(documents) - len(task.documents)},
        seconds=seconds,
        figures=tuple(figures(rows, complete=task.complete)),
        rows=tuple(rows),
    )


def usual_split(task: Task) -> str:
    """The split to look at first: "dev" where the task has it, or else its only one.

    Raises:
        LabelError: it has several others.
    """
    splits = sorted({question.split for question in task.questions})
    if "dev" in splits:
        return "dev"
    if len(splits) == 1:
        return splits[0]
    raise LabelError(f"{task.name} has the splits {', '.join(splits)}: choose one with --split")


def drawn(task: Task, split: str, *, limit: int | None, seed: int) -> list[LabelledQuestion]:
    """The questions of `split`, in their order; `limit` of them, drawn by `seed`, if they are more.

    Raises:
        LabelError: the task has no question of `split`.
    """
    found = [question for question in task.questions if question.split == split]
    if not found:
        splits = ", ".join(sorted({question.split for question in task.questions}))
        raise LabelError(f"{task.name} has no split {split!r}, expected one of {splits}")
    if limit is None or limit >= len(found):
        return found
    places = sorted(random.Random(seed).sample(range(len(found)), limit))
    return [found[place] for place in places]


def _pooled(task: Task, chosen: Sequence[LabelledQuestion], setting: Setting) -> tuple[Document, ...]:
    """The documents to search: where each question is asked of its own policy, those policies are enough."""
    if setting is Setting.OPEN or not all(question.policy_files for question in chosen):
        return task.documents
    needed = {file for question in chosen for file in question.policy_files}
    return tuple(document for document in task.documents if document.file in needed)


def distractors(folder: Path, documents: Sequence[Document]) -> tuple[Document, ...]:
    """The policies under `folder` as documents, but for those of a company that owns one of `documents`.

    Raises:
        LabelError: there is none, or the same company's are all there are.
    """
    files: list[PolicyFile] = []
    for path in policy_paths([folder]):
        if isinstance(path, PolicyError):
            continue
        try:
            files.append(read_policy_file(path))
        except PolicyError:
            continue  # what no index would hold distracts nobody
    own = [parse_policy_text(document.text, path=document.file) for document in documents]
    company_ids, companies = identify([*own, *files])
    taken_ids = set(company_ids[: len(own)])
    taken_names = {key(document.company) for document in documents}
    names = {company.id: {key(company.name), *map(key, company.domains)} for company in companies}
    name_of = {company.id: company.name for company in companies}
    taken_names |= {name for company_id in taken_ids for name in names[company_id]}
    kept = [
        Document(f"distractors/{_under(folder, file)}", file.text, name_of[company_id])
        for file, company_id in zip(files, company_ids[len(own) :], strict=True)
        if company_id not in taken_ids and not names[company_id] & taken_names
    ]
    if not kept:
        raise LabelError(f"{folder} holds no policy of another company than the task's own")
    return tuple(kept)


def _under(folder: Path, file: PolicyFile) -> str:
    path = Path(file.path)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
