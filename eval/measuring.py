"""A task from its files to its figures: draw questions, pool documents, build the system, ask, measure."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.asked_changes import measure_changes
from eval.figures import figures
from eval.questions import Document, LabelError, LabelledQuestion, Setting, Task
from eval.run_folder import TaskRun, data_hash, pool_hash
from eval.running import DEPTH, run
from eval.systems import SYSTEMS, UNITS, system_over
from eval.tasks.changes import ChangesTask, of_changes
from index.embedding import Embedder
from index.policies.attribution import identify
from index.policies.companies import Company, key
from index.sources.files import parse_policy_text
from index.sources.folder import read_files
from qa.reading.reader import Reader

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
    reader: Reader | None = None,
    progress: Progress = lambda *_: None,
) -> TaskRun:
    """`task` as `options` ask for it.

    Raises:
        LabelError: the task has no such split or setting, or `options.distractors` holds no policy.
    """
    setting, split = checked(task, options)
    chosen = drawn(task, split, limit=options.limit, seed=options.seed)
    if isinstance(task, ChangesTask):
        return measure_changes(task, of_changes(chosen), embedder=embedder, reader=reader, progress=progress)
    documents = _pooled(task, chosen, setting)
    added = 0
    if options.distractors is not None:
        further = distractors(options.distractors, documents)
        added = len(further)
        documents += further
    with tempfile.TemporaryDirectory(prefix="askpolicy-eval-") as folder:
        began = time.perf_counter()
        system = system_over(
            documents,
            Path(folder),
            name=options.system,
            embedder=embedder,
            units=options.units,
            titled=setting is Setting.OPEN,
            reader=reader,
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
        system=options.system,
        data_hash=data_hash(task),
        pool_hash=pool_hash(documents),
        manifest={**system.manifest, "documents": len(documents), "distractors": added},
        seconds=seconds,
        figures=tuple(figures(rows, complete=task.complete)),
        rows=tuple(rows),
    )


def checked(task: Task, options: Options) -> tuple[Setting, str]:
    """The setting and the split that `task` is measured in.

    Raises:
        LabelError: the task has no such split or setting, or distractors are given for another than the open one.
    """
    setting = options.setting or task.settings[0]
    if setting not in task.settings:
        raise LabelError(
            f"{task.name} has no setting {setting}, since its questions name no company: use {task.settings[0]}"
        )
    if options.distractors is not None and setting is not Setting.OPEN:
        raise LabelError("distractors are for the open setting: add --setting open, or leave out --distractors")
    if isinstance(task, ChangesTask) and (options.system, options.units) != (SYSTEMS[0], UNITS[0]):
        raise LabelError(f"{task.name} is asked of {SYSTEMS[0]} with its own passages: leave out --system and --units")
    split = options.split or usual_split(task)
    drawn(task, split, limit=options.limit, seed=options.seed)
    return setting, split


def usual_split(task: Task) -> str:
    """The split to look at first: "dev" where the task has it, or else its only one.

    Raises:
        LabelError: it has several others.
    """
    splits = sorted({question.split for question in task.questions})
    if not splits:
        raise LabelError(f"{task.name} holds no question; fetch its data again")
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
        splits = ", ".join(sorted({question.split for question in task.questions})) or "none, it holds no question"
        raise LabelError(f"{task.name} has no split {split!r}, expected one of {splits}")
    if limit is None or limit >= len(found):
        return found
    places = sorted(random.Random(seed).sample(range(len(found)), limit))
    return [found[place] for place in places]


def _pooled(task: Task, chosen: Sequence[LabelledQuestion], setting: Setting) -> tuple[Document, ...]:
    """The documents to search: where each question is asked of its own policy, those policies are enough.

    Where all are pooled, a company's other policies are left out: the labels are of one of them, and a passage of
    another that answers as well would count as wrong.
    """
    needed = {file for question in chosen for file in question.policy_files}
    if setting is Setting.OPEN or not all(question.policy_files for question in chosen):
        asked_about = {key(document.company) for document in task.documents if document.file in needed}
        return tuple(
            document
            for document in task.documents
            if document.file in needed or key(document.company) not in asked_about
        )
    return tuple(document for document in task.documents if document.file in needed)


def distractors(folder: Path, documents: Sequence[Document]) -> tuple[Document, ...]:
    """The policies under `folder` as documents, but for those of a company that owns one of `documents`.

    Raises:
        LabelError: there is none, or the same company's are all there are.
    """
    files, _ = read_files([folder])  # what no index would hold distracts nobody
    own = [parse_policy_text(document.text, path=document.file) for document in documents]
    company_ids, companies = identify([*own, *files])
    by_id = {company.id: company for company in companies}
    taken = {_bare(document.company) for document in documents}
    taken |= {_bare(name) for company_id in company_ids[: len(own)] for name in _names(by_id[company_id])}
    known_words = _Overlap([document.text for document in documents])
    kept = [
        Document(f"distractors/{file.path.partition('/')[2]}", file.text, by_id[company_id].name)
        for file, company_id in zip(files, company_ids[len(own) :], strict=True)
        if not taken & {_bare(name) for name in _names(by_id[company_id])} and not known_words.holds(file.text)
    ]
    if not kept:
        raise LabelError(f"{folder} holds no policy of another company than the task's own")
    return tuple(kept)


def _names(company: Company) -> tuple[str, ...]:
    return (company.name, *company.domains)


def _bare(name: str) -> str:
    """A company's name as it is compared here: without the article, and a domain without what follows the name.

    >>> _bare("The New York Times"), _bare("blip.fm"), _bare("Blip"), _bare("steampowered.com")
    ('newyorktimes', 'blip', 'blip', 'steampowered')
    """
    words = name.strip().casefold().removeprefix("the ")
    if " " not in words and "." in words:
        words = words.removeprefix("www.").partition(".")[0]
    return key(words)


class _Overlap:
    """Whether a text is, for the most part, one that is already there: a company's policy under another name."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._known = {shingle for text in texts for shingle in _shingles(text)}

    def holds(self, text: str) -> bool:
        """Whether more than half of its runs of eight words stand in the known texts (Broder 1997)."""
        found = _shingles(text)
        return bool(found) and len(found & self._known) > len(found) / 2


def _shingles(text: str) -> set[int]:
    words = text.lower().split()
    return {hash(tuple(words[place : place + 8])) for place in range(len(words) - 7)}
