"""Questions of time are told from others, and are asked of each version in words that stand alone."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import eval as evaluation
from qa.assistant import Assistant
from qa.question.timing import TimeKind, Timing, timing

SETS = Path(evaluation.__file__).parent / "understanding_sets" / "time.jsonl"


def labelled(part: str) -> Iterator[dict[str, str | None]]:
    for line in SETS.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["part"] == part:
            yield entry


@pytest.mark.parametrize("part", ["dev", "test"])
def test_questions_of_time_are_recognised_and_others_are_not(assistant: Assistant, part: str):
    entries = list(labelled(part))
    found = [(entry, assistant.understand(str(entry["question"])).timing) for entry in entries]
    right = [entry for entry, got in found if got and (got.kind.value, got.asked) == (entry["kind"], entry["asked"])]
    assert len(right) >= 0.9 * sum(entry["kind"] is not None for entry in entries)
    assert [entry["question"] for entry, got in found if got and entry["kind"] is None] == []


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("did the company start to sell data?", Timing(TimeKind.SINCE, "does the company sell data?")),
        ("does it sell data, and since when?", Timing(TimeKind.SINCE, "does it sell data?")),
        ("When did the company's policy begin to mention AI?", Timing(TimeKind.SINCE, "does the company mention AI?")),
        ("since when does it no longer sell data?", Timing(TimeKind.ENDED, "does it sell data?")),
        ("has that changed (does the company sell data)?", Timing(TimeKind.CHANGED, "does the company sell data?")),
        ("is that new (does the company sell data)?", Timing(TimeKind.CHANGED, "does the company sell data?")),
        ("has the company changed what it says?", Timing(TimeKind.LISTED)),
        (
            "has the company changed how long it keeps data (such as logs)?",
            Timing(TimeKind.CHANGED, "how long does the company keep data (such as logs)?"),
        ),
        ("has my address changed?", None),
        ("tell me when the policy changes", None),
    ],
)
def test_the_grammar_of_time(question: str, asked: Timing | None):
    assert timing(question) == asked


@pytest.mark.parametrize(
    ("words", "since", "until"),
    [
        ("in 2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("since May 2023", date(2023, 5, 1), None),
        ("after 2022", date(2023, 1, 1), None),
        ("before 3 May 2023", None, date(2023, 5, 2)),
        ("between 2022 and 2024", date(2022, 1, 1), date(2024, 12, 31)),
        ("from 2022 to 2023", date(2022, 1, 1), date(2023, 12, 31)),
        ("between 2022-03-01 and now", date(2022, 3, 1), None),
    ],
)
def test_days_that_are_named_bound_what_is_listed(words: str, since: date | None, until: date | None):
    expected = Timing(TimeKind.LISTED, since=since, until=until, document="policy")
    assert timing(f"what changed in the company's policy {words}?") == expected


@pytest.mark.parametrize(
    "follow_up", ["is that new?", "since when?", "has that changed?", "since when do they do that?"]
)
def test_a_follow_up_asks_of_the_question_before(assistant: Assistant, follow_up: str):
    query = assistant.understand(follow_up, history=["does JivoChat share data with advertisers?"])
    assert query.timing is not None
    assert query.timing.asked == "does the company share data with advertisers?"
    assert [company.id for company in query.companies] == ["jivochat.com"]


def test_several_questions_of_the_present_are_none_of_time(assistant: Assistant):
    query = assistant.understand("does JivoChat sell data, and how long is it kept?")
    assert query.timing is None
    assert len(query.parts) == 2
