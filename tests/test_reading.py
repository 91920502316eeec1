"""Reading passages: what the reader gives back, what readings come to, and which sentences are quoted."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from index.errors import ModelError
from qa.answers import Verdict
from qa.reading.reader import (
    ANSWERS,
    CLS,
    MARK,
    MAX_TOKENS,
    READER_FOLDER,
    SEP,
    Excerpt,
    OnnxReader,
    Reading,
    lay_out,
    open_reader,
)
from qa.reading.readings import answering_logit, deciding_sentences, weigh

SELLS = Excerpt("Sharing", ("We sell your e-mail address to advertisers.", "We never rent it."))
COOKIES = Excerpt("", ("Cookies expire after two years.",))
LONG = Excerpt(
    "Legal", tuple(f"Sentence {number} says hardly anything of what anybody asks." for number in range(60)), 40
)


def reading(**shares: float) -> Reading:
    """A reading with these probabilities; the rest is spread evenly."""
    rest = (1 - sum(shares.values())) / (len(ANSWERS) - len(shares))
    return Reading(np.log([shares.get(answer, rest) for answer in ANSWERS]), np.zeros(1))


def test_a_passage_is_read_the_same_whatever_is_read_beside_it(reader: OnnxReader) -> None:
    question = "do they sell my address?"
    together = reader.read(question, [SELLS, COOKIES, LONG])
    for excerpt, found in zip([SELLS, COOKIES, LONG], together, strict=True):
        (alone,) = reader.read(question, [excerpt])
        np.testing.assert_allclose(found.logits, alone.logits, atol=0.02)
        np.testing.assert_allclose(found.deciding, alone.deciding, atol=0.02)


def test_each_sentence_has_a_logit_and_only_those_around_the_best_are_read(reader: OnnxReader) -> None:
    (found,) = reader.read("what does it say?", [LONG])
    read = np.flatnonzero(np.isfinite(found.deciding))
    assert found.deciding.shape == (60,)
    assert 40 in read
    assert len(read) == read[-1] - read[0] + 1 < 60


def test_nothing_is_read_of_no_passages(reader: OnnxReader) -> None:
    assert reader.read("anything?", []) == []


def test_a_passage_that_says_so_is_told_from_one_that_does_not(reader: OnnxReader) -> None:
    says, says_nothing = reader.read("do they sell my e-mail address?", [SELLS, COOKIES])
    assert answering_logit(says) > 0 > answering_logit(says_nothing)


@pytest.mark.parametrize("length", [1, 90, 400])
def test_no_input_is_longer_than_the_reader_reads(length: int) -> None:
    laid = lay_out([7] * length, [8] * length, [[9] * length] * 3, best=1)
    assert len(laid.ids) <= MAX_TOKENS
    assert laid.marks
    assert all(laid.ids[mark] == 2 for mark in laid.marks)


@pytest.mark.parametrize(
    ("lengths", "best", "read"),
    [
        ([30, 5, 30], 1, [(0, 10, True), (1, 5, False), (2, 10, False)]),
        ([60, 12], 1, [(0, 14, True), (1, 12, False)]),
        ([12, 60], 0, [(0, 12, False), (1, 14, False)]),
        ([4, 8, 14], 1, [(1, 8, False), (2, 14, False)]),
        ([22, 4, 22], 1, [(1, 4, False), (2, 22, False)]),
    ],
    ids=[
        "both neighbours cut",
        "the end of the one before",
        "the beginning of the next",
        "too little is left",
        "nothing is left",
    ],
)
def test_a_long_neighbour_is_read_as_far_as_there_is_room(
    lengths: list[int], best: int, read: list[tuple[int, int, bool]]
) -> None:
    sentences = [[100 * (number + 1) + token for token in range(length)] for number, length in enumerate(lengths)]
    laid = lay_out([7], [], sentences, best=best, max_tokens=4 + 28)
    expected = []
    for number, count, is_end in read:
        expected += [MARK, *(sentences[number][-count:] if is_end else sentences[number][:count])]
    assert laid.ids == [CLS, 7, SEP, *expected, SEP]
    assert laid.first == read[0][0]
    assert [laid.ids[mark] for mark in laid.marks] == [MARK] * len(read)


def test_a_reader_is_shipped_and_may_be_left_out() -> None:
    shipped = open_reader()
    assert shipped is not None
    assert shipped.content_hash
    assert open_reader("none") is None


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_damaged_reader_is_told(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(READER_FOLDER, folder)
    graph = folder / "reader.onnx"
    if damage == "missing":
        graph.unlink()
    else:
        graph.write_bytes(graph.read_bytes()[:1_000])
    with pytest.raises(ModelError, match="install askpolicy again"):
        OnnxReader(folder)


@pytest.mark.parametrize(
    ("readings", "verdict", "by"),
    [
        ([reading(yes=0.9)], Verdict.YES, (0,)),
        ([reading(no=0.8), reading(silent=0.9)], Verdict.NO, (0,)),
        ([reading(depends=0.8)], Verdict.DEPENDS, (0,)),
        ([reading(states=0.9)], None, (0,)),
        ([reading(yes=0.4, no=0.4)], None, (0,)),
        ([reading(yes=0.9), reading(silent=0.95), reading(no=0.8)], Verdict.DEPENDS, (0, 2)),
        ([reading(no=0.9), reading(yes=0.9)], Verdict.DEPENDS, (0, 1)),
    ],
    ids=["yes", "no", "depends", "states", "not sure", "contradiction further down", "contradiction"],
)
def test_readings_come_to_a_verdict(readings: list[Reading], verdict: Verdict | None, by: tuple[int, ...]) -> None:
    weighed = weigh(readings, sure_from=0.6)
    assert (weighed.verdict, weighed.by) == (verdict, by)


@pytest.mark.parametrize(
    ("sentences", "logits", "quoted"),
    [
        (["We sell nothing.", "We like cats."], [2.0, -2.0], [0]),
        (["We sell nothing.", "We rent nothing."], [2.0, 1.0], [0, 1]),
        (["We share no data.", "However, insurers get it."], [2.0, -5.0], [0, 1]),
        (["We share no data.", "This does not apply to insurers."], [2.0, -5.0], [0, 1]),
        (["We share data.", "Except for photos, that is."], [-5.0, 2.0], [0, 1]),
        (["We like cats.", "We like dogs."], [-3.0, -2.0], [1]),
    ],
    ids=["one", "two", "however", "does not apply", "the rule of an exception", "the surest of none"],
)
def test_sentences_are_quoted_with_what_turns_them(
    sentences: list[str], logits: list[float], quoted: list[int]
) -> None:
    assert deciding_sentences(sentences, np.array(logits)) == quoted


def test_a_reader_of_other_weights_is_another_reader(tmp_path: Path, reader: OnnxReader) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(READER_FOLDER, folder)
    assert OnnxReader(folder).content_hash == reader.content_hash
    with (folder / "tokenizer.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert OnnxReader(folder).content_hash != reader.content_hash
