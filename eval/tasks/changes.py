"""Questions about change over time: what of which document changed between which two versions, or never did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from eval.questions import SPLITS, LabelError, LabelledQuestion, Setting, Task, checked_fields, json_lines

CHANGE_LABELS = Path(__file__).parent.parent / "labels" / "changes.jsonl"
CHANGED, UNCHANGED, NOT_STATED = "changed", "unchanged", "not_stated"
BUNDLE = "pga-versions.bundle"
_MIN_QUOTE_CHARS = 40


@dataclass(frozen=True, slots=True)
class LabelledVersion:
    """A version of a document by the day that it was recorded, and what it says; empty where nothing is quoted."""

    day: date
    quote: str


@dataclass(frozen=True, slots=True)
class ChangeQuestion(LabelledQuestion):
    """A question about change over time; `kind` is one of those of this module.

    Attributes:
        document: `Service/Document type`, as the archive calls it; empty where no document says it.
        before, after: the consecutive versions between which it changed; of what never did, `after` is the oldest held.
    """

    document: str = ""
    before: LabelledVersion | None = None
    after: LabelledVersion | None = None

    @property
    def answerable(self) -> bool:
        """Whether some version says it."""
        return self.kind != NOT_STATED


@dataclass(frozen=True, slots=True)
class ChangesTask(Task):
    """Questions about the whole histories of an archive.

    Attributes:
        bundle: the archive as a git bundle.
        kept: the folder in which its clone and its index are kept between runs.
    """

    bundle: Path = Path(BUNDLE)
    kept: Path = Path()


def changes_task(folder: Path, *, labels: Path = CHANGE_LABELS, kept: Path | None = None) -> ChangesTask:
    """The questions about the archive whose bundle lies in `folder`.

    Raises:
        LabelError: the bundle is not there, or a line of `labels` is no such question.
    """
    bundle = folder / BUNDLE
    if not bundle.is_file():
        raise LabelError(f"{bundle} is not there: expected the archive pga-versions of Open Terms Archive as a bundle")
    return ChangesTask(
        "changes",
        (),
        tuple(change_questions(labels)),
        settings=(Setting.OPEN,),
        bundle=bundle,
        kept=kept or user_cache_path("askpolicy") / "eval" / "histories",
    )


def change_questions(labels: Path = CHANGE_LABELS) -> Iterator[ChangeQuestion]:
    """The questions of the file `labels`, in order.

    Raises:
        LabelError: a line is no such question.
    """
    seen: set[str] = set()
    for where, fields in json_lines(labels):
        question = _question(where, fields)
        if question.id in seen:
            raise LabelError(f"{where}: id {question.id!r} stands above already")
        seen.add(question.id)
        yield question


def of_changes(questions: Sequence[LabelledQuestion]) -> list[ChangeQuestion]:
    """Those of `questions` that are about change."""
    return [question for question in questions if isinstance(question, ChangeQuestion)]


def _question(where: str, fields: dict[str, Any]) -> ChangeQuestion:
    checked_fields(where, fields, dict.fromkeys(("id", "kind", "split", "question", "company"), str))
    kind, split = fields["kind"], fields["split"]
    before, after = (_version(where, fields.get(side)) for side in ("before", "after"))
    expected = {CHANGED: (True, True), UNCHANGED: (False, True), NOT_STATED: (False, False)}.get(kind)
    if expected is None or split not in SPLITS:
        raise LabelError(f"{where}: kind {kind!r}, split {split!r}: expected one of this set's")
    if (before is not None, after is not None) != expected:
        raise LabelError(f"{where}: a question whose kind is {kind!r} has other versions")
    document = f"{fields['company']}/{fields['type']}" if after else ""
    if after and not any(version.quote for version in (before, after) if version):
        raise LabelError(f"{where}: nothing is quoted")
    return ChangeQuestion(
        fields["id"], kind, split, fields["question"], (), (), document=document, before=before, after=after
    )


def _version(where: str, fields: dict[str, Any] | None) -> LabelledVersion | None:
    if fields is None:
        return None
    checked_fields(where, fields, {"day": str, "quote": str})
    if 0 < len(fields["quote"]) < _MIN_QUOTE_CHARS:
        raise LabelError(
            f"{where}: the quote {fields['quote']!r} is short; quote {_MIN_QUOTE_CHARS} characters or more"
        )
    try:
        return LabelledVersion(date.fromisoformat(fields["day"]), fields["quote"])
    except ValueError as error:
        raise LabelError(f"{where}: {fields['day']!r} is no day") from error
