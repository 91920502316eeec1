"""The evaluation: labels are checked, measures are what their formulas say, breaking things shows."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from eval.measures import auroc, interval, reciprocal_rank, success_at, wrong_company_at
from eval.questions import LabelError, json_lines, sample_task
from eval.report import figures, right_outcome, table
from eval.running import run
from qa.assistant import Assistant

FILES = ("answerable", "not_stated", "unknown_company", "out_of_scope", "several", "follow_up")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
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
    counts = {kind: sum(question.kind == kind for question in questions) for kind in FILES}
    assert len(questions) >= 150
    assert all(counts[kind] >= least for kind, least in zip(FILES, (90, 25, 10, 10, 10, 15), strict=True))


def test_half_of_the_questions_are_kept_for_the_test():
    questions = sample_task().questions
    assert sum(question.split == "dev" for question in questions) == sum(
        question.split == "test" for question in questions
    )


def test_a_quote_that_stands_twice_answers_twice():
    spans = [len({(s.start, s.end) for s in question.spans}) for question in sample_task().questions]
    assert max(spans) > 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json\n", "not JSON"),
        ("[]\n", "expected an object"),
        (labelled(split="later"), "split 'later'"),
        (labelled(evidence=[]), "without evidence"),
        (labelled(evidence=[{"company": "jivochat.com", "quote": "We sell it all."}]), "is not in"),
        (labelled(evidence=[{"company": "nobody", "quote": "x"}]), "nobody"),
        (labelled() + labelled(), "stands at"),
        (labelled() + labelled(id="x2", split="test"), "two splits"),
        ("{}\n", "missing"),
    ],
)
def test_a_wrong_label_is_told_with_file_and_line(folder: Path, line: str, said: str):
    (folder / "answerable.jsonl").write_text(line)
    with pytest.raises(LabelError, match=said) as raised:
        sample_task(folder)
    assert "answerable.jsonl:" in str(raised.value)


def test_a_line_separator_inside_a_label_is_no_end_of_line(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"text": "one\u2028two"}\n\n{"text": "three"}\n', encoding="utf-8")
    assert [fields["text"] for _, fields in json_lines(tmp_path / "a.jsonl")] == ["one\u2028two", "three"]


def test_a_question_that_got_nothing_counts_as_zero():
    assert success_at([1, None], 3).mean() == 0.5
    assert reciprocal_rank([2, None]).mean() == 0.25
    assert wrong_company_at([["b"], []], [["a"], ["a"]], 5).mean() == 0.5


def test_auroc_agrees_with_scikit_learn():
    random = np.random.default_rng(0)
    scores, labels = random.integers(0, 9, 200) / 9, random.integers(0, 2, 200).astype(bool)
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


def test_an_interval_over_one_policy_has_no_width():
    assert interval(np.array([1.0, 0.0]), ["a", "a"]) == (0.5, 0.5)


def test_the_running_code_is_measured(assistant: Assistant):
    task = sample_task()
    dev = [question for question in task.questions if question.split == "dev"][::8]
    rows = run(assistant, dev)
    assert [row.question for row in rows] == dev
    assert "answerable: S@1" in table(figures(rows))


# The floors stand a little under what was measured when they were set; a fall tells of a change for the worse.
def test_the_dev_questions_are_answered_about_as_well_as_before(assistant: Assistant):
    dev = [question for question in sample_task().questions if question.split == "dev"]
    rows = run(assistant, dev)
    found = {figure.name: figure.value for figure in figures(rows)}
    floors = {
        "answerable: S@1": 0.83,
        "answerable: S@3": 0.94,
        "several: right outcome": 0.8,
        "unknown_company: right outcome": 1.0,
        "follow_up: S@1": 0.8,
    }
    worse = {name: found[name] for name, floor in floors.items() if found[name] < floor}
    wrong = [row.question.text for row in rows if not right_outcome(row) or (row.question.answerable and row.rank != 1)]
    assert worse == {}, "these went wrong:\n" + "\n".join(wrong)
    assert found["wrong-company@5, companies named"] == 0.0
