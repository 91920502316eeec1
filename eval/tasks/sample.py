"""The questions about the five sample policies, written for this project: `eval/questions/`."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eval.questions import (
    KINDS,
    Document,
    LabelError,
    LabelledQuestion,
    Setting,
    Span,
    Task,
    checked_questions,
    json_lines,
)

SAMPLE_QUESTIONS = Path(__file__).parent.parent / "questions"
SAMPLE_POLICIES = Path(__file__).parent.parent.parent / "index" / "sample"

# Which sample file is whose; imgwg has no domain, so its id is a slug.
_SAMPLE_FILES = {
    "mig.me": "000_9da1b806df847e6c.txt",
    "mailigen.com": "001_2213535beeed7881.txt",
    "mightycall.com": "002_d9ca0be5d44d83fa.txt",
    "imgwg-communications": "003_a1df9efa63f0d072.txt",
    "jivochat.com": "004_442ca016cb6ce53e.txt",
}


def sample_task(folder: Path = SAMPLE_QUESTIONS, policies: Path = SAMPLE_POLICIES) -> Task:
    """The questions about the five sample policies; most name their company, so open is the usual setting.

    Raises:
        LabelError: a line is no question, an id or a topic stands twice where it may not, a quote is not in its policy.
    """
    texts = {file: (policies / file).read_text(encoding="utf-8") for file in _SAMPLE_FILES.values()}
    found: list[tuple[str, LabelledQuestion]] = []
    splits_of_topic: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind in KINDS:
        for where, fields in json_lines(folder / f"{kind}.jsonl"):
            question = _sample_question(where, kind, fields, texts)
            found.append((where, question))
            splits_of_topic[kind, question.topic].add(question.split)
            if len(splits_of_topic[kind, question.topic]) > 1:
                raise LabelError(f"{where}: topic {question.topic!r} is in two splits, so dev would tell of test")
    documents = tuple(Document(file, texts[file], company) for company, file in _SAMPLE_FILES.items())
    return Task("sample", documents, checked_questions(found), settings=(Setting.OPEN, Setting.PER_POLICY))


def _sample_question(where: str, kind: str, fields: dict[str, Any], texts: dict[str, str]) -> LabelledQuestion:
    try:
        spans = tuple(
            span
            for evidence in fields["evidence"]
            for span in _places(where, evidence["quote"], _SAMPLE_FILES[evidence["company"]], texts)
        )
        unknown = tuple(fields.get("unknown", ()))
        given = tuple(fields["companies"])
        return LabelledQuestion(
            fields["id"],
            kind,
            fields["split"],
            fields["question"],
            tuple(_SAMPLE_FILES[company] for company in fields["named"]),
            spans,
            tuple(fields["history"]),
            given,
            unknown,
            fields["topic"],
            text_open=f"{' and '.join(given)}: {fields['question']}" if given else "",
        )
    except (KeyError, TypeError) as error:
        raise LabelError(f"{where}: {error!r} is missing or of another kind than expected") from error


def _places(where: str, quote: str, file: str, texts: dict[str, str]) -> Iterator[Span]:
    """Every place of `quote` in its policy: a sentence that stands twice answers twice."""
    start = texts[file].find(quote)
    if start < 0:
        raise LabelError(f"{where}: the quote {quote[:60]!r} is not in {file}")
    while start >= 0:
        yield Span(file, start, start + len(quote))
        start = texts[file].find(quote, start + 1)
