"""What comes back: hits with their evidence, a verdict for each company, and the answer made of them.

It does not know how they are found.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from index.language.detect import can_read
from index.language.english import listed
from index.parsing.document import Span
from index.parsing.notes import marks_in
from index.policies.companies import Company
from index.policies.passages import Passage, shown
from index.policies.versions import Policy
from qa.question.language import not_read
from qa.question.mentions import Matched, UnknownName
from qa.question.query import Query
from qa.question.turn_kinds import reply
from qa.unread import Unread

if TYPE_CHECKING:
    from qa.counts import Counts
    from qa.history import History

_LIST_MARK = re.compile(r"(?<=\n)[\s>*_]*\(?[0-9A-Za-z]{1,4}\\?[.)]\s+\Z")


class Outcome(StrEnum):
    """What an answer says of the question."""

    ANSWERED = "answered"
    UNCLEAR = "unclear"
    NOT_STATED = "not_stated"
    NO_VERSION = "no_version"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    UNKNOWN_COMPANY = "unknown_company"
    OUT_OF_SCOPE = "out_of_scope"


class Verdict(StrEnum):
    """What a policy says to a question of yes or no."""

    YES = "yes"
    NO = "no"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that answers: exactly what stands at `start:end` of the policy's text (invariant 6)."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Quotation:
    """Words of one policy that can be pasted: nothing is left out of them without a mark (invariant 2).

    Attributes:
        policy: with its text.
        passages: those that the evidence is of, in reading order; the first tells where it stands.
        evidence: spans of the policy's text, in reading order, each within one of `passages`.
    Raises:
        ValueError: a span is in none of the passages, or they do not follow one another.
    """

    policy: Policy
    passages: tuple[Passage, ...]
    evidence: tuple[Span, ...]

    def __post_init__(self) -> None:
        ends = [0, *(end for _, end in self.evidence)]
        if not self.evidence or any(start < before for (start, _), before in zip(self.evidence, ends, strict=False)):
            raise ValueError(f"expected spans in reading order, got {self.evidence}")
        for start, end in self.evidence:
            if not any(passage.start <= start < end <= passage.end for passage in self.passages):
                raise ValueError(f"{(start, end)} is in none of the passages quoted")

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """All that is quoted: what governs the evidence, the evidence, and the footnotes that it cites."""
        lead_ins = {span for passage in self.passages for span in passage.lead_ins}
        notes = {note for passage in self.passages for note in _cited(self.policy.text, passage, self.evidence)}
        before = sorted(lead_ins - set(self.evidence))
        return (*_merged([*before, *self.evidence]), *sorted(notes))

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The words at each of `spans` for people, without markup."""
        return tuple(shown(self.policy.text, self.passage_of(span), *span) for span in self.spans)

    @cached_property
    def text(self) -> str:
        """The words for people, without markup; where the policy has words between them stands “…”."""
        quoted, position = "", None
        for (start, end), words in zip(self.spans, self.pieces, strict=True):
            parted = position is not None and not _follows(self.policy.text, position, start)
            quoted += (" … " if parted else " ") + words if quoted else words
            position = end
        return quoted

    def passage_of(self, span: Span) -> Passage:
        """Whose words those at `span` are: the passage that holds them, or the one that they govern."""
        for passage in self.passages:
            inside = passage.start <= span[0] < passage.end
            if inside or span in passage.lead_ins or span in passage.notes:
                return passage
        return self.passages[0]


def _merged(spans: Iterable[Span]) -> list[Span]:
    """`spans` in reading order, those that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, whose it is, and the sentences in it that answer, if any do.

    Attributes:
        score: the probability in [0, 1] that the passage answers; comparable between questions.
        undated: that no date tells its policy from another version of the same.
    """

    passage: Passage
    policy: Policy
    company: Company
    score: float
    evidence: tuple[Evidence, ...]
    undated: bool = False

    @property
    def segments(self) -> tuple[tuple[str, bool], ...]:
        """The passage for people to read, without markup, in pieces: (words, whether they are evidence)."""
        pieces: list[tuple[Span, bool]] = []
        position = self.passage.start
        for evidence in self.evidence:
            pieces += [((position, evidence.start), False), ((evidence.start, evidence.end), True)]
            position = evidence.end
        pieces.append(((position, self.passage.end), False))
        read = ((shown(self.policy.text, self.passage, *span), is_evidence) for span, is_evidence in pieces)
        return tuple((words, is_evidence) for words, is_evidence in read if words)

    @property
    def quotation(self) -> Quotation | None:
        """Its evidence with what governs it, if it has any."""
        if not self.evidence:
            return None
        return Quotation(self.policy, (self.passage,), tuple((found.start, found.end) for found in self.evidence))


@dataclass(frozen=True, slots=True)
class CompanyVerdict:
    """What one company's policies say to the question.

    Attributes:
        outcome: `ANSWERED`, `UNCLEAR` or `NOT_STATED`; or why its policies cannot be asked.
        verdict: None where the question is not of yes or no, or where it is not sure which.
        probability: that its policies answer, in [0, 1].
        quotes: what says so, the best first; where it is unclear, what comes closest.
        undated: policies' ids, see `Hit`.
    """

    company: Company
    outcome: Outcome
    verdict: Verdict | None
    probability: float
    quotes: tuple[Quotation, ...]
    undated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What one of several questions asked at once got.

    Attributes:
        question: the part as it stands in the question as asked once the history was taken in.
    """

    question: str
    outcome: Outcome
    text: str
    verdicts: tuple[CompanyVerdict, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question got.

    Attributes:
        standalone_question: the question as asked once the history was taken in.
        text: verdicts, quotes and attributions, and nothing else.
        companies: those the question is about, with the words that named them.
        verdicts: one for each company that was asked.
        hits: the nearest passages, best first; also where the policy does not say, for a person to judge.
        calibrated: whether scores are probabilities: weights were fitted for the models that were used.
        parts: of a question that asks several things, each in order; else none.
        next_offset: the place of the first company that was not asked yet; None if all were.
        counts: where the question asks which or how many companies do something: what all say; `verdicts` is a page.
        history: where it asks when or whether something changed: what did; `verdicts` is what is said now.
    """

    question: str
    standalone_question: str
    outcome: Outcome
    text: str
    companies: tuple[Matched, ...]
    unknown_companies: tuple[UnknownName, ...]
    hits: tuple[Hit, ...]
    index_version: str
    verdicts: tuple[CompanyVerdict, ...] = ()
    calibrated: bool = True
    parts: tuple[PartAnswer, ...] = ()
    next_offset: int | None = None
    counts: "Counts | None" = None
    history: "History | None" = None


class Answerer(Protocol):
    """What puts verdicts into words."""

    def answer(
        self, query: Query, outcome: Outcome, verdicts: Sequence[CompanyVerdict], closed: Sequence[Unread]
    ) -> str:
        """A short text that says nothing which the verdicts do not; `closed` are companies that could not be asked."""
        ...


BEGINNINGS = {Verdict.YES: "Yes.", Verdict.NO: "No.", Verdict.DEPENDS: "It depends.", None: "The policy says:"}
OUTSIDE = "This is not a question about a privacy policy."


class ExtractiveAnswerer:
    """Quotes, never invents."""

    def answer(
        self, query: Query, outcome: Outcome, verdicts: Sequence[CompanyVerdict], closed: Sequence[Unread]
    ) -> str:
        """See `Answerer`. Companies that answer come first, in the order given; the silent ones share one line."""
        if query.small_talk:
            return reply(query.small_talk, [company.name for company in query.covered])
        if not can_read(query.language):
            return not_read(query.language)
        lines = [*map(_unknown_line, query.unknown), *(each.words for each in closed)]
        if query.not_covered:
            lines.insert(0, f"This chat covers {listed([company.name for company in query.covered])}.")
        if outcome is Outcome.OUT_OF_SCOPE:
            return "\n".join([*lines, OUTSIDE])
        lines += [line for each in verdicts if each.outcome is Outcome.ANSWERED for line in _said(each)]
        lines += [line for each in verdicts if each.outcome is Outcome.UNCLEAR for line in _perhaps(each, verdicts)]
        silent = [each.company.name for each in verdicts if each.outcome is Outcome.NOT_STATED]
        if silent:
            does = "The policy of {} does not say." if len(silent) == 1 else "The policies of {} do not say."
            lines.append(does.format(listed(silent)))
        return "\n".join(lines)


def _said(said: CompanyVerdict) -> list[str]:
    first, *others = [f"“{quote.text}” — {where(said, quote)}" for quote in said.quotes]
    return [f"{BEGINNINGS[said.verdict]} {first}", *others]


def _perhaps(said: CompanyVerdict, beside: Sequence[CompanyVerdict]) -> list[str]:
    whose = f"The policy of {said.company.name}" if len(beside) > 1 else "The policy"
    return [f"{whose} may not say. The closest is: “{quote.text}” — {where(said, quote)}" for quote in said.quotes[:1]]


def where(said: CompanyVerdict, quote: Quotation) -> str:
    """Whose words a quote of `said` is, and where they stand: company, title, heading and days."""
    passage, policy = quote.passages[0], quote.policy
    heading = f", “{passage.heading[-1].rstrip('.:')}”" if passage.heading else ""
    undated = ", undated" if policy.id in said.undated else ""
    return f"{said.company.name}, {policy.title}{heading}{_days(policy)}{undated}"


def _days(policy: Policy) -> str:
    """From when a policy is: the day that it was recorded, and the one that it states."""
    archived, effective = policy.archived_on, policy.effective_on
    days = f", archived {archived.isoformat()}" if archived else ""
    if effective and effective != archived:
        days += f", effective {effective.isoformat()}"
    return days


def _cited(text: str, passage: Passage, evidence: Sequence[Span]) -> list[Span]:
    """The footnotes of `passage` that its sentences at `evidence` cite; all of them where no mark tells."""
    marks = marks_in(passage.text)
    if len(marks) != len(passage.notes):
        return list(passage.notes)
    here = {mark for start, end in evidence for mark in marks_in(text[start:end])}
    return [note for mark, note in zip(marks, passage.notes, strict=True) if mark in here]


def _follows(text: str, end: int, start: int) -> bool:
    """Whether nothing but white space and marks, those of list items too, stands between `end` and `start`."""
    return end <= start and not any(character.isalnum() for character in _LIST_MARK.sub("", text[end:start]))


def _unknown_line(unknown: UnknownName) -> str:
    nearest = f" Nearest names: {', '.join(unknown.nearest)}." if unknown.nearest else ""
    return f"No policy of {unknown.name} is in this index.{nearest}"
