"""Intents bridge people's words and policies', and their vectors are kept for the model that made them alone."""

from collections import Counter
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from qa.assistant import Assistant
from qa.intents import INTENTS, KEPT_WEIGHTS, Intents, keep_vectors, kept_vectors, read_intents, unlearned_weights
from tests.tiny import TinyEmbedder


def test_every_intent_has_wordings_and_sentences_on_either_side():
    intents = read_intents()
    assert len(intents) >= 300
    assert min(len(intent["questions"]) for intent in intents) >= 8
    assert min(len(intent["says"]) for intent in intents) == 5
    assert min(len(intent["near"]) for intent in intents) == 3
    assert {len(intent["kept"]) for intent in intents} == {3}
    assert len({intent["intent"] for intent in intents}) == len(intents)


def test_no_wording_stands_under_two_intents_and_those_kept_to_measure_stand_nowhere_else():
    counts = Counter(
        question.casefold() for intent in read_intents() for question in (*intent["questions"], *intent["kept"])
    )
    assert [question for question, count in counts.items() if count > 1] == []


def test_a_question_is_taken_to_what_policies_say_of_it(embedder: Embedder):
    intents = Intents(embedder)
    question, sold, cookies = embedder.embed_passages(
        [
            "are you making money off my details",
            "We do not sell, rent or trade personally identifiable information to outside parties for compensation.",
            "A cookie is a small text file placed on your device.",
        ]
    )
    said = intents.meant(question).said
    assert said.shape == question.shape
    assert np.isclose(np.linalg.norm(said), 1.0, atol=1e-5)
    assert said @ sold > question @ sold
    assert said @ sold > said @ cookies


def test_a_sentence_that_tells_what_is_asked_is_likelier_to(embedder: Embedder):
    meant = Intents(embedder).meant(embedder.embed_questions(["are you making money off my details"])[0])
    sold, cookies = meant.told(
        embedder.embed_passages(
            [
                "We do not sell, rent or trade personal information to outside parties for money.",
                "A cookie is a small text file placed on your device.",
            ]
        )
    )
    assert cookies < sold <= 0
    assert np.exp(sold) > 0.5 > np.exp(cookies)


def test_the_shipped_weights_are_of_the_shipped_model_and_the_intents_as_they_are(embedder: Embedder):
    kept = kept_vectors(KEPT_WEIGHTS, embedder, INTENTS)
    assert kept is not None
    intents = len(read_intents())
    found = [kept[name].shape for name in ("asked", "told", "told_bias")]
    assert found == [(intents + 1, embedder.dimension), (intents, embedder.dimension), (intents,)]


def test_a_question_that_has_no_known_intent_is_told_from_one_that_has(embedder: Embedder):
    intents = Intents(embedder)
    known, unknown = (
        intents.meant(embedder.embed_questions([question])[0]).known
        for question in ("do they sell my data to advertisers?", "How do I cook rice?")
    )
    assert known > 0.9
    assert unknown < 0.3


def test_wordings_that_trained_nothing_are_taken_to_their_intents(embedder: Embedder):
    kept = kept_vectors(KEPT_WEIGHTS, embedder, INTENTS)
    assert kept is not None
    wordings = [wording for intent in read_intents() for wording in intent["kept"]]
    intents = np.repeat(np.arange(len(read_intents())), 3)
    assert np.mean((embedder.embed_questions(wordings) @ kept["asked"].T).argmax(axis=1) == intents) > 0.6


def test_kept_vectors_are_not_used_for_another_model_or_a_changed_text(tmp_path: Path):
    texts, path = tmp_path / "texts", tmp_path / "kept.npz"
    texts.write_text("one")
    keep_vectors(path, TinyEmbedder(), texts, {"rows": np.ones((2, 3), dtype=np.float32)})
    kept = kept_vectors(path, TinyEmbedder(), texts)
    assert kept is not None
    assert kept["rows"].dtype == np.float32
    assert kept_vectors(path, TinyEmbedder("other"), texts) is None
    texts.write_text("two")
    assert kept_vectors(path, TinyEmbedder(), texts) is None
    assert kept_vectors(tmp_path / "none.npz", TinyEmbedder(), texts) is None


def test_intents_work_with_a_model_whose_weights_are_not_kept():
    tiny = TinyEmbedder()
    weights = unlearned_weights(tiny.embed_passages)
    assert weights["asked"].shape == weights["told"].shape == (len(read_intents()), tiny.dimension)
    meant = Intents(tiny).meant(tiny.embed_questions(["do you sell my data"])[0])
    assert np.isclose(np.linalg.norm(meant.said), 1.0, atol=1e-5)
    assert np.isclose(meant.likely.sum(), 1.0)
    assert np.isclose(meant.known, 1.0)
    assert 0 < meant.told_by < 1
    assert np.all(meant.told(tiny.embed_passages(["we sell your data", "cookies"])) <= 0)


def test_a_question_far_from_every_intent_is_not_sure_to_be_answered(assistant: Assistant):
    for question in ("Give me a recipe for banana pancakes.", "what is 17 times 23", "who won the world cup in 2010?"):
        found = assistant.search(question).hits
        assert max((hit.score for hit in found), default=0.0) < 0.5, question
