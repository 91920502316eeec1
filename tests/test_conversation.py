"""Follow-ups: what they take from the questions before them."""

import pytest

from index.policies.companies import Company
from qa.conversation import standalone
from qa.mentions import CompanyNames

NAMES = CompanyNames(
    [
        Company("jivochat.com", "JivoChat", (), ("jivochat.com",)),
        Company("mailigen.com", "Mailigen", (), ("mailigen.com",)),
    ],
    lower_case_words={},
    policy_count=2,
)


@pytest.mark.parametrize(
    ("history", "question", "company_id", "understood", "topic"),
    [
        (
            ["does JivoChat sell my data?"],
            "what does Mailigen say?",
            "mailigen.com",
            "does Mailigen sell my data?",
            "does sell my data?",
        ),
        (
            ["does JivoChat sell my data?"],
            "and Mailigen?",
            "mailigen.com",
            "does Mailigen sell my data?",
            "does sell my data?",
        ),
        (
            ["does JivoChat take credit cards?"],
            "and is that encrypted?",
            "jivochat.com",
            "about JivoChat: and is that encrypted? (does JivoChat take credit cards?)",
            "is that encrypted (does take credit cards)?",
        ),
        (
            ["does JivoChat sell my data?"],
            "how do they treat children",
            "jivochat.com",
            "about JivoChat: how do they treat children",
            "how do they treat children",
        ),
        (
            ["does JivoChat set cookies?"],
            "what about children",
            "jivochat.com",
            "about JivoChat: what about children",
            "children",
        ),
        (
            ["does JivoChat sell my data?"],
            "does Mailigen use cookies for ads?",
            "mailigen.com",
            "does Mailigen use cookies for ads?",
            "does use cookies for ads?",
        ),
        (
            ["does JivoChat sell my data?", "and Mailigen?"],
            "why?",
            "mailigen.com",
            "about Mailigen: why? (does Mailigen sell my data?)",
            "why (does sell my data)?",
        ),
    ],
)
def test_a_follow_up_stands_alone(history: list[str], question: str, company_id: str, understood: str, topic: str):
    found = standalone(question, history, NAMES)
    assert ([company.id for company in found.companies], found.text, found.topic) == ([company_id], understood, topic)


def test_a_question_over_all_companies_drops_the_one_before():
    assert standalone("which companies sell data?", ["does JivoChat sell my data?"], NAMES).companies == ()


def test_a_first_question_stays_as_it_is():
    found = standalone("and does JivoChat sell my data?", [], NAMES)
    assert found.text == "and does JivoChat sell my data?"
