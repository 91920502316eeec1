"""Labelled questions: what is asked, of which documents, and what should come back.

Labels are character spans of the documents, so any splitter is scored by overlap. It does not know how answers
are found or measured; `eval.tasks` reads the sets that exist.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from qa.question.understanding import MAX_QUESTION_CHARS

SPLITS = ("train", "dev", "test")
_KIND_NAMES = {str: "text", int: "a whole number", bool: "true or false"}
KINDS = ("answerable", "not_stated", "unknown_company", "out_of_scope", "several", "follow_up")


class LabelError(Exception):
    """Labelled data that cannot be measured; the message names file and line."""


class Setting(StrEnum):
    """Among what a question's answer is looked for."""

    PER_POLICY = "per-policy"
    """The company is given beside the question."""
    OPEN = "open"
    """All policies are pooled, the company is only named in the question."""


@dataclass(frozen=True, slots=True)
class Span:
    """`start:end` of the document called `file`, in code points."""

    file: str
    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        """Whether both hold some character.

        >>> Span("a", 0, 5).overlaps(Span("a", 4, 9)), Span("a", 0, 5).overlaps(Span("a", 5, 9))
        (True, False)
        """
        return self.file == other.file and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Unit:
    """A passage as the labels' authors cut it: what may be retrieved where a run takes passages as given.

    Attributes:
        text: its words as published, which may lack the marks that stand at `start:end` of the document.
    """

    start: int
    end: int
    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A policy to search.

    Attributes:
        file: its name, with `/` between folders; unique within a task.
        company: whose it truly is, whatever a system makes of it: equal for two documents of one company.
        units: its passages as given, in reading order; empty where the labels came without any.
    """

    file: str
    text: str = field(repr=False)
    company: str
    units: tuple[Unit, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """One question and what a right answer to it is.

    Attributes:
        kind: one of `KINDS`.
        policy_files: the documents of the companies that it is about; empty where it names none.
        spans: every place that answers it; empty where the policies do not say.
        text_open: the same question naming its company; empty where `text` does so already.
        unknown: companies that it names and that no policy is of.
        given: companies passed beside the question instead of in it.
        verdicts: what may be said to a question of yes or no ("yes", "no", "depends"); none where it is not one.
        group: what intervals group it by, if not by its document ("the clause it is about").
        generic: its words tell so little that its labels are no fair test of a ranking ("what else is said?").
    """

    id: str
    kind: str
    split: str
    text: str
    policy_files: tuple[str, ...]
    spans: tuple[Span, ...]
    history: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    topic: str = ""
    text_open: str = ""
    verdicts: tuple[str, ...] = ()
    group: str = ""
    generic: bool = False

    @property
    def answerable(self) -> bool:
        """Whether some policy answers it."""
        return bool(self.spans)


@dataclass(frozen=True, slots=True)
class Task:
    """Documents, and questions about them.

    Attributes:
        complete: whether every passage that answers is labelled. If not (people quoted one of several), only
            S@k and MRR mean something.
        settings: those that it can be measured in, the usual one first.
    """

    name: str
    documents: tuple[Document, ...] = field(repr=False)
    questions: tuple[LabelledQuestion, ...] = field(repr=False)
    complete: bool = True
    settings: tuple[Setting, ...] = (Setting.PER_POLICY, Setting.OPEN)


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line of a JSON lines file, and where it stands, for messages.

    Raises:
        LabelError: the file cannot be read, or a line is no JSON object.
    """
    # not splitlines(): JSON may hold U+2028 as it is
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise LabelError(f"{where}: not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise LabelError(f"{where}: {type(fields).__name__}, expected an object")
        yield where, fields


def read_text(path: Path) -> str:
    """The file as text in UTF-8, every end of line as a line feed.

    Raises:
        LabelError: it is not there, or no such text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"{path}: cannot be read ({error})") from error


def checked_span(where: str, span: Span, lengths: dict[str, int]) -> Span:
    """`span`, if it lies within its document.

    Args:
        lengths: of each document by file, in code points.
    Raises:
        LabelError: it does not.
    """
    if span.file not in lengths:
        raise LabelError(f"{where}: the label is of {span.file!r}, which is not among the documents")
    if not 0 <= span.start < span.end <= lengths[span.file]:
        raise LabelError(
            f"{where}: the label {span.start}:{span.end} lies outside {span.file}, "
            f"which has {lengths[span.file]:,} characters"
        )
    return span


def checked_questions(found: Sequence[tuple[str, LabelledQuestion]]) -> tuple[LabelledQuestion, ...]:
    """The questions, each with where it stands, if they can be measured.

    Raises:
        LabelError: an id stands twice, a split or kind is none, the words are none that can be asked, or an answerable
            question has no label, or one that is not has some.
    """
    seen: dict[str, str] = {}
    for where, question in found:
        if question.id in seen:
            raise LabelError(f"{where}: id {question.id!r} stands at {seen[question.id]} already")
        seen[question.id] = where
        if question.split not in SPLITS:
            raise LabelError(f"{where}: split {question.split!r}, expected one of {', '.join(SPLITS)}")
        if question.kind not in KINDS:
            raise LabelError(f"{where}: kind {question.kind!r}, expected one of {', '.join(KINDS)}")
        _check_text(where, question.text)
        _check_text(where, question.text_open or question.text)
        if question.kind == "not_stated" and question.spans:
            raise LabelError(f"{where}: question {question.id!r} is {question.kind}, but has labels")
        if question.kind in ("answerable", "several") and not question.spans:
            raise LabelError(f"{where}: question {question.id!r} is {question.kind}, but has no label")
    return tuple(question for _, question in found)


def _check_text(where: str, text: object) -> None:
    if not isinstance(text, str):
        raise LabelError(f"{where}: the question is {type(text).__name__}, expected text")
    if not text.strip():
        raise LabelError(f"{where}: the question is empty")
    if len(text) > MAX_QUESTION_CHARS:
        raise LabelError(f"{where}: the question has {len(text):,} characters, at most {MAX_QUESTION_CHARS:,} are read")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise LabelError(f"{where}: the question holds half of a surrogate pair, which is no text")


def checked_fields(where: str, fields: dict[str, Any], kinds: dict[str, type]) -> None:
    """Nothing, if each field of `kinds` is there and of its type.

    Raises:
        LabelError: one is not.
    """
    for name, kind in kinds.items():
        if name not in fields:
            raise LabelError(f"{where}: {name} is missing")
        if type(fields[name]) is not kind:
            raise LabelError(f"{where}: {name} is {fields[name]!r}, expected {_KIND_NAMES[kind]}")
