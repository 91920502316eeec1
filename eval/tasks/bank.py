"""Questions written for passages of the training corpus: what trains the model, and a dev part that never does."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.questions import Document, LabelledQuestion, Setting, Span, Task, json_lines, read_text

BANK = Path(__file__).parent.parent / "bank.jsonl"
_DEV_EVERY = 10


def bank_task(policies: Path, *, split: str) -> Task:
    """Questions written for passages of the training corpus; every tenth policy is kept from training as dev.

    A passage that answers is labelled, others of its policy that answer too are not: use S@k and MRR only.

    Args:
        policies: the folder of the corpus's policy files.
        split: "train" or "dev".
    """
    entries = [fields for _, fields in json_lines(BANK)]
    dev = bank_dev_files(entries)
    questions = []
    for number, entry in enumerate(entries):
        mine = "dev" if entry["file"] in dev else "train"
        if mine != split:
            continue
        span = Span(entry["file"], entry["start"], entry["end"])
        for place, text in enumerate(entry["yes"]):
            questions.append(
                LabelledQuestion(
                    f"b{number}.{place}", "answerable", mine, without_placeholder(text), (entry["file"],), (span,)
                )
            )
    used = sorted({question.policy_files[0] for question in questions})
    documents = tuple(Document(file, read_text(policies / file), file) for file in used)
    return Task(f"bank-{split}", documents, tuple(questions), complete=False, settings=(Setting.PER_POLICY,))


def bank_dev_files(entries: Sequence[dict[str, Any]]) -> set[str]:
    """The policy files of the bank that are never trained on."""
    return set(sorted({entry["file"] for entry in entries})[::_DEV_EVERY])


def without_placeholder(text: str) -> str:
    """A bank question without the word that stands for the company's name there.

    >>> without_placeholder("does COMPANY sell my data"), without_placeholder("COMPANY's cookies")
    ('does sell my data', 'cookies')
    """
    return " ".join(re.sub(r"\bCOMPANY(?:['’]s)?\b", " ", text).split())
