"""What comes back: hits with their evidence, and the answer made of them. It does not know how they are found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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
from qa.question.small_talk import reply
from qa.unread import Unread

_MOST_QUOTES, _MOST_CLOSED = 3, 5
_LIST_MARK = re.compile(r"(?<=\n)[\s>*_]*\(?[0-9A-Za-z]{1,4}\\?[.)]\s+\Z")


class Outcome(StrEnum):
    """What an answer says of the question."""

    ANSWERED = "answered"
    NOT_STATED = "not_stated"
    NO_VERSION = "no_version"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    UNKNOWN_COMPANY = "unknown_company"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that answers: exactly what stands at `start:end` of the policy's text (invariant 6)."""

    start: int
    end: int
    text: str


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question got.

    Attributes:
        standalone_question: the question as asked once the history was taken in.
        text: quotes and attributions, and nothing else.
        companies: those the question is about, with the words that named them.
        hits: the nearest passages, best first; also where the policy does not say, for a person to judge.
    """

    question: str
    standalone_question: str
    outcome: Outcome
    text: str
    companies: tuple[Matched, ...]
    unknown_companies: tuple[UnknownName, ...]
    hits: tuple[Hit, ...]
    index_version: str


class Answerer(Protocol):
    """What puts hits into words."""

    def answer(self, query: Query, outcome: Outcome, hits: Sequence[Hit], closed: Sequence[Unread]) -> str:
        """A short text that says nothing which the hits do not; `closed` are companies that could not be asked."""
        ...


class ExtractiveAnswerer:
    """Quotes, never invents."""

    def answer(self, query: Query, outcome: Outcome, hits: Sequence[Hit], closed: Sequence[Unread]) -> str:
        """See `Answerer`. One quote a company, the best first, up to three."""
        if query.small_talk:
            return reply(query.small_talk, [company.name for company in query.covered])
        if not can_read(query.language):
            return not_read(query.language)
        lines = [*map(_unknown_line, query.unknown), *(each.words for each in closed[:_MOST_CLOSED])]
        if query.not_covered:
            lines.insert(0, f"This chat covers {listed([company.name for company in query.covered])}.")
        left_out = {each.company.id for each in closed}
        asked = [company for company in query.companies if company.id not in left_out]
        if outcome is Outcome.ANSWERED:
            best: dict[str, Hit] = {}
            for hit in hits:
                if hit.evidence:
                    best.setdefault(hit.company.id, hit)
            lines += [_quote(hit) for hit in list(best.values())[: max(_MOST_QUOTES, len(asked))]]
            shown = {hit.company.id for hit in hits}  # a small k cuts companies off, whatever their policies say
            silent = [company.name for company in asked if company.id not in best and company.id in shown]
            if silent:
                lines.append(f"The policy of {listed(silent)} does not say.")
        elif outcome is Outcome.NOT_STATED:
            names = [company.name for company in asked]
            lines.append(f"The policy of {listed(names)} does not say." if names else "None of the policies says.")
        elif outcome is Outcome.OUT_OF_SCOPE:
            lines.append("This is not a question about a privacy policy.")
        return "\n".join(lines)


def _quote(hit: Hit) -> str:
    where = f", “{hit.passage.heading[-1].rstrip('.:')}”" if hit.passage.heading else ""
    return f"“{quotation(hit)}” — {hit.company.name}, {hit.policy.title}{where}{_days(hit)}"


def _days(hit: Hit) -> str:
    """From when a policy is: the day that it was recorded, and the one that it states."""
    archived, effective = hit.policy.archived_on, hit.policy.effective_on
    days = f", archived {archived.isoformat()}" if archived else ""
    if effective and effective != archived:
        days += f", effective {effective.isoformat()}"
    return days + (", undated" if hit.undated else "")


def quotation(hit: Hit) -> str:
    """The evidence of `hit` word for word, behind all that governs it and before the footnotes that it cites.

    Words that do not follow each other in the policy are parted by “…”.
    """
    text, passage = hit.policy.text, hit.passage
    evidence = [(found.start, found.end) for found in hit.evidence]
    spans = [*passage.lead_ins, *evidence, *_cited(text, passage, evidence)]
    quoted, position = "", None
    for start, end in spans:
        words = shown(text, passage, start, end)
        parted = position is not None and not _follows(text, position, start)
        quoted += (" … " if parted else " ") + words if quoted else words
        position = end
    return quoted


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
