"""What understanding costs: usual questions, and the largest input that is allowed, over many companies."""

import time
from collections.abc import Sequence
from random import Random

from index.policies.companies import Company
from qa.assistant import MAX_HISTORY
from qa.question.mentions import CompanyNames
from qa.question.spelling import Spelling
from qa.question.understanding import MAX_QUESTION_CHARS, Understanding

COMPANIES = 10_000
_SYLLABLES = "ba den fi go lan mer no pex qui ro sta tel vu wex zan".split()
_INPUTS = 20


def understood_ms(questions: Sequence[str]) -> tuple[list[float], list[float]]:
    """Milliseconds for each of `questions`, and for each of `_INPUTS` inputs as large as they may be.

    Such an input is a question and a history of names that are nearly a company's, each another one.
    """
    random = Random(1)
    names = sorted({"".join(random.choices(_SYLLABLES, k=4)).capitalize() for _ in range(2 * COMPANIES)})
    random.shuffle(names)
    companies = [Company(name.lower(), name, (), (f"{name.lower()}.com",)) for name in names[:COMPANIES]]
    understanding = Understanding(CompanyNames(companies, lower_case_words={}), Spelling({}))
    _took_ms(understanding, "Is everything loaded?", ("yes?",))
    usual = [_took_ms(understanding, question, ()) for question in questions]
    largest = [
        _took_ms(understanding, _near_names(names, random), [_near_names(names, random) for _ in range(MAX_HISTORY)])
        for _ in range(_INPUTS)
    ]
    return usual, largest


def _near_names(names: Sequence[str], random: Random) -> str:
    text = "Does"
    while True:
        name = random.choice(names)
        place = random.randrange(1, len(name) - 1)
        longer = f"{text} {name[:place]}{random.choice('aeiou')}{name[place:]}"
        if len(longer) > MAX_QUESTION_CHARS:
            return text
        text = longer


def _took_ms(understanding: Understanding, question: str, history: Sequence[str]) -> float:
    began = time.perf_counter()
    understanding.query(question, history=history)
    return (time.perf_counter() - began) * 1e3
