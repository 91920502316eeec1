"""Sets in BEIR's layout, with character spans beside it: `corpus.jsonl`, `queries.jsonl`, `qrels/*.tsv`, `docs/`.

BEIR is Thakur et al. 2021. Beyond it, each passage says where it stands in which document (`file`, `start`, `end`),
and each question what it reads like when it names its company (`text_open`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.questions import (
    Document,
    LabelError,
    LabelledQuestion,
    Setting,
    Span,
    Task,
    Unit,
    checked_fields,
    checked_questions,
    checked_span,
    json_lines,
    read_text,
)

_LOOSE_PASSAGE: dict[str, type] = {"_id": str, "doc_id": str, "text": str}
_PASSAGE: dict[str, type] = {**_LOOSE_PASSAGE, "title": str, "file": str, "start": int, "end": int}
_LOOSE_QUESTION: dict[str, type] = {"_id": str, "text": str, "split": str, "answerable": bool}
_QUESTION: dict[str, type] = {**_LOOSE_QUESTION, "text_open": str, "doc_id": str}


@dataclass(frozen=True, slots=True)
class _Label:
    """A passage that answers, and where it is said so."""

    span: Span
    where: str


def beir_task(folder: Path, *, complete: bool) -> Task:
    """The set in `folder`; its passages are the units, and the labels are the spans of those that answer.

    Where passages name no file (a set of loose clauses), they are joined into one document, and the question can
    only be asked of all of them.

    Raises:
        LabelError: a file is missing, a line is not what it should be, a label names no passage, a passage lies
            outside its file, or `checked_questions` refuses a question; the message names file and line.
    """
    passages = list(json_lines(folder / "corpus.jsonl"))
    loose = bool(passages) and "file" not in passages[0][1]
    for where, fields in passages:
        checked_fields(where, fields, _LOOSE_PASSAGE if loose else _PASSAGE)
    documents, spans = _joined(folder, passages) if loose else _documents(folder, passages)
    files_of = {fields["doc_id"]: spans[fields["_id"]].file for _, fields in passages}
    labels = _labels(folder, spans)
    found = []
    for where, fields in json_lines(folder / "queries.jsonl"):
        checked_fields(where, fields, _LOOSE_QUESTION if loose else _QUESTION)
        found.append((where, _question(where, fields, labels.pop(fields["_id"], []), files_of, loose=loose)))
    for question_id, (label, *_) in labels.items():
        raise LabelError(f"{label.where}: no question {question_id!r} in queries.jsonl")
    settings = (Setting.PER_POLICY,) if loose else (Setting.PER_POLICY, Setting.OPEN)
    return Task(folder.name, documents, checked_questions(found), complete=complete, settings=settings)


def _documents(
    folder: Path, passages: list[tuple[str, dict[str, Any]]]
) -> tuple[tuple[Document, ...], dict[str, Span]]:
    texts: dict[str, str] = {}
    lengths: dict[str, int] = {}
    companies: dict[str, str] = {}
    units: dict[str, list[Unit]] = defaultdict(list)
    spans: dict[str, Span] = {}
    for where, fields in passages:
        span = Span(fields["file"], fields["start"], fields["end"])
        if span.file not in texts:
            texts[span.file] = read_text(folder / "docs" / span.file)
            lengths[span.file] = len(texts[span.file])
        _once(where, fields["_id"], spans)
        spans[fields["_id"]] = checked_span(where, span, lengths)
        if companies.setdefault(span.file, fields["title"]) != fields["title"]:
            raise LabelError(f"{where}: {span.file} is of {fields['title']!r}, and of {companies[span.file]!r} before")
        units[span.file].append(Unit(span.start, span.end, fields["text"], fields.get("heading", "")))
    return tuple(
        Document(file, text, companies[file], tuple(sorted(units[file], key=lambda unit: (unit.start, unit.end))))
        for file, text in sorted(texts.items())
    ), spans


def _joined(folder: Path, passages: list[tuple[str, dict[str, Any]]]) -> tuple[tuple[Document, ...], dict[str, Span]]:
    file = f"{folder.name}.txt"
    spans: dict[str, Span] = {}
    units = []
    position = 0
    for where, fields in passages:
        _once(where, fields["_id"], spans)
        end = position + len(fields["text"])
        spans[fields["_id"]] = Span(file, position, end)
        units.append(Unit(position, end, fields["text"]))
        position = end + 2
    text = "\n\n".join(unit.text for unit in units)
    return (Document(file, text, folder.name, tuple(units)),), spans


def _once(where: str, passage_id: str, spans: dict[str, Span]) -> None:
    if passage_id in spans:
        raise LabelError(f"{where}: passage {passage_id!r} stands twice")


def _labels(folder: Path, spans: dict[str, Span]) -> dict[str, list[_Label]]:
    """What answers each question, by its id, of all splits; `*_graded.tsv` repeats them with grades."""
    labels: dict[str, list[_Label]] = defaultdict(list)
    paths = [path for path in sorted((folder / "qrels").glob("*.tsv")) if not path.stem.endswith("_graded")]
    if not paths:
        raise LabelError(f"{folder / 'qrels'}: no label file, expected one such as dev.tsv")
    for path in paths:
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            fields = line.split("\t")
            if not line or (number == 1 and fields[-1] == "score"):
                continue
            where = f"{path}:{number}"
            if len(fields) != 3 or not fields[2].isdecimal():
                raise LabelError(f"{where}: {line!r}, expected question, passage and grade between tabs")
            question_id, passage_id, grade = fields
            if passage_id not in spans:
                raise LabelError(f"{where}: no passage {passage_id!r} in corpus.jsonl")
            if int(grade) > 0:
                labels[question_id].append(_Label(spans[passage_id], where))
    return labels


def _question(
    where: str, fields: dict[str, Any], labels: Sequence[_Label], files_of: dict[str, str], *, loose: bool
) -> LabelledQuestion:
    if loose:
        files = tuple(sorted(set(files_of.values())))
    elif fields["doc_id"] in files_of:
        files = (files_of[fields["doc_id"]],)
    else:
        raise LabelError(f"{where}: no passage of document {fields['doc_id']!r} in corpus.jsonl")
    for label in labels:
        if label.span.file not in files:
            raise LabelError(f"{label.where}: the passage is of {label.span.file}, the question of {files[0]}")
    spans = tuple(label.span for label in labels)
    return LabelledQuestion(
        id=fields["_id"],
        kind="answerable" if fields["answerable"] else "not_stated",
        split=fields["split"],
        text=fields["text"],
        policy_files=files,
        spans=spans,
        group=str(spans[0].start) if loose and spans else "",
        topic=fields.get("requirement") or fields.get("category") or "",
        text_open=fields.get("text_open", ""),
        generic=bool(fields.get("generic")),
    )
