"""Intents bridge people's words and policies', and their vectors are kept for the model that made them alone."""

from collections import Counter
from pathlib import Path

import numpy as np

from index.embedding import SentenceTransformersEmbedder
from qa.assistant import Assistant
from qa.intents import Intents, embed_intents, read_intents
from qa.kept_vectors import keep_vectors, kept_vectors
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


def test_a_question_is_taken_to_what_policies_say_of_it(embedder: SentenceTransformersEmbedder):
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


def test_the_shipped_vectors_are_of_the_shipped_model_and_the_intents_as_they_are(
    embedder: SentenceTransformersEmbedder,
):
    from qa.intents import INTENTS, KEPT_VECTORS

    kept = kept_vectors(KEPT_VECTORS, embedder, INTENTS)
    assert kept is not None
    last = read_intents()[-1]["questions"][-1]
    assert np.allclose(kept["wordings"][-1], embedder.embed_questions([last])[0], atol=2e-3)
    assert kept["said"].shape == (len(read_intents()), embedder.dimension)


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


def test_intents_work_with_a_model_whose_vectors_are_not_kept():
    tiny = TinyEmbedder()
    vectors = embed_intents(tiny)
    assert len(vectors["wordings"]) == sum(len(intent["questions"]) for intent in read_intents())
    meant = Intents(tiny).meant(tiny.embed_questions(["do you sell my data"])[0])
    assert np.isclose(np.linalg.norm(meant.said), 1.0, atol=1e-5)
    assert 0 < meant.told_by < 1


def test_a_question_far_from_every_intent_is_not_sure_to_be_answered(assistant: Assistant):
    for question in ("Give me a recipe for banana pancakes.", "what is 17 times 23", "who won the world cup in 2010?"):
        found = assistant.search(question)
        assert max((hit.score for hit in found), default=0.0) < 0.5, question
