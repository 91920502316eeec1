"""What one request may cost: whatever it holds, little is read for it, and it ends when nobody waits any longer."""

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from index.build import build
from index.errors import DeadlineExceeded
from index.policy_index import PolicyIndex
from qa.assistant import MAX_HISTORY, Assistant
from qa.deadline import Deadline
from qa.question.mentions import CompanyNames, Mentions
from qa.question.understanding import MAX_QUESTION_CHARS
from qa.reading.reader import ANSWERS, Excerpt, OnnxReader, Reading
from tests.conftest import SAMPLE
from tests.tiny import TinyEmbedder

MOST_READ = 20


class CountingReader:
    """Counts what it is given to read; takes every passage for one that states what is asked, so that most is read."""

    name, content_hash = "counting", "counting"

    def __init__(self) -> None:
        self.count = 0

    def read(self, question: str, excerpts: Sequence[Excerpt], **_: object) -> list[Reading]:
        """See `Reader`."""
        self.count += len(excerpts)
        logits = np.where(np.array(ANSWERS) == "states", 9.0, 0.0)
        return [Reading(logits, np.zeros(len(excerpt.sentences))) for excerpt in excerpts]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Assistant, CountingReader]:
    """An assistant over the sample and 60 more companies, and its reader."""
    where = tmp_path_factory.mktemp("cost")
    (where / "policies").mkdir()
    for number in range(60):
        text = f"# Novalis{number} Privacy Policy\n\nWe collect these kinds of data:\n\n" + "".join(
            f"- data of kind {kind}, which we sell to others\n" for kind in range(20)
        )
        (where / "policies" / f"novalis{number}.md").write_text(text, encoding="utf-8")
    build([SAMPLE, where / "policies"], where / "index", embedder=TinyEmbedder())
    reader = CountingReader()
    return Assistant(PolicyIndex.open(where / "index", embedder=TinyEmbedder()), TinyEmbedder(), reader=reader), reader


def filled(words: str) -> str:
    return (words * MAX_QUESTION_CHARS)[:MAX_QUESTION_CHARS].strip()


MANY = ", ".join(f"Novalis{number}" for number in range(60))
QUESTIONS = (
    "which data do you collect?",
    "which data does Novalis1 collect, and which data does it sell, and which data do they share?",
    "which data do Novalis1, Novalis2, Novalis3 and Novalis4 collect, and what do they sell, and what do they share?",
    "what do you collect, and what do you sell, and which cookies do you use?",
    f"which data do {MANY} collect?",
    f"which data do {MANY} collect, and which data do they sell, and which data do they share?",
    filled("do you collect data? "),
    filled("and what do you sell? "),
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_whatever_is_asked_few_passages_are_read(counted: tuple[Assistant, CountingReader], question: str) -> None:
    assistant, reader = counted
    reader.count = 0
    assistant.ask(question, k=100)
    assert reader.count <= MOST_READ


def test_however_many_companies_are_given_few_passages_are_read(counted: tuple[Assistant, CountingReader]) -> None:
    assistant, reader = counted
    reader.count = 0
    given = [company.name for company in assistant.index.companies.values()][:50]
    assistant.ask("which data do you collect?", companies=given)
    assert 0 < reader.count <= MOST_READ
    reader.count = 0
    hits = assistant.search("which data do you collect?", companies=given, k=100).hits
    assert 0 < reader.count <= MOST_READ
    assert len({hit.company.id for hit in hits}) == 50


def test_companies_named_beyond_a_page_are_asked_by_the_next(counted: tuple[Assistant, CountingReader]) -> None:
    assistant, _ = counted
    asked: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer = assistant.ask(f"which data do {MANY} collect?", offset=offset)
        asked += [said.company.name for said in answer.verdicts]
        offset = answer.next_offset
    assert asked == MANY.split(", ")


@pytest.mark.parametrize("turn", ["ok. ", "thanks! ", "ok, thanks, "])
def test_a_turn_of_nothing_but_thanks_is_read_a_few_times(
    counted: tuple[Assistant, CountingReader], turn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    mentions = CompanyNames.mentions

    def counting(self: CompanyNames, question: str, **more: bool) -> Mentions:
        read.append(question)
        return mentions(self, question, **more)

    monkeypatch.setattr(CompanyNames, "mentions", counting)
    counted[0].understand("and how long?", history=[filled(turn)[:900]] * MAX_HISTORY)
    counted[0].understand(filled(turn))
    assert len(read) < 20


def test_reading_ends_with_the_batch_that_is_being_read_when_nobody_waits(reader: OnnxReader) -> None:
    excerpts = [Excerpt("", ("We sell your e-mail address to advertisers of all kinds. " * 8,))] * 400
    deadline = Deadline.after(600)
    cancelled_at: list[float] = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        deadline.cancel()

    threading.Timer(0.5, cancel).start()
    with pytest.raises(DeadlineExceeded):
        reader.read("do they sell my address?", excerpts, deadline=deadline)
    assert time.monotonic() - cancelled_at[0] < 1.0
    assert reader.read("do they sell my address?", excerpts[:1]) != []
