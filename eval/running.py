"""Questions put to the running code, and what came back, a row a question. It does not judge the rows."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.questions import LabelledQuestion
from index.policy_index import PolicyIndex
from qa.answers import Hit, Outcome
from qa.assistant import Assistant

DEPTH = 10


@dataclass(frozen=True, slots=True)
class Row:
    """What one question got.

    Attributes:
        rank: of the first hit that overlaps a label, from 1; None where none does.
        quoted: whether some evidence of the first hit overlaps a label.
        best_score: the first hit's score; 0 without hits.
        took_ms: wall time of `ask`, in process.
    """

    question: LabelledQuestion
    outcome: Outcome
    rank: int | None
    quoted: bool
    companies: tuple[str, ...]
    named: tuple[str, ...]
    resolved: tuple[str, ...]
    unknown: tuple[str, ...]
    best_score: float
    took_ms: float


def run(
    assistant: Assistant,
    questions: Iterable[LabelledQuestion],
    *,
    by_file: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> list[Row]:
    """The row of each question, in order.

    Args:
        by_file: give the company of the labelled policy beside the question (the setting "per policy").
    """
    owners = company_of_files(assistant.index)
    rows = []
    for question in questions:
        named = tuple(owners[file] for file in question.policy_files)
        given = question.given or (named if by_file else ())
        began = time.perf_counter()
        answer = assistant.ask(without_placeholder(question.text), companies=given, history=question.history, k=DEPTH)
        took_ms = (time.perf_counter() - began) * 1000
        ranks = [place for place, hit in enumerate(answer.hits, start=1) if overlaps(hit, question)]
        first = answer.hits[:1]
        rows.append(
            Row(
                question=question,
                outcome=answer.outcome,
                rank=ranks[0] if ranks else None,
                quoted=any(_quotes(hit, question) for hit in first),
                companies=tuple(hit.company.id for hit in answer.hits),
                named=named,
                resolved=tuple(match.company.id for match in answer.companies),
                unknown=tuple(name.name for name in answer.unknown_companies),
                best_score=first[0].score if first else 0.0,
                took_ms=took_ms,
            )
        )
        progress()
    return rows


def company_of_files(index: PolicyIndex) -> dict[str, str]:
    """The company id of each policy file, by the file's name."""
    return {Path(policy.path).name: policy.company_id for policy in index.policies.values()}


def without_placeholder(text: str) -> str:
    """A bank question without the word that stands for the company's name there.

    >>> without_placeholder("does COMPANY sell my data"), without_placeholder("COMPANY's cookies")
    ('does sell my data', 'cookies')
    """
    return " ".join(re.sub(r"\bCOMPANY(?:['’]s)?\b", " ", text).split())


def overlaps(hit: Hit, question: LabelledQuestion) -> bool:
    """Whether the hit's passage shares a character with a labelled span."""
    return _any_overlap(hit, [(hit.passage.start, hit.passage.end)], question)


def _quotes(hit: Hit, question: LabelledQuestion) -> bool:
    return _any_overlap(hit, [(evidence.start, evidence.end) for evidence in hit.evidence], question)


def _any_overlap(hit: Hit, spans: Sequence[tuple[int, int]], question: LabelledQuestion) -> bool:
    file = Path(hit.policy.path).name
    return any(
        label.file == file and start < label.end and label.start < end
        for label in question.spans
        for start, end in spans
    )
