"""The judged questions and passages of `eval/reading/`: whole, split by company, and places of the texts they name."""

from itertools import combinations
from pathlib import Path

import pytest

from eval.questions import json_lines

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
