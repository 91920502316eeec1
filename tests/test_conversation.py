"""Follow-ups: what they take from the questions before them."""

import pytest

from index.policies.companies import Company
from qa.question.conversation import MAX_PARTS, parts
from qa.question.mentions import CompanyNames
from qa.question.query import Query
from qa.question.spelling import Spelling
from qa.question.understanding import Understanding

UNDERSTANDING = Understanding(
    CompanyNames(
        [
            Company("jivochat.com", "JivoChat", (), ("jivochat.com",)),
            Company("mailigen.com", "Mailigen", (), ("mailigen.com",)),
            Company("signal", "Signal", (), ()),
            Company("discover", "Discover", (), ()),
        ],
        lower_case_words={},
    ),
    Spelling({}),
)
SELLS = "does JivoChat sell my data?"


def understood(history: list[str], question: str) -> Query:
    return UNDERSTANDING.query(question, history=history)


@pytest.mark.parametrize(
    ("history", "question", "company_ids", "standalone", "topic"),
    [
        ([SELLS], "what does Mailigen say?", ["mailigen.com"], "does Mailigen sell my data?", "does sell my data?"),
        ([SELLS], "and Mailigen?", ["mailigen.com"], "does Mailigen sell my data?", "does sell my data?"),
        ([SELLS], "no, I meant Signal", ["signal"], "does Signal sell my data?", "does sell my data?"),
        ([SELLS], "sorry, Discover", ["discover"], "does Discover sell my data?", "does sell my data?"),
        (
            ["does Signal sell my data?"],
            "not Signal, Discover",
            ["discover"],
            "does Discover sell my data?",
            "does sell my data?",
        ),
        (
            ["does JivoChat take credit cards?"],
            "and is that encrypted?",
            ["jivochat.com"],
            "Regarding “does JivoChat take credit cards?”: and is that encrypted?",
            "is that encrypted (does take credit cards)?",
        ),
        ([SELLS], "how do they treat children", ["jivochat.com"], "About JivoChat: how do they treat children", None),
        (
            ["does JivoChat set cookies?"],
            "what about children",
            ["jivochat.com"],
            "About JivoChat: what about children",
            "children",
        ),
        (
            [SELLS],
            "does Mailigen use cookies for ads?",
            ["mailigen.com"],
            "does Mailigen use cookies for ads?",
            "does use cookies for ads?",
        ),
        (
            [SELLS, "and Mailigen?"],
            "why?",
            ["mailigen.com"],
            "Regarding “does Mailigen sell my data?”: why?",
            "why (does sell my data)?",
        ),
        (
            [SELLS],
            "what about the others?",
            [],
            "do the other companies sell my data?",
            "does sell my data?",
        ),
        (
            [SELLS, "and Mailigen?"],
            "compare the two",
            ["jivochat.com", "mailigen.com"],
            "do JivoChat and Mailigen sell my data?",
            "does sell my data?",
        ),
        (
            [SELLS, "and Mailigen?"],
            "what does the first one say?",
            ["jivochat.com"],
            "does JivoChat sell my data?",
            "does sell my data?",
        ),
    ],
)
def test_a_follow_up_stands_alone(
    history: list[str], question: str, company_ids: list[str], standalone: str, topic: str | None
):
    query = understood(history, question)
    assert ([company.id for company in query.companies], query.standalone) == (company_ids, standalone)
    assert query.topic == (topic or question)


@pytest.mark.parametrize("small_talk", ["thanks!", "ok", "are you sure?", "lol", "who are you?"])
def test_small_talk_does_not_disturb_the_thread(small_talk: str):
    query = understood([SELLS, small_talk], "and Mailigen?")
    assert (query.standalone, [company.id for company in query.companies]) == (
        "does Mailigen sell my data?",
        ["mailigen.com"],
    )


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("ok thanks, and how long?", "how long (does keep my logs)?"),
        ("Got it. Does Mailigen do that too?", "does keep my logs?"),
    ],
)
def test_thanks_before_a_question_are_no_part_of_it(question: str, topic: str):
    assert understood(["does JivoChat keep my logs?"], question).topic == topic


def test_a_question_over_all_companies_drops_the_one_before():
    assert understood([SELLS], "which companies sell data?").companies == ()


def test_a_first_question_stays_as_it_is():
    assert understood([], "and does JivoChat sell my data?").standalone == "and does JivoChat sell my data?"


def test_only_the_last_turns_are_read():
    filler = ["does Mailigen sell my data?"] * 6
    assert [c.id for c in understood(["does Signal keep logs?", *filler], "why?").companies] == ["mailigen.com"]
    assert understood(["does Signal keep logs?", "does it " + "x" * 1_500], "why?").companies == ()


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Do you sell my data, and to whom?", ["Do you sell my data", "and to whom?"]),
        ("how long are logs kept and where", ["how long are logs kept", "and where"]),
        ("Is it encrypted? And can staff read it?", ["Is it encrypted?", "And can staff read it?"]),
        ("Do they sell data; if so who buys it?", ["Do they sell data", "if so who buys it?"]),
        ("Do they collect names and addresses?", ["Do they collect names and addresses?"]),
        ("I teach and use it in class. Is my data sold?", ["I teach and use it in class. Is my data sold?"]),
        ("When I leave, is my data deleted?", ["When I leave, is my data deleted?"]),
        ("Can I see and delete my data?", ["Can I see and delete my data?"]),
        ("who runs it, what is kept, why, and for how long, and can I object?", None),
    ],
)
def test_a_question_that_asks_several_things_is_parted(question: str, asked: list[str] | None) -> None:
    found = parts(question)
    assert len(found) <= MAX_PARTS
    assert asked is None or found == asked
