"""PrivacyQA: questions that people asked about mobile apps before installing them, answered sentence by sentence.

Ravichander, Black, Wilson, Norton and Sadeh, EMNLP 2019 (https://www.aclweb.org/anthology/D19-1500); the data is in
https://github.com/AbhilashaRavichander/PrivacyQA_EMNLP, whose README describes the columns. The README states no
licence, it asks to cite the paper; that others list the set under MIT could not be confirmed.

A file holds a line for each question and each sentence of the policy that it is about. The ids nest: `DocID` is the
app's name and a number (`Cake Web Browser _1`), `QueryID` adds the question's number, `SentID` adds the sentence's.
Fields are what stands between tabs: a field never holds a line break, so a quote that opens a field does not hide the
end of the line. This module does not know the original pages, only the sentences cut of them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from eval.questions import (
    Document,
    LabelError,
    LabelledQuestion,
    Span,
    Task,
    Unit,
    checked_questions,
    read_text,
)

RelevantIf = Literal["any", "majority"]

_FILES = {"train": "policy_train_data.csv", "test": "policy_test_data.csv"}
_TEXT_COLUMNS = ("DocID", "QueryID", "SentID", "Query", "Segment")
_ANNOTATORS = ("Ann1", "Ann2", "Ann3", "Ann4", "Ann5", "Ann6")
_LABEL_COLUMNS = {"train": ("Label",), "test": ("Any_Relevant", *_ANNOTATORS)}
_LABELS = ("Relevant", "Irrelevant")
_ORIGIN = (
    "they come from https://github.com/AbhilashaRavichander/PrivacyQA_EMNLP "
    "(Ravichander et al. 2019; its README states no licence)"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line: one sentence of a policy, and whether it is relevant to one question."""

    where: str
    doc_id: str
    question_id: str
    sentence: int
    question: str
    segment: str
    relevant: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as far as it was read; `relevant` is by number of sentence."""

    where: str
    split: str
    text: str
    relevant: dict[int, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Policy:
    """A policy as far as it was read: its segments by number of sentence, the questions about it by id."""

    segments: dict[int, str] = field(default_factory=dict)
    asked: dict[str, _Asked] = field(default_factory=dict)


def privacyqa_task(folder: Path, *, relevant_if: RelevantIf = "any") -> Task:
    """The questions of the files in `folder` or its `data/`; one of the two files is enough.

    A policy is its segments, one a line, and each is a unit. A question of which no segment is relevant is
    "not_stated". Questions hardly ever name the app, so `text_open` puts its name before them.

    Args:
        relevant_if: which segments of the test file, where up to six annotators answered, are labels: those that
            some annotator marked (its `Any_Relevant`), or those that more than half of the annotators who answered
            marked. The train file holds one label a segment.
    Raises:
        LabelError: no file is there (the message says where they come from), a column is missing, a line has
            another number of fields than the first, a field is empty, a label or sentence number is none, or two
            lines contradict each other; the message names file and line.
    """
    policies: dict[str, _Policy] = {}
    for split, path in _files(folder):
        _add(policies, split, _rows(path, split, relevant_if))
    documents: dict[str, Document] = {}
    found: list[tuple[str, LabelledQuestion]] = []
    for doc_id, policy in policies.items():
        document, spans = _document(doc_id, policy.segments)
        if document.file in documents:
            raise LabelError(f"{folder}: two policies would be called {document.file}, one of them is {doc_id!r}")
        documents[document.file] = document
        found += _questions(document, spans, policy.asked)
    return Task("privacyqa", tuple(documents.values()), checked_questions(found))


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Each file that is there, and its split."""
    found: list[tuple[str, Path]] = []
    for split, name in _FILES.items():
        there = [path for path in (folder / "data" / name, folder / name) if path.is_file()]
        found += [(split, path) for path in there[:1]]
    if not found:
        raise LabelError(f"{folder}: neither {' nor '.join(_FILES.values())} is in it or in its data/; {_ORIGIN}")
    return found


def _rows(path: Path, split: str, relevant_if: RelevantIf) -> Iterator[_Row]:
    # not splitlines(): a sentence may hold U+2028
    header, *lines = read_text(path).split("\n")
    columns = header.split("\t")
    missing = [column for column in (*_TEXT_COLUMNS, *_LABEL_COLUMNS[split]) if column not in columns]
    if missing:
        pulled = "; it is a Git LFS pointer: run `git lfs pull` in its repository" if "git-lfs" in header else ""
        raise LabelError(f"{path}:1: no column {', '.join(missing)} in {header[:100]!r}{pulled}")
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        where = f"{path}:{number}"
        fields = line.split("\t")
        if len(fields) != len(columns):
            raise LabelError(f"{where}: {len(fields)} fields between tabs, expected {len(columns)} as in line 1")
        yield _row(where, dict(zip(columns, map(_unquoted, fields), strict=True)), split, relevant_if)


def _unquoted(text: str) -> str:
    """A field without the quotes that a spreadsheet puts around one with quotes in it; other quotes are the policy's.

    >>> _unquoted('"We call it ""data""."'), _unquoted('"Data" means "all".'), _unquoted('"')
    ('We call it "data".', '"Data" means "all".', '"')
    """
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('""', ""):
        return text[1:-1].replace('""', '"')
    return text


def _row(where: str, fields: dict[str, str], split: str, relevant_if: RelevantIf) -> _Row:
    for column in _TEXT_COLUMNS:
        if not fields[column]:
            raise LabelError(f"{where}: {column} is empty")
    number = fields["SentID"].rpartition("_")[2]
    if not (number.isascii() and number.isdecimal()):
        raise LabelError(f"{where}: SentID {fields['SentID']!r}, expected a sentence number after its last _")
    return _Row(
        where,
        fields["DocID"],
        fields["QueryID"],
        int(number),
        fields["Query"].strip(),
        fields["Segment"],
        _relevant(where, fields, split, relevant_if),
    )


def _relevant(where: str, fields: dict[str, str], split: str, relevant_if: RelevantIf) -> bool:
    if split == "train":
        return _label(where, fields, "Label", _LABELS) == "Relevant"
    if relevant_if == "any":
        return _label(where, fields, "Any_Relevant", _LABELS) == "Relevant"
    answers = [_label(where, fields, column, (*_LABELS, "None")) for column in _ANNOTATORS]
    return answers.count("Relevant") > answers.count("Irrelevant")


def _label(where: str, fields: dict[str, str], column: str, known: tuple[str, ...]) -> str:
    if fields[column] not in known:
        raise LabelError(f"{where}: {column} is {fields[column]!r}, expected one of {', '.join(known)}")
    return fields[column]


def _add(policies: dict[str, _Policy], split: str, rows: Iterable[_Row]) -> None:
    for row in rows:
        policy = policies.setdefault(row.doc_id, _Policy())
        segment = policy.segments.setdefault(row.sentence, row.segment)
        _same(row.where, f"sentence {row.sentence} of {row.doc_id!r}", segment, row.segment)
        asked = policy.asked.setdefault(row.question_id, _Asked(row.where, split, row.question))
        _same(row.where, f"the split of {row.question_id!r}", asked.split, split)
        _same(row.where, f"question {row.question_id!r}", asked.text, row.question)
        relevant = asked.relevant.setdefault(row.sentence, row.relevant)
        _same(row.where, f"whether sentence {row.sentence} answers {row.question_id!r}", relevant, row.relevant)


def _same(where: str, what: str, before: object, now: object) -> None:
    if before != now:
        raise LabelError(f"{where}: {what} is {now!r} here, but was {before!r} in an earlier line")


def _document(doc_id: str, segments: dict[int, str]) -> tuple[Document, dict[int, Span]]:
    """The policy, and where each of its sentences stands, by number."""
    file = f"{_plain(doc_id)}.txt"
    spans: dict[int, Span] = {}
    position = 0
    for sentence, segment in sorted(segments.items()):
        spans[sentence] = Span(file, position, position + len(segment))
        position += len(segment) + len("\n")
    units = tuple(Unit(span.start, span.end, segments[sentence]) for sentence, span in spans.items())
    return Document(file, "\n".join(unit.text for unit in units), _company(doc_id), units), spans


def _company(doc_id: str) -> str:
    """The app's name.

    >>> _company("Cake Web Browser _1"), _company("Clean Master_2")
    ('Cake Web Browser', 'Clean Master')
    """
    return re.sub(r"\s*_\s*\d+$", "", doc_id).strip()


def _plain(source_id: str) -> str:
    """An id as every file system takes it, and TREC's formats, where a space ends a field.

    >>> _plain("Cake Web Browser _1_0"), _plain("Plan/It: To Do_2")
    ('cake-web-browser-1-0', 'plan-it-to-do-2')
    """
    return re.sub(r"[\W_]+", "-", source_id).strip("-").casefold()


def _questions(
    document: Document, spans: dict[int, Span], asked: dict[str, _Asked]
) -> Iterator[tuple[str, LabelledQuestion]]:
    for question_id, question in asked.items():
        labels = tuple(spans[sentence] for sentence, relevant in sorted(question.relevant.items()) if relevant)
        yield (
            question.where,
            LabelledQuestion(
                id=_plain(question_id),
                kind="answerable" if labels else "not_stated",
                split=question.split,
                text=question.text,
                policy_files=(document.file,),
                spans=labels,
                text_open=_naming(document.company, question.text),
            ),
        )


def _naming(company: str, question: str) -> str:
    """The question with its company before it; empty if it writes the name just so.

    Capitals count, for an app may be called as a verb is: "do you keep my notes" does not name Keep.

    >>> _naming("Keep", "do you keep my notes"), _naming("Keep", "does Keep sell them")
    ('Keep: do you keep my notes', '')
    """
    named = re.search(rf"(?<!\w){re.escape(company)}(?!\w)", question)
    return "" if named else f"{company}: {question}"
