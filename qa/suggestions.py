"""Questions to suggest: each is put to the index first, and suggested only where it is answered well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from index.policies.companies import Company
from qa.answers import Answer, Outcome
from qa.assistant import COMPANIES_A_PAGE, Assistant
from qa.deadline import NO_DEADLINE, Deadline

# What a suggestion shows is what people judge the whole by: better none than one that may be wrong.
MIN_PROBABILITY = 0.75
MAX_SUGGESTIONS = 8
_MAX_COMPANIES = 4
# As many companies are asked for a suggestion each, before a list is short.
_MAX_COMPANIES_ASKED = 12


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A question that might be suggested; `yes_or_no`: that is how it must be answered."""

    question: str
    yes_or_no: bool = False

    def about(self, company: Company) -> str:
        """The question about `company`."""
        return self.question.format(company=company.name)


_ABOUT_ONE = (
    _Candidate("Does {company} sell my personal data?", yes_or_no=True),
    _Candidate("Does {company} notify me on acquisition?", yes_or_no=True),
    _Candidate("How do I opt out of emails from {company}?"),
    _Candidate("What personal data does {company} collect?"),
    _Candidate("Does {company} share my data with third parties?", yes_or_no=True),
    _Candidate("How long does {company} keep my data?"),
    _Candidate("Does {company} use cookies?", yes_or_no=True),
    _Candidate("How can I delete my data at {company}?"),
    _Candidate("What happens to my data if {company} is sold?"),
    _Candidate("How do I contact {company} about privacy?"),
)
_ABOUT_ALL = (
    "Which companies sell personal data?",
    "Which companies share data with advertisers?",
    "Which companies share data with third parties?",
    "Which companies use cookies?",
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question that is answered well as it stands; `company` is the one that it is about, None where it is all."""

    question: str
    company: Company | None


def suggested(
    assistant: Assistant, companies: Sequence[Company], *, deadline: Deadline = NO_DEADLINE
) -> list[Suggestion]:
    """At most `MAX_SUGGESTIONS` questions about `companies`, each answered well when it was asked just now.

    About one company they are all of it; of several a few get one each, and the last is about all of them.

    Raises:
        DeadlineExceeded: as `Assistant.ask`.
    """
    if len(companies) == 1:
        return list(islice(_about(assistant, companies[0], _ABOUT_ONE, deadline), MAX_SUGGESTIONS))
    found: list[Suggestion] = []
    left = list(_ABOUT_ONE)
    for company in companies[:_MAX_COMPANIES_ASKED]:
        # each about something else
        for suggestion in islice(_about(assistant, company, left, deadline), 1):
            found.append(suggestion)
            left = [each for each in left if each.about(company) != suggestion.question]
        if len(found) == _MAX_COMPANIES:
            break
    # each company is asked for it: of more than are answered at once it would take too long
    if 1 < len(companies) == len(assistant.index.companies) <= COMPANIES_A_PAGE:
        asked = (question for question in _ABOUT_ALL if _counts(assistant.ask(question, deadline=deadline)))
        found += [Suggestion(question, None) for question in islice(asked, 1)]
    return found


def _about(
    assistant: Assistant, company: Company, candidates: Sequence[_Candidate], deadline: Deadline
) -> Iterator[Suggestion]:
    for candidate in candidates:
        question = candidate.about(company)
        answer = assistant.ask(question, deadline=deadline)
        if _answers(answer, company, yes_or_no=candidate.yes_or_no):
            yield Suggestion(question, company)


def _answers(answer: Answer, company: Company, *, yes_or_no: bool) -> bool:
    """Whether `answer` is one that `company` gives, and that nobody need doubt."""
    if answer.outcome is not Outcome.ANSWERED or [said.company.id for said in answer.verdicts] != [company.id]:
        return False
    (said,) = answer.verdicts
    decided = said.verdict is not None or not yes_or_no
    return decided and said.probability >= MIN_PROBABILITY


def _counts(answer: Answer) -> bool:
    """Whether some companies do what was asked about, for sure."""
    counts = answer.counts
    sure = [said for said in answer.verdicts if said.verdict is not None and said.probability >= MIN_PROBABILITY]
    return counts is not None and counts.complete and counts.matching > 0 and len(sure) > 0
