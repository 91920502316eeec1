"""Which and how many companies: every one is asked, and the numbers are those of asking each alone."""

import json
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console

import eval as evaluation
from api.command.terminal import print_answer
from api.wire.schemas import AskResponse
from qa.answers import Outcome, Verdict
from qa.assistant import COMPANIES_A_PAGE, Assistant
from qa.deadline import Deadline
from qa.question.counting import Counting, Seeks, counting
from tests.api_support import client

WHICH = "which companies sell personal data?"
SETS = Path(evaluation.__file__).parent / "understanding_sets" / "counts.jsonl"


def labelled(part: str) -> Iterator[dict[str, str | None]]:
    for line in SETS.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["part"] == part:
            yield entry


@pytest.mark.parametrize(
    "question",
    [
        WHICH,
        "how many companies share data with advertisers?",
        "who does not mention children?",
        "which companies don't use cookies?",
        "how many services let me delete my account?",
        "Which of these companies mention safe harbor?",
        "list every company that transfers data if it is sold",
    ],
)
def test_the_numbers_are_those_of_asking_each_company_alone(assistant: Assistant, question: str):
    answer = assistant.ask(question)
    counts = answer.counts
    assert counts is not None
    alone = [assistant.ask(counts.question, companies=[id_]) for id_ in assistant.index.companies]
    outcomes = Counter(each.verdicts[0].outcome for each in alone)
    verdicts = Counter(each.verdicts[0].verdict for each in alone if each.verdicts[0].verdict)
    assert {name: number for name, number in counts.outcomes.items() if number} == outcomes
    assert {name: number for name, number in counts.verdicts.items() if number} == verdicts
    assert (counts.asked, counts.companies, counts.complete) == (5, 5, True)
    sought = {
        Seeks.YES: verdicts[Verdict.YES],
        Seeks.NO: verdicts[Verdict.NO],
        Seeks.STATED: outcomes[Outcome.ANSWERED],
        Seeks.SILENT: outcomes[Outcome.NOT_STATED],
    }
    assert counts.matching == sought[counts.seeks]
    said = {each.company.id: each for each in answer.verdicts}
    assert said == {each.verdicts[0].company.id: each.verdicts[0] for each in alone}


def test_those_that_are_silent_come_first_where_they_are_sought(assistant: Assistant):
    answer = assistant.ask("who does not mention children?")
    assert answer.counts is not None
    outcomes = [said.outcome for said in answer.verdicts]
    assert outcomes[: answer.counts.matching] == [Outcome.NOT_STATED] * answer.counts.matching
    assert Outcome.NOT_STATED not in outcomes[answer.counts.matching :]


def test_pages_tell_every_company_once(assistant: Assistant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.assistant.COMPANIES_A_PAGE", 2)
    seen, offset = [], 0
    while offset is not None:
        page = assistant.ask(WHICH, offset=offset)
        seen += [said.company.id for said in page.verdicts]
        offset = page.next_offset
    assert sorted(seen) == sorted(assistant.index.companies)
    assert COMPANIES_A_PAGE == 20


def test_what_was_not_asked_in_time_is_told(assistant: Assistant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.comparison.BLOCK", 1)
    asked = []
    checked = Deadline.check
    monkeypatch.setattr("qa.counts._SHARE_OF_TIME", 0.5)

    def check(deadline: Deadline) -> None:
        asked.append(deadline)
        if len({each.at_s for each in asked}) > 1 and asked.count(deadline) > 6:
            monkeypatch.setattr(Deadline, "check", checked)
            from index.errors import DeadlineExceeded

            raise DeadlineExceeded

    monkeypatch.setattr(Deadline, "check", check)
    answer = assistant.ask(WHICH, deadline=Deadline.after(3_600))
    assert answer.counts is not None
    assert 0 < answer.counts.asked < 5
    assert not answer.counts.complete
    assert sum(answer.counts.outcomes.values()) == answer.counts.asked
    assert f"Only {answer.counts.asked} of 5 companies could be asked in time" in answer.text


@pytest.mark.parametrize("given", [{"companies": ["JivoChat"]}, {"companies": ["JivoChat", "Mailigen"]}])
def test_companies_that_are_given_are_not_counted(assistant: Assistant, given: dict[str, list[str]]):
    assert assistant.ask(WHICH, **given).counts is None


@pytest.mark.parametrize(
    "question", ["which data is sold?", "does JivoChat sell my data?", "who does JivoChat share my data with?"]
)
def test_other_questions_are_not_counted(assistant: Assistant, question: str):
    assert assistant.ask(question).counts is None


def test_http_and_terminal_tell_the_counts(assistant: Assistant):
    with client(assistant) as asking:
        told: httpx.Response = asking.post("/v1/ask", json={"question": WHICH})
        counts = told.json()["counts"]
        assert asking.post("/v1/ask", json={"question": "is data sold?"}).json()["counts"] is None
    assert (counts["question"], counts["seeks"], counts["complete"]) == (
        "does the company sell personal data?",
        "yes",
        True,
    )
    assert counts["answered"] + counts["unclear"] + counts["not_stated"] == counts["asked"] == 5
    shown = Console(file=StringIO(), width=100)
    print_answer(shown, AskResponse.of(assistant.ask(WHICH), took_ms=1.0))
    assert f"{counts['matching']} of 5 companies say yes." in shown.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("part", "least"), [("dev", 0.7), ("test", 0.75)])
def test_counts_are_recognised_and_what_is_asked_for_them_is_right(assistant: Assistant, part: str, least: float):
    entries = list(labelled(part))
    found = [(entry, assistant.understand(str(entry["question"])).counting) for entry in entries]
    right = [entry for entry, got in found if got and (got.asked, got.seeks.value) == (entry["asked"], entry["seeks"])]
    assert len(right) >= least * sum(entry["asked"] is not None for entry in entries)
    assert len([entry for entry, got in found if got and entry["asked"] is None]) <= 1


@pytest.mark.parametrize(
    ("question", "asked", "seeks"),
    [
        ("who sells it?", "does the company sell it?", Seeks.YES),
        ("Which of them won't tell me?", "will the company tell me?", Seeks.NO),
        ("how many say nothing about kids?", None, None),
        ("which policies say nothing about kids?", "does the company say anything about kids?", Seeks.SILENT),
        ("who never fails to mention it?", "does the company mention it?", Seeks.STATED),
        ("which data do they collect?", None, None),
    ],
)
def test_the_grammar_of_counts(question: str, asked: str | None, seeks: Seeks | None):
    assert counting(question) == (None if asked is None or seeks is None else Counting(asked, seeks))
