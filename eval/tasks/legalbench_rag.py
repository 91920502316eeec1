"""LegalBench-RAG: questions about contracts and policies whose answers are character spans of a pooled corpus.

Pipitone and Alami 2024 (https://arxiv.org/abs/2408.10343); https://github.com/zeroentropy-ai/legalbenchrag links to
the data, and its `benchmark_types.py` is the form read here: `benchmarks/NAME.json` is
`{"tests": [{"query": ..., "snippets": [{"file_path": ..., "span": [start, end], "answer": ...}]}]}`, the files are
under `corpus/`. Spans count code points of a file as Python reads it, each end of line as one.

The repository is under MIT. Its README asks to keep to the terms of what it was made of: ContractNLI (CC BY 4.0),
CUAD (CC BY 4.0), MAUD and PrivacyQA (unknown here). The part `privacy_qa` is made of the test file of PrivacyQA, so it
shares questions with `eval.tasks.privacyqa`; questions without an answer were left out, and a sentence answers if at
least half of the annotators who answered said so. This module does not know which company a contract is of.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from unicodedata import normalize

from eval.questions import (
    Document,
    LabelError,
    LabelledQuestion,
    Setting,
    Span,
    Task,
    checked_questions,
    checked_span,
    read_text,
)

_ORIGIN = (
    "it comes from the download link in the README of https://github.com/zeroentropy-ai/legalbenchrag "
    "(Pipitone and Alami 2024; the terms of ContractNLI, CUAD, MAUD and PrivacyQA apply)"
)
_KIND_NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class _Label:
    """A place that answers; `answer` is its words where they are published, else None."""

    where: str
    span: Span
    answer: str | None


def legalbench_rag_task(folder: Path, benchmark: str) -> Task:
    """The questions of `folder/benchmarks/BENCHMARK.json`, all of split "test", over their folders of `folder/corpus`.

    The authors pool documents and name one in each question, so open is the usual setting; their own run pools those
    of all four benchmarks, this task those of one. A document's company is its file's name without the ending.

    Args:
        benchmark: "privacy_qa", "contractnli", "cuad" or "maud", as the files are called.
    Raises:
        LabelError: a file is missing (the message says where the data comes from), the JSON is of another form, or
            a span lies outside its file or does not hold the words that are given as its answer; the message names
            the file and the place in it, such as `tests[12].snippets[0]`.
    """
    path = folder / "benchmarks" / f"{benchmark}.json"
    tests = [(where, text, list(_labels(where, test))) for where, text, test in _tests(path)]
    tops = {_top(label.span.file) for _, _, labels in tests for label in labels}
    documents = _documents(folder / "corpus", tops)
    lengths = {file: len(document.text) for file, document in documents.items()}
    found = []
    for number, (where, text, labels) in enumerate(tests):
        spans = tuple(checked_span(label.where, label.span, lengths) for label in labels)
        for label in labels:
            _check_answer(label, documents[label.span.file].text)
        files = tuple(dict.fromkeys(span.file for span in spans))
        found.append((where, LabelledQuestion(f"{benchmark}-{number}", "answerable", "test", text, files, spans)))
    return Task(
        f"legalbench_rag_{benchmark}",
        tuple(documents.values()),
        checked_questions(found),
        settings=(Setting.OPEN, Setting.PER_POLICY),
    )


def _tests(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each test with where it stands and what it asks."""
    if not path.is_file():
        raise LabelError(f"{path} is not there: {_ORIGIN}")
    try:
        benchmark = json.loads(read_text(path))
    except ValueError as error:
        raise LabelError(f"{path}: not JSON ({error})") from error
    tests = _expected(str(path), benchmark, dict).get("tests")
    for number, test in enumerate(_expected(f"{path}: tests", tests, list)):
        where = f"{path}: tests[{number}]"
        fields = _expected(where, test, dict)
        yield where, _expected(f"{where}.query", fields.get("query"), str), fields


def _labels(where: str, test: dict[str, Any]) -> Iterator[_Label]:
    for number, snippet in enumerate(_expected(f"{where}.snippets", test.get("snippets"), list)):
        place = f"{where}.snippets[{number}]"
        fields = _expected(place, snippet, dict)
        file = _expected(f"{place}.file_path", fields.get("file_path"), str)
        start, end = _ends(f"{place}.span", fields.get("span"))
        answer = fields.get("answer")
        if answer is not None:
            answer = _expected(f"{place}.answer", answer, str)
        yield _Label(place, Span(_composed(file), start, end), answer)


def _ends(where: str, span: object) -> tuple[int, int]:
    match span:
        case [int(start), int(end)]:
            return start, end
    raise LabelError(f"{where} is {span!r}, expected two whole numbers, start and end")


def _expected(where: str, value: object, kind: type[_Kind]) -> _Kind:
    if not isinstance(value, kind):
        raise LabelError(f"{where} is {type(value).__name__}, expected {_KIND_NAMES[kind]}")
    return value


def _composed(file: str) -> str:
    # an archive unpacked on a Mac may name a file with `é` as two code points where the benchmark has one
    return normalize("NFC", file)


def _top(file: str) -> str:
    """The first folder of a path, "." if it has none.

    >>> _top("cuad/part/a.txt"), _top("a.txt")
    ('cuad', '.')
    """
    folders = PurePosixPath(file).parts[:-1]
    return folders[0] if folders else "."


def _documents(corpus: Path, tops: set[str]) -> dict[str, Document]:
    """Every file of the corpus under `tops`, by its name within the corpus, in order of names."""
    if not corpus.is_dir():
        raise LabelError(f"{corpus} is not there: {_ORIGIN}")
    paths = {
        _composed(path.relative_to(corpus).as_posix()): path
        for top in tops
        for path in (corpus / top).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    return {file: Document(file, read_text(path), PurePosixPath(file).stem) for file, path in sorted(paths.items())}


def _check_answer(label: _Label, text: str) -> None:
    words = text[label.span.start : label.span.end]
    if label.answer is not None and label.answer != words:
        raise LabelError(
            f"{label.where}: {label.span.file} holds {words[:60]!r} at {label.span.start}:{label.span.end}, "
            f"but the answer is given as {label.answer[:60]!r}"
        )
