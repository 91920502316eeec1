"""The judged questions and passages of `eval/reading/`: whole, split by company, and places of the texts they name."""

from itertools import combinations, islice
from pathlib import Path

import pytest

from eval.questions import json_lines
from eval.reading_rows import CONTRASTS, PASSAGES, judged_rows
from eval.tasks.reading import reading_task

FOLDER = Path(__file__).parents[1] / "eval" / "reading"
SPLITS = ("train", "dev", "test")
ROWS = {split: [row for _, row in json_lines(FOLDER / f"{split}.jsonl")] for split in SPLITS}
OF_YES_OR_NO = {"yes", "no", "depends"}


def test_no_company_is_in_two_parts():
    files = {split: {row["file"] for row in rows} for split, rows in ROWS.items()}
    assert not any(files[one] & files[other] for one, other in combinations(SPLITS, 2))


@pytest.mark.parametrize("split", SPLITS)
def test_evidence_stands_in_passages_that_answer_and_nowhere_else(split: str):
    passages = [passage for row in ROWS[split] for passage in row["passages"]]
    assert {passage["verdict"] for passage in passages} == OF_YES_OR_NO | {"states", "none"}
    for passage in passages:
        assert bool(passage["evidence"]) == (passage["verdict"] != "none")
        assert all(passage["start"] <= start < end <= passage["end"] for start, end in passage["evidence"])


@pytest.mark.parametrize("split", SPLITS)
def test_a_third_of_the_questions_is_answered_by_no_passage(split: str):
    silent = sum(all(passage["verdict"] == "none" for passage in row["passages"]) for row in ROWS[split])
    assert 0.25 <= silent / len(ROWS[split]) <= 0.45


def test_a_question_judged_twice_has_a_verdict_for_each_passage():
    judged = {(row["file"], row["question"]): row["passages"] for rows in ROWS.values() for row in rows}
    for _, row in json_lines(FOLDER / "second.jsonl"):
        assert len(row["verdicts"]) == len(judged[row["file"], row["question"]])


def test_near_misses_are_of_the_companies_that_teach_and_mostly_do_not_answer():
    rows = [row for _, row in json_lines(FOLDER / "near_misses.jsonl")]
    assert {row["file"] for row in rows} <= {row["file"] for row in ROWS["train"]}
    passages = [passage for row in rows for passage in row["passages"]]
    assert all(bool(passage["evidence"]) == (passage["verdict"] != "none") for passage in passages)
    assert sum(passage["verdict"] == "none" for passage in passages) > len(passages) / 2


def test_questions_written_for_passages_are_of_the_companies_that_teach():
    rows = [row for _, row in json_lines(PASSAGES)]
    assert {row["file"] for row in rows} <= {row["file"] for row in ROWS["train"]}
    for row in rows:
        for asked in row["asked"]:
            assert asked["verdict"] in OF_YES_OR_NO | {"states", "none"}
            assert bool(asked["evidence"]) == (asked["verdict"] != "none")
            assert all(row["start"] <= start < end <= row["end"] for start, end in asked["evidence"])


def test_each_contrast_changes_some_answer_and_names_its_evidence():
    for _, row in json_lines(CONTRASTS):
        assert row["a"] != row["b"]
        assert any(asked["a"] != asked["b"] or asked["ea"] != asked["eb"] for asked in row["asked"])
        for asked in row["asked"]:
            for version in ("a", "b"):
                places = asked[f"e{version}"]
                assert asked[version] in OF_YES_OR_NO | {"states", "none"}
                assert bool(places) == (asked[version] != "none")
                assert all(0 <= place < len(row[version]) for place in places)


def test_what_is_read_of_a_judged_passage_holds_its_evidence(shared: Path):
    rows = list(islice(judged_rows("dev", shared / "corpus" / "policies"), 40))
    assert len(rows) == 40
    for judged in (judged for passages in rows for judged in passages):
        assert bool(judged.evidence) == (judged.answer != "silent")
        assert all(0 <= place < len(judged.excerpt.sentences) for place in judged.evidence)


def test_the_questions_that_measure_reading_are_those_of_dev_and_test(shared: Path):
    task = reading_task(shared / "corpus" / "policies")
    assert [question.split for question in task.questions].count("test") == len(ROWS["test"])
    assert {question.kind for question in task.questions} == {"answerable", "not_stated"}
    said = {verdict for question in task.questions for verdict in question.verdicts}
    assert said == OF_YES_OR_NO
