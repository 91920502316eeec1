"""Labelled sets are read, and what is wrong with one is told by file and line."""

import json
from collections import Counter
from pathlib import Path

import pytest

from eval.questions import LabelError, Setting, json_lines
from eval.tasks import SOURCES, source
from eval.tasks.beir import beir_task
from eval.tasks.sample import sample_task

KINDS = ("answerable", "not_stated", "unknown_company", "out_of_scope", "several", "follow_up")
TEXT = "# Policy\n\nWe sell data.\n\nWe keep it a year."


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    for name in KINDS:
        (tmp_path / f"{name}.jsonl").write_text("")
    return tmp_path


def labelled(**changes: object) -> str:
    fields = {
        "id": "x1",
        "kind": "answerable",
        "topic": "sale",
        "split": "dev",
        "question": "does JivoChat tell me if it is sold?",
        "history": [],
        "companies": [],
        "named": ["jivochat.com"],
        "evidence": [
            {
                "company": "jivochat.com",
                "quote": "We are not obligated to notify Web site users of any such transaction.",
            }
        ],
    }
    return json.dumps(fields | changes) + "\n"


def test_the_sample_questions_are_as_many_as_were_promised():
    questions = sample_task().questions
    counts = Counter(question.kind for question in questions)
    assert len(questions) >= 150
    assert all(counts[kind] >= least for kind, least in zip(KINDS, (90, 25, 10, 10, 10, 15), strict=True))


def test_half_of_the_sample_questions_are_kept_for_the_test():
    counts = Counter(question.split for question in sample_task().questions)
    assert counts["dev"] == counts["test"]


def test_a_quote_that_stands_twice_answers_twice():
    spans = [len({(s.start, s.end) for s in question.spans}) for question in sample_task().questions]
    assert max(spans) > 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json\n", "not JSON"),
        ("[]\n", "expected an object"),
        (labelled(split="later"), "split 'later'"),
        (labelled(evidence=[]), "has no label"),
        (labelled(evidence=[{"company": "jivochat.com", "quote": "We sell it all."}]), "is not in"),
        (labelled(evidence=[{"company": "nobody", "quote": "x"}]), "nobody"),
        (labelled() + labelled(), "stands at"),
        (labelled() + labelled(id="x2", split="test"), "two splits"),
        ("{}\n", "missing"),
    ],
)
def test_a_wrong_sample_label_is_told_with_file_and_line(samples: Path, line: str, said: str):
    (samples / "answerable.jsonl").write_text(line)
    with pytest.raises(LabelError, match=said) as raised:
        sample_task(samples)
    assert "answerable.jsonl:" in str(raised.value)


def test_a_line_separator_inside_a_label_is_no_end_of_line(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"text": "one\u2028two"}\n\n{"text": "three"}\n', encoding="utf-8")
    assert [fields["text"] for _, fields in json_lines(tmp_path / "a.jsonl")] == ["one\u2028two", "three"]


def passage(name: str, start: int, end: int, **changes: object) -> dict[str, object]:
    return {
        "_id": name,
        "title": "Acme",
        "text": TEXT[start:end],
        "doc_id": "acme",
        "file": "acme.md",
        "start": start,
        "end": end,
        **changes,
    }


def asked(name: str, **changes: object) -> dict[str, object]:
    return {
        "_id": name,
        "text": "do you sell it",
        "text_open": "does Acme sell it",
        "doc_id": "acme",
        "split": "dev",
        "answerable": True,
        **changes,
    }


def write_set(
    folder: Path,
    *,
    passages: list[dict[str, object]] | None = None,
    questions: list[dict[str, object]] | None = None,
    labels: str = "q1\tp1\t1\n",
) -> Path:
    """A set in BEIR's layout: one policy of two passages, one question that the first answers."""
    (folder / "docs").mkdir(parents=True)
    (folder / "qrels").mkdir()
    (folder / "docs" / "acme.md").write_text(TEXT)
    rows = passages if passages is not None else [passage("p1", 10, 23), passage("p2", 25, 43)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = questions if questions is not None else [asked("q1")]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n" + labels)
    return folder


def test_a_label_is_the_place_of_its_passage_in_its_policy(tmp_path: Path):
    task = beir_task(write_set(tmp_path / "made"), complete=True)
    question = task.questions[0]
    assert [TEXT[span.start : span.end] for span in question.spans] == ["We sell data."]
    assert (question.text_open, question.policy_files, task.name) == ("does Acme sell it", ("acme.md",), "made")
    assert [unit.text for unit in task.documents[0].units] == ["We sell data.", "We keep it a year."]


def test_graded_labels_beside_the_plain_ones_are_not_counted_twice(tmp_path: Path):
    folder = write_set(tmp_path / "made")
    (folder / "qrels" / "dev_graded.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp2\t2\n")
    assert len(beir_task(folder, complete=True).questions[0].spans) == 1


def test_a_grade_of_zero_is_no_label(tmp_path: Path):
    folder = write_set(tmp_path / "made", labels="q1\tp1\t1\nq1\tp2\t0\n")
    assert len(beir_task(folder, complete=True).questions[0].spans) == 1


def test_loose_clauses_are_joined_and_asked_of_together(tmp_path: Path):
    clauses = [{"_id": f"c{n}", "title": "", "text": f"Clause {n}.", "doc_id": f"c{n}"} for n in range(3)]
    questions = [{"_id": "q1", "text": "what", "split": "test", "answerable": True}]
    task = beir_task(
        write_set(tmp_path / "made", passages=clauses, questions=questions, labels="q1\tc1\t1\n"), complete=True
    )
    document = task.documents[0]
    assert [document.text[unit.start : unit.end] for unit in document.units] == ["Clause 0.", "Clause 1.", "Clause 2."]
    assert task.settings == (Setting.PER_POLICY,)
    assert document.text[task.questions[0].spans[0].start :].startswith("Clause 1.")


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"labels": ""}, "queries.jsonl:1", "has no label"),
        ({"labels": "q1\tp9\t1\n"}, "dev.tsv:2", "no passage 'p9'"),
        ({"labels": "q1 p1 1\n"}, "dev.tsv:2", "between tabs"),
        ({"labels": "q1\tp1\tyes\n"}, "dev.tsv:2", "grade between tabs"),
        ({"questions": [asked("q1"), asked("q1")]}, "queries.jsonl:2", "stands at"),
        ({"questions": [asked("q1", split="later")]}, "queries.jsonl:1", "split 'later'"),
        ({"questions": [asked("q1", doc_id="bolt")]}, "queries.jsonl:1", "no passage of document 'bolt'"),
        ({"questions": [{"_id": "q1"}]}, "queries.jsonl:1", "missing"),
        ({"passages": [passage("p1", 10, 900)]}, "corpus.jsonl:1", "outside acme.md"),
        ({"passages": [passage("p1", 23, 23)]}, "corpus.jsonl:1", "outside acme.md"),
        ({"passages": [passage("p1", -4, 23)]}, "corpus.jsonl:1", "outside acme.md"),
        ({"passages": [passage("p1", 10, 23), passage("p1", 25, 43)]}, "corpus.jsonl:2", "stands twice"),
        ({"passages": [passage("p1", 10, 23, file="gone.md")]}, "gone.md", "cannot be read"),
        ({"passages": [{"_id": "p1", "file": "acme.md"}]}, "corpus.jsonl:1", "missing"),
        ({"passages": [passage("p1", 10, 23) | {"start": "10"}]}, "corpus.jsonl:1", "expected a whole number"),
        ({"passages": [passage("p1", 10, 23, file=None)]}, "corpus.jsonl:1", "expected text"),
        ({"passages": [passage("p1", 10, 23), passage("p2", 25, 43, title="Bolt")]}, "corpus.jsonl:2", "'Acme' before"),
        ({"questions": [asked("q1", answerable="false")]}, "queries.jsonl:1", "expected true or false"),
        ({"questions": [asked("q1", answerable=False)]}, "queries.jsonl:1", "but has labels"),
        ({"questions": [asked("q1", text="  ")]}, "queries.jsonl:1", "is empty"),
        ({"questions": [asked("q1", text="x" * 2_001)]}, "queries.jsonl:1", "2,001 characters"),
        ({"questions": [asked("q1", text="\ud800")]}, "queries.jsonl:1", "surrogate"),
        ({"labels": "q1\tp1\t1\nq9\tp1\t1\n"}, "dev.tsv:3", "no question 'q9'"),
    ],
)
def test_what_is_wrong_with_a_set_is_told_by_file_and_line(
    tmp_path: Path, changed: dict[str, object], where: str, said: str
):
    with pytest.raises(LabelError, match=said) as raised:
        beir_task(write_set(tmp_path / "made", **changed), complete=True)  # type: ignore[arg-type]
    assert where in str(raised.value)


def test_a_label_file_without_a_header_keeps_its_first_label(tmp_path: Path):
    folder = write_set(tmp_path / "made")
    (folder / "qrels" / "dev.tsv").write_text("q1\tp1\t1\n")
    assert len(beir_task(folder, complete=True).questions[0].spans) == 1


def test_a_label_in_another_policy_than_the_question_s_is_told(tmp_path: Path):
    other = passage("p9", 10, 23, doc_id="bolt", file="bolt.md", title="Bolt")
    folder = tmp_path / "made"
    write_set(folder, labels="q1\tp9\t1\n")
    (folder / "docs" / "bolt.md").write_text(TEXT)
    with (folder / "corpus.jsonl").open("a") as file:
        file.write(json.dumps(other) + "\n")
    with pytest.raises(LabelError, match=r"dev.tsv:2: the passage is of bolt.md, the question of acme.md"):
        beir_task(folder, complete=True)


def test_a_set_whose_label_file_is_gone_is_told(tmp_path: Path):
    folder = write_set(tmp_path / "made")
    (folder / "qrels" / "dev.tsv").unlink()
    with pytest.raises(LabelError, match="no label file"):
        beir_task(folder, complete=True)


@pytest.mark.parametrize("entry", [entry for entry in SOURCES if entry.folders], ids=lambda entry: entry.name)
def test_where_the_data_is_not_there_it_is_told_where_it_comes_from_and_what_it_may_serve_for(entry, tmp_path: Path):
    with pytest.raises(LabelError) as raised:
        entry.load([tmp_path])
    for told in (entry.origin, entry.licence, str(tmp_path), "--data"):
        assert told in str(raised.value)


def test_a_task_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(LabelError, match="expected one of sample, gdpr200"):
        source("trec")


def test_every_shared_set_is_read(shared: Path):
    counts = {}
    for name in ("gdpr200", "tosdr_quotes", "opp115_policyqa", "consumer_contracts_qa"):
        task = source(name).load([shared])
        counts[name] = (len({document.company for document in task.documents}), len(task.questions))
        for document in task.documents:
            assert all(0 <= unit.start < unit.end <= len(document.text) for unit in document.units)
    assert {name: asked for name, (_, asked) in counts.items()} == {
        "gdpr200": 2457,
        "tosdr_quotes": 620,
        "opp115_policyqa": 8442,
        "consumer_contracts_qa": 396,
    }
