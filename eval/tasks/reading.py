"""Questions whose best passages were judged one by one: what the reader is measured on, of companies it never saw."""

from pathlib import Path
from typing import Any

from eval.questions import Document, LabelledQuestion, Setting, Span, Task, json_lines, read_text

READING = Path(__file__).parent.parent / "reading"
_OF_YES_OR_NO = ("yes", "no", "depends")


def reading_task(policies: Path) -> Task:
    """The dev and the test questions of `eval/reading/`.

    Where passages contradict each other, either may be said, and that it depends.

    Args:
        policies: the folder of the corpus's policy files.
    """
    questions = [
        _question(f"{split}{number}", split, row)
        for split in ("dev", "test")
        for number, row in json_lines(READING / f"{split}.jsonl")
    ]
    files = sorted({question.policy_files[0] for question in questions})
    documents = tuple(Document(file, read_text(policies / file), file) for file in files)
    return Task("reading", documents, tuple(questions), settings=(Setting.PER_POLICY,))


def _question(name: str, split: str, row: dict[str, Any]) -> LabelledQuestion:
    judged = [passage["verdict"] for passage in row["passages"]]
    verdicts = tuple(verdict for verdict in _OF_YES_OR_NO if verdict in judged)
    spans = (Span(row["file"], *place) for passage in row["passages"] for place in passage["evidence"])
    return LabelledQuestion(
        name,
        "answerable" if set(judged) != {"none"} else "not_stated",
        split,
        row["question"],
        (row["file"],),
        tuple(dict.fromkeys(spans)),
        verdicts=(*verdicts, "depends") if len(verdicts) > 1 and "depends" not in verdicts else verdicts,
    )
