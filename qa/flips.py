"""Verdicts that flipped: what a company's policies answered before a version, and with it.

It does not know where questions come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from index.errors import DeadlineExceeded
from index.policies.changes import TOLD, Change
from index.policies.series import day_of
from qa.answers import CompanyVerdict, Outcome, Quotation
from qa.assistant import Assistant
from qa.changes import ChangesPage, VersionChange
from qa.deadline import NO_DEADLINE, Deadline


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that a version answers otherwise than the one before it; both quote what says so."""

    question: str
    before: CompanyVerdict
    after: CompanyVerdict


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A version that changed something, with the questions whose verdicts flipped with it.

    Attributes:
        flips: None where they cannot be told: scores are no probabilities with these models.
    """

    changed: VersionChange
    flips: tuple[Flip, ...] | None


def checked(
    assistant: Assistant, changed: VersionChange, questions: Sequence[str], *, deadline: Deadline = NO_DEADLINE
) -> CheckedChange:
    """`changed` with its `flips`.

    Raises:
        BadQuestion, DeadlineExceeded: see `flips`.
    """
    if not assistant.calibrated:
        return CheckedChange(changed, None)
    return CheckedChange(changed, tuple(flips(assistant, changed, questions, deadline=deadline)))


def checked_page(
    assistant: Assistant, page: ChangesPage, questions: Sequence[str], *, deadline: Deadline
) -> tuple[list[CheckedChange], str | None]:
    """As many versions of `page`, the first ones, as can be asked `questions` in time; and the `next` behind them.

    Raises:
        BadQuestion: see `flips`.
        DeadlineExceeded: there was not even time for one of them.
    """
    found: list[CheckedChange] = []
    for changed in page.versions:
        try:
            found.append(checked(assistant, changed, questions, deadline=deadline))
        except DeadlineExceeded:
            if not found:
                raise
            return found, found[-1].changed.cursor
    return found, page.next


def flips(
    assistant: Assistant, changed: VersionChange, questions: Sequence[str], *, deadline: Deadline = NO_DEADLINE
) -> Iterator[Flip]:
    """Those of `questions` whose verdict flipped with the version of `changed`, in order.

    Only what is sure counts: both answers are given and have a verdict, their scores are probabilities, and what they
    quote was changed by this version. Where two versions are of one day only the later one can be asked, so that
    nothing flips between them; nor does where the company has no dated version before.

    Raises:
        BadQuestion: one of `questions`, see `Assistant.ask`.
        DeadlineExceeded: it is later than `deadline`.
    """
    before, after = changed.before, changed.after
    first, then = (day_of(policy) if policy else None for policy in (before, after))
    told = [change for change in changed.changes if change.kind in TOLD]
    if before is None or first is None or then is None or first == then or not told or not assistant.calibrated:
        return
    for question in questions:
        now = _only_verdict(assistant, changed, question, then, deadline)
        if now is None:
            continue  # then the version before need not be asked
        was = _only_verdict(assistant, changed, question, first, deadline)
        if was and was.verdict is not now.verdict and _is_why(changed, told, was, now):
            yield Flip(question, was, now)


def _only_verdict(
    assistant: Assistant, changed: VersionChange, question: str, as_of: date, deadline: Deadline
) -> CompanyVerdict | None:
    """What the company answers on that day; None where that is no sure verdict."""
    said = assistant.ask(question, companies=[changed.company.id], as_of=as_of, deadline=deadline).verdicts
    sure = [each for each in said if each.outcome is Outcome.ANSWERED and each.verdict is not None]
    return sure[0] if len(said) == len(sure) == 1 else None


def _is_why(changed: VersionChange, told: Sequence[Change], was: CompanyVerdict, now: CompanyVerdict) -> bool:
    """Whether the words quoted before or now are among those that this version changed."""
    before = [change.before for change in told if change.before]
    after = [change.after for change in told if change.after]
    return any(
        quote.policy.id == policy_id and any(_overlaps(quote, stretch.start, stretch.end) for stretch in stretches)
        for verdict, policy_id, stretches in (
            (was, changed.before.id if changed.before else "", before),
            (now, changed.after.id, after),
        )
        for quote in verdict.quotes
    )


def _overlaps(quote: Quotation, start: int, end: int) -> bool:
    return any(begins < end and start < ends for begins, ends in quote.evidence)
