"""Companies by questions: each cell says what `ask` says of that pair alone."""

from datetime import date
from pathlib import Path

import pytest

from index.build import build
from index.errors import BadChecklist, BadQuestion, DeadlineExceeded
from index.policy_index import PolicyIndex
from qa.answers import Answer, Outcome
from qa.assistant import Assistant
from qa.checklists.checklist import open_checklist, shipped_checklist, shipped_names
from qa.comparison import Cell
from qa.deadline import Deadline
from qa.frames import span_records
from qa.question.query import QuestionKind
from tests.tiny import TinyEmbedder

QUESTIONS = (
    "do they sell my personal data?",
    "How long is my data kept, and can I have it deleted?",
    "does JivoChat use cookies?",
    "and Facebook, does it get my data?",
    "wie lange werden meine Daten gespeichert?",
    "what is the capital of France?",
    "hello",
    "what data is collected in the cookie policy?",
    "which lists are kept of me as of May 2014?",
    "is data encrypted?",
)


def said_alone(answer: Answer) -> tuple[object, ...]:
    said = answer.verdicts[0] if answer.verdicts else None
    if said is None:
        return answer.outcome, None, 0.0, (), frozenset()
    return answer.outcome, said.verdict, said.probability, said.quotes, said.undated


def said_beside(cell: Cell) -> tuple[object, ...]:
    return cell.outcome, cell.verdict, cell.probability, cell.quotes, cell.undated


@pytest.mark.parametrize("as_of", [None, date(2014, 12, 1), date(1990, 1, 1)])
def test_every_cell_equals_what_ask_says_of_this_company_and_question_alone(assistant: Assistant, as_of: date | None):
    cells = list(assistant.compare(QUESTIONS, as_of=as_of).cells())
    assert len(cells) == len(QUESTIONS) * len(assistant.index.companies)
    differ = [
        (cell.key, said_beside(cell), alone)
        for cell in cells
        if said_beside(cell)
        != (alone := said_alone(assistant.ask(QUESTIONS[cell.question], companies=[cell.row.id], as_of=as_of)))
    ]
    assert differ == []


def test_without_a_reader_they_equal_too(assistant: Assistant, embedder: object):
    unread = Assistant(assistant.index, embedder)  # type: ignore[arg-type]
    for cell in unread.compare(QUESTIONS).cells():
        assert said_beside(cell) == said_alone(unread.ask(QUESTIONS[cell.question], companies=[cell.row.id]))


def test_more_companies_than_are_read_together_change_no_cell(assistant: Assistant, monkeypatch: pytest.MonkeyPatch):
    together = {cell.key: said_beside(cell) for cell in assistant.compare(QUESTIONS).cells()}
    monkeypatch.setattr("qa.comparison.BLOCK", 2)
    assert {cell.key: said_beside(cell) for cell in assistant.compare(QUESTIONS).cells()} == together


def test_a_company_that_the_index_lacks_has_cells_with_the_nearest_names(assistant: Assistant):
    comparison = assistant.compare(["do they sell my data?"], companies=["Jivochta", "mig.me", "migme"])
    assert [(row.id, row.nearest[:1]) for row in comparison.rows] == [("Jivochta", ("JivoChat",)), ("mig.me", ())]
    missing = next(iter(comparison.cells()))
    assert (missing.outcome, missing.quotes) == (Outcome.UNKNOWN_COMPANY, ())
    assert missing.note == "No policy of Jivochta is in this index. Nearest names: JivoChat."


def test_a_company_before_its_first_version_says_from_when_it_is(assistant: Assistant):
    (cell,) = assistant.compare(["do they sell my data?"], companies=["mig.me"], as_of=date(1990, 1, 1)).cells()
    assert cell.outcome is Outcome.NO_VERSION
    assert "is as old as 1990-01-01" in cell.note


def test_cells_that_are_done_are_not_asked_again(assistant: Assistant):
    comparison = assistant.compare(QUESTIONS[:2])
    first = next(iter(comparison.cells()))
    left = [cell.key for cell in comparison.cells(done={first.key})]
    assert len(left) == len(comparison) - 1
    assert first.key not in left


def test_the_deadline_ends_it(assistant: Assistant):
    with pytest.raises(DeadlineExceeded):
        list(assistant.compare(QUESTIONS).cells(deadline=Deadline.after(0.0)))


def test_there_must_be_a_question(assistant: Assistant):
    with pytest.raises(BadQuestion, match="no question"):
        assistant.compare([])


def test_two_versions_that_no_date_tells_apart_are_told_so(tmp_path: Path):
    for name in ("a", "b"):
        text = f"# Acme Privacy Policy\n\nWe, Acme, sell your personal data to {name} and others.\n"
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    (tmp_path / "companies.toml").write_text('["acme.com"]\nname = "Acme"\nfiles = ["a.md", "b.md"]\n', "utf-8")
    build([tmp_path], tmp_path / "index", embedder=TinyEmbedder())
    assistant = Assistant(PolicyIndex.open(tmp_path / "index", embedder=TinyEmbedder()), TinyEmbedder())
    (cell,) = assistant.compare(["do they sell my data?"]).cells()
    assert said_beside(cell) == said_alone(assistant.ask("do they sell my data?", companies=["Acme"]))


# Spans


def test_spans_are_verbatim_and_of_passages_that_reach_the_threshold(assistant: Assistant):
    comparison = assistant.compare(QUESTIONS[:2])
    every = list(comparison.spans(threshold=0.05))
    high = list(comparison.spans(threshold=0.5))
    assert 0 < len(high) < len(every)
    assert [found for found in every if found.span.passage_score >= 0.5] == high
    for found in every:
        assert found.policy.text[found.span.start : found.span.end] == found.span.text
        assert found.span.passage.start <= found.span.start < found.span.end <= found.span.passage.end


def test_the_best_span_is_what_the_cell_quotes(assistant: Assistant):
    comparison = assistant.compare(["do they sell my personal data?"])
    quoted = {cell.row.id: cell.quotes[0].evidence for cell in comparison.cells() if cell.outcome is Outcome.ANSWERED}
    first = {}
    for found in comparison.spans(threshold=0.5):
        first.setdefault(found.company.id, (found.span.start, found.span.end))
    assert quoted
    assert all(first[company] in evidence for company, evidence in quoted.items())


# Checklists


@pytest.mark.parametrize("name", shipped_names())
def test_the_items_that_ship_are_questions_for_policies_of_one_thing_each(assistant: Assistant, name: str):
    checklist = shipped_checklist(name)
    queries = [assistant.understand(item.question, companies=["mig.me"]) for item in checklist.items]
    assert [query.question for query in queries if query.parts or query.not_covered or query.small_talk] == []
    wrong = [
        item.id
        for item, query in zip(checklist.items, queries, strict=True)
        if (query.kind is QuestionKind.YES_NO) != ("yes" in item.answers)
    ]
    assert wrong == []
    assert {cell.outcome for cell in assistant.compare([item.question for item in checklist.items]).cells()} <= {
        Outcome.ANSWERED,
        Outcome.UNCLEAR,
        Outcome.NOT_STATED,
    }


@pytest.mark.parametrize("name", shipped_names())
def test_every_item_that_ships_says_what_silence_means_and_where_it_is_from(name: str):
    assert [item.id for item in shipped_checklist(name).items if not (item.silence and item.source)] == []


def test_a_checklist_of_ones_own_is_read(tmp_path: Path):
    own = tmp_path / "ours.toml"
    own.write_text('title = "Ours"\n[[items]]\nid = "sale"\nquestion = "is  data sold?"\n', encoding="utf-8")
    found = open_checklist(str(own))
    assert (found.name, found.title, found.items[0].question) == ("ours", "Ours", "is data sold?")
    assert found.items[0].answers == ("yes", "no", "depends", "states")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title = ", "not TOML"),
        ("\xff", "not TOML"),
        ("", r"expected \[\[items\]\]"),
        ("items = 3", r"expected \[\[items\]\]"),
        ("items = [3]", "item 1: expected a table"),
        ('[[items]]\nid = "a"', "item 1: no question"),
        ('[[items]]\nid = "A b"\nquestion = "is data sold?"', "item 1: id is 'A b'"),
        ('[[items]]\nid = "a"\nquestion = "?"', "item 1: the question is empty"),
        ('[[items]]\nid = "a"\nquestion = 3', "item 1: question is 3, expected text"),
        (
            '[[items]]\nid = "a"\nquestion = "is data sold?"\nanswer = ["yes"]',
            "'answer' is no key.*did you mean answers",
        ),
        ('[[items]]\nid = "a"\nquestion = "is data sold?"\nanswers = ["maybe"]', "expected a list of some of yes, no"),
        ('[[items]]\nid = "a"\nquestion = "sold?"\n[[items]]\nid = "a"\nquestion = "kept?"', "items 1 and 2 are both"),
        ('grade = "A"\n[[items]]\nid = "a"\nquestion = "sold?"', "'grade' is no key"),
    ],
)
def test_a_checklist_that_says_something_impossible_is_refused_by_place(tmp_path: Path, content: str, message: str):
    own = tmp_path / "ours.toml"
    own.write_bytes(content.encode("latin-1"))
    with pytest.raises(BadChecklist, match=message):
        open_checklist(str(own))


@pytest.mark.parametrize("name", ["consumers", "../gdpr", "nowhere.toml"])
def test_a_checklist_that_is_not_there_is_told(name: str):
    with pytest.raises(BadChecklist, match=r"did you mean|there are|No such file"):
        open_checklist(name)


def test_a_frame_holds_the_spans_with_a_threshold(assistant: Assistant):
    pytest.importorskip("pandas", reason="needs the extra `tables`")
    from qa.frames import COLUMNS, spans_frame

    frame = spans_frame(assistant, QUESTIONS[:2], companies=["mig.me", "JivoChat"], threshold=0.3)
    assert list(frame.columns) == list(COLUMNS)
    assert set(frame.company_id) <= {"mig.me", "jivochat.com"}
    assert frame.passage_score.min() >= 0.3
    for row in frame.itertuples():
        assert assistant.index.policy(row.policy_id).text[row.start : row.end] == row.text


@pytest.mark.parametrize(("threshold", "depth"), [(-0.1, 3), (1.1, 3), (0.5, 0)])
def test_a_threshold_that_is_no_probability_is_refused(assistant: Assistant, threshold: float, depth: int):
    with pytest.raises(ValueError, match="expected a threshold in"):
        list(span_records(assistant.compare(QUESTIONS[:1]), threshold=threshold, depth=depth))
