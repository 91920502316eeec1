"""What trains a cross-encoder: questions with texts that answer them and texts that only look alike."""

from pathlib import Path
from random import Random

import pytest

from eval.tasks.labels import labelled_policies
from eval.train import Example
from eval.train_reranker import Pair, bank_pairs, in_batches_of_like_length, labelled_pairs
from qa.intents import read_intents
from tests.tiny import TinyEmbedder

CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus" / "policies"


def test_an_example_is_answered_by_its_passage_and_not_by_another():
    example = Example("do you sell it?", "We never sell it.", ("We never sell it.",), ("We keep it.",), None)
    assert bank_pairs([example], Random(0)) == [
        Pair("do you sell it?", "We never sell it.", answers=True),
        Pair("do you sell it?", "We keep it.", answers=False),
    ]


def test_a_near_miss_is_not_answered():
    example = Example("do you sell it?", "We never sell it.", (), (), "do you lend it?")
    pairs = [pair for seed in range(8) for pair in bank_pairs([example], Random(seed))]
    assert Pair("do you lend it?", "We never sell it.", answers=False) in pairs
    assert {pair.answers for pair in pairs if pair.question == "do you sell it?"} == {True}


def test_a_batch_holds_texts_of_like_length_and_no_pair_comes_twice():
    pairs = [Pair("q", "x" * (number % 400), answers=True) for number in range(640)]
    read = in_batches_of_like_length(pairs, Random(0))
    lengths = [[len(pair.text) for pair in read[begin : begin + 64]] for begin in range(0, len(read), 64)]
    assert len(read) == 640
    assert all(max(batch) - min(batch) <= 120 for batch in lengths)
    assert sorted(map(len, (pair.text for pair in read))) == sorted(len(pair.text) for pair in pairs)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the training corpus is not beside the checkout")
def test_labels_say_which_texts_answer(monkeypatch: pytest.MonkeyPatch):
    some = labelled_policies(split="train")[:3]
    monkeypatch.setattr("eval.train_reranker.labelled_policies", lambda **_: some)
    pairs = labelled_pairs(CORPUS, TinyEmbedder(), Random(0))
    asked = {question for intent in read_intents() for question in intent["questions"]}
    assert {pair.question for pair in pairs} <= asked
    assert 0.2 < sum(pair.answers for pair in pairs) / len(pairs) < 0.4
    answering = {(pair.question, pair.text) for pair in pairs if pair.answers}
    others = {(pair.question, pair.text) for pair in pairs if not pair.answers}
    assert len(answering & others) <= 0.02 * len(answering)
