"""What trains the model: labelled policies, rows in batches, the loss, the average with the base."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from eval.losses import KnownAnswersLoss
from eval.questions import Span, json_lines
from eval.tasks.labels import LABELS, LabelledPolicy, labelled_policies, labels_task, share_of_policies
from eval.train import _average
from eval.training_rows import CLAUSES, Row, batches, clause_rows, intent_rows, labelled_rows
from index.embedding import base_model_folder
from qa.intents import read_intents
from tests.tiny import TinyEmbedder

CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus" / "policies"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the training corpus is not beside the checkout")


class Given(nn.Module):
    """A model whose vectors are its input."""

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["vectors"]}


def loss_of(rows: list[Row], *vectors: Tensor) -> Tensor:
    """The loss with classifiers of two intents that know nothing: every logit is 0."""
    nothing = {name: np.zeros(shape, dtype=np.float32) for name, shape in SHAPES.items()}
    loss = KnownAnswersLoss(Given(), rows, classifiers=nothing)  # type: ignore[arg-type]
    return loss([{"vectors": each} for each in vectors], torch.arange(len(rows)))


SHAPES = {"asked": (2, 3), "told": (2, 3), "told_bias": (2,)}
AXES = torch.eye(3)


def test_without_labels_every_other_text_is_a_negative():
    torch.manual_seed(0)
    vectors = [torch.nn.functional.normalize(torch.randn(4, 8), dim=1) for _ in range(3)]
    questions, texts, others = vectors
    own = torch.arange(4)
    expected = (
        nn.functional.cross_entropy(20 * questions @ torch.cat([texts, others]).T, own)
        + nn.functional.cross_entropy(20 * texts @ questions.T, own)
    ) / 2
    assert torch.isclose(loss_of([Row(f"q{n}", f"t{n}", f"o{n}") for n in range(4)], *vectors), expected)


def test_a_text_that_is_known_to_answer_is_no_negative_but_an_answer():
    questions, texts, others = AXES[[0, 0]], AXES[[0, 1]], AXES[[2, 2]]
    wrong_only = [Row("q0", "t0", "o", 0, frozenset([0])), Row("q1", "t1", "o", 0, frozenset([1]))]
    both_answer = [Row("q0", "t0", "o", 0, frozenset([0])), Row("q1", "t1", "o", 0, frozenset([0]))]
    near = loss_of(both_answer, questions, AXES[[0, 0]], others)
    assert near < loss_of(both_answer, questions, texts, others)  # the second answer is far: to be drawn near
    assert near < loss_of(wrong_only, questions, AXES[[0, 0]], others)  # the first is no answer to the second question


def test_another_text_that_is_known_to_answer_is_an_answer_too():
    known = Row("q", "t", "o", 0, frozenset([0]), frozenset([0]))
    unknown = Row("q", "t", "o", 0, frozenset([0]), frozenset())
    vectors = [AXES[:1]] * 3
    assert loss_of([known], *vectors) < loss_of([unknown], *vectors)


def test_the_same_text_is_no_negative_of_itself():
    vectors = AXES[[0, 1]], AXES[[0, 0]], AXES[[1, 1]]
    same = loss_of([Row("q0", "clause", "o0"), Row("q1", "clause", "o1")], *vectors)
    unlike = loss_of([Row("q0", "clause", "o0"), Row("q1", "other", "o1")], *vectors)
    assert same < unlike


def test_intents_are_named_only_of_texts_whose_every_intent_is_known():
    row = {"question": "q", "text": "t", "other": "o", "asks": 0, "tells": frozenset([0])}
    vectors = [AXES[:1], AXES[:1], AXES[1:2]]
    naming = loss_of([Row(**row, complete=True)], *vectors) - loss_of([Row(**row)], *vectors)
    # two texts, two intents, every logit 0
    assert torch.isclose(naming, torch.tensor(0.15 * 2 * float(np.log(2))), atol=1e-5)


def test_the_classifiers_learn_with_the_model():
    nothing = {name: np.zeros(shape, dtype=np.float32) for name, shape in SHAPES.items()}
    rows = [Row("q", "t", "o", 0, frozenset([0]), frozenset([1]), complete=True)]
    loss = KnownAnswersLoss(Given(), rows, classifiers=nothing)  # type: ignore[arg-type]
    loss([{"vectors": AXES[:1]}] * 3, torch.arange(1)).backward()
    assert {name for name, weight in loss.named_parameters() if weight.grad is not None} == {
        "_asked",
        "_told",
        "_told_bias",
    }


def test_batches_hold_every_row_once_and_rows_of_one_policy_together():
    lists = [[Row(f"q{policy}.{n}", "x" * 10, str(policy)) for n in range(20)] for policy in range(6)]
    made = batches(lists, 16, Random(0))
    assert sorted(row.question for batch in made for row in batch) == sorted(
        row.question for rows in lists for row in rows
    )
    assert {len(batch) for batch in made[:-1]} <= {16, 8}
    assert all(len({row.other for row in batch}) < len(batch) / 2 for batch in made if len(batch) == 16)


def test_short_texts_and_long_ones_are_not_mixed():
    lists = [[Row("q", "x" * size, "o") for _ in range(16)] for size in (20, 900)]
    assert all(len({len(row.text) for row in batch}) == 1 for batch in batches(lists, 16, Random(0)))


def test_intents_and_clauses_give_rows():
    intents, clauses = intent_rows(Random(0)), clause_rows(Random(0))
    assert len(intents) == sum(len(intent["says"]) for intent in read_intents())
    assert all(row.asks in row.tells for row in intents)
    assert len(clauses) == 3 * sum(1 for _ in json_lines(CLAUSES))
    assert all(row.text != row.other for row in clauses)


def test_wordings_kept_to_measure_with_train_nothing():
    kept = {question for intent in read_intents() for question in intent["kept"]}
    assert kept.isdisjoint(row.question for row in intent_rows(Random(0)))


def test_labels_name_intents_and_lie_in_order():
    known = {intent["intent"] for intent in read_intents()}
    for _, fields in json_lines(LABELS):
        spans = [(start, end) for start, end, _ in fields["sentences"]]
        assert spans == sorted(spans), fields["file"]
        assert all(start < end for start, end in spans)
        assert all(set(intents) <= known for _, _, intents in fields["sentences"])


def test_no_dev_policy_trains():
    train = {policy.file for policy in labelled_policies(split="train")}
    dev = {policy.file for policy in labelled_policies(split="dev")}
    assert train
    assert dev
    assert train.isdisjoint(dev)


def test_how_many_policies_tell_an_intent():
    first, second = (intent["intent"] for intent in read_intents()[:2])
    policies = [
        LabelledPolicy("a", {Span("a", 0, 5): frozenset([first])}),
        LabelledPolicy("b", {Span("b", 0, 5): frozenset()}),
    ]
    shares = share_of_policies(policies)
    assert (shares[first], shares[second]) == (0.5, 0.25)


def test_the_shares_that_are_shipped_are_those_of_the_labels():
    shares = share_of_policies(labelled_policies(split="train"))
    assert {intent["intent"]: intent["told_by"] for intent in read_intents()} == {
        name: round(share, 4) for name, share in shares.items()
    }


@needs_corpus
def test_a_row_asks_what_its_text_tells_and_its_other_does_not():
    tiny = TinyEmbedder()
    lists = labelled_rows(CORPUS, tiny.embed_passages, Random(0))
    rows = [row for found in lists[:8] for row in found]
    assert len(rows) > 50
    assert all(row.asks in row.tells and row.asks not in row.other_tells for row in rows)


@needs_corpus
def test_questions_of_labelled_policies_are_half_unanswered():
    task = labels_task(CORPUS, split="dev")
    answerable = [question.answerable for question in task.questions]
    assert 0.3 < np.mean(answerable) <= 0.5
    texts = {document.file: document.text for document in task.documents}
    for question in task.questions[:200]:
        for span in question.spans:
            assert texts[span.file][span.start : span.end].strip()


def test_weights_are_averaged():
    model, base = (SentenceTransformer(base_model_folder(), device="cpu") for _ in range(2))
    name, weight = next(iter(model.state_dict().items()))
    assert weight.is_floating_point()
    before = weight.clone()
    weight.add_(1.0)
    _average(model, base, 0.25)
    assert torch.allclose(model.state_dict()[name], before + 0.25, atol=1e-5)
