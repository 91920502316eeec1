"""PrivacySpy: what people graded of products' policies, twelve questions each, with the quotes that they went by."""

from pathlib import Path
from typing import Any

from eval.questions import Document, LabelledQuestion, Setting, Span, Task, json_lines, read_text

_VERDICTS = {"yes": "yes", "no": "no", "partly": "depends"}


def privacyspy_task(folder: Path) -> Task:
    """The graded questions that a quote answers, or that a grader says the policy does not answer.

    Quotes are some of what answers, not all: use S@k and verdicts.
    """
    rows = [row for _, row in json_lines(folder / "queries.jsonl") if row["answerable"] is not None]
    files = sorted({row["file"] for row in rows})
    documents = tuple(Document(file, read_text(folder / "docs" / file), file) for file in files)
    settings = (Setting.PER_POLICY, Setting.OPEN)
    return Task("privacyspy", documents, tuple(map(_question, rows)), complete=False, settings=settings)


def _question(row: dict[str, Any]) -> LabelledQuestion:
    said = [row["verdict"], *row["also_ok"]] if row["answerable"] else []
    return LabelledQuestion(
        row["_id"],
        "answerable" if row["answerable"] else "not_stated",
        row["split"],
        row["text"],
        (row["file"],),
        tuple(Span(row["file"], start, end) for start, end in row["spans"]),
        topic=row["question"],
        text_open=row["text_open"],
        verdicts=tuple(_VERDICTS[verdict] for verdict in said if verdict in _VERDICTS),
    )
