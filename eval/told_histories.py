"""What an answer tells of the past, in the form that the task `changes` judges: the one place that knows its shape."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from eval.tasks.changes import CHANGED, NOT_STATED, UNCHANGED
from index.policies.series import day_of
from index.policies.versions import Policy
from qa.answers import Answer, Outcome, Quotation


@dataclass(frozen=True, slots=True)
class ToldQuote:
    """A stretch of a version that is quoted: `start:end` of the text of the policy."""

    policy: Policy
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ToldChange:
    """A version that is said to have changed something, with what is quoted of it and of the one before."""

    before: date | None
    after: date | None
    quotes: tuple[ToldQuote, ...]


@dataclass(frozen=True, slots=True)
class ToldHistory:
    """What is told of the past.

    Attributes:
        says: one of the kinds of `eval.tasks.changes`, or the answer's outcome where it tells nothing of the past.
        changes: as they are told, the first one first.
        quotes: what is quoted beside them.
    """

    says: str
    changes: tuple[ToldChange, ...] = ()
    quotes: tuple[ToldQuote, ...] = ()


def told_history(answer: Answer) -> ToldHistory:
    """What `answer` tells of the past.

    A change of which it says that nothing is sure ("the closest change") is told, but not said to be one.
    """
    history: Any = getattr(answer, "history", None)
    if history is None:
        return ToldHistory(str(answer.outcome))
    changes = tuple(_change(change) for company in history.companies for change in company.changes)
    now = [company.now for company in history.companies if company.now]
    quotes = tuple(stretch for said in now for quote in said.quotes for stretch in _stretches(quote))
    return ToldHistory(_says(history), changes, quotes)


def _says(history: Any) -> str:
    if any(company.unchanged_since for company in history.companies):
        return UNCHANGED
    changes = [change for company in history.companies for change in company.changes]
    asked_for_all = not history.timing.asked
    if any(asked_for_all or change.flipped or change.is_sure for change in changes):
        return CHANGED
    said = any(company.now and company.now.outcome is Outcome.ANSWERED for company in history.companies)
    return UNCHANGED if said else NOT_STATED


def _change(change: Any) -> ToldChange:
    quotes = tuple(
        stretch
        for passage in change.passages
        for quote in (passage.before, passage.after)
        if quote
        for stretch in _stretches(quote)
    )
    return ToldChange(day_of(change.before), day_of(change.after), quotes)


def _stretches(quote: Quotation) -> Iterator[ToldQuote]:
    for start, end in quote.evidence:
        yield ToldQuote(quote.policy, start, end)
