"""The two classifiers around the intents, learned: from people's wordings, and from sentences that were labelled."""

from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from eval.questions import json_lines
from eval.tasks.labels import labelled_policies
from eval.training_rows import CLAUSES, places_of, told_texts
from index.embedding import Embedder
from qa.intents import read_intents, unlearned_weights

Vectors = np.ndarray

# Decision 28: best macro average precision on the labels' dev policies, and accuracy on wordings kept from training.
OUTSIDE = Path(__file__).parent / "scope" / "outside.txt"
_NEAR_THE_UNLEARNED = 1e-5
_INVERSE_RIDGE = 10.0
_STEPS = 60


def learned_weights(corpus: Path, embedder: Embedder) -> dict[str, Vectors]:
    """What `qa.intents.unlearned_weights` gives, learned from the labelled policies of the folder `corpus`."""
    start = unlearned_weights(embedder.embed_passages)
    told, bias = _told(corpus, embedder, start)
    return {"asked": _asked(embedder), "told": told, "told_bias": bias}


def _asked(embedder: Embedder) -> Vectors:
    """A multinomial logistic regression on the wordings, without intercepts: all intents are asked alike.

    One more class is none of them: questions of contracts, and of what is not about privacy.
    """
    intents = read_intents()
    texts = [question for intent in intents for question in intent["questions"]]
    labels = [place for place, intent in enumerate(intents) for _ in intent["questions"]]
    others = [question for _, clause in json_lines(CLAUSES) for question in clause["yes"]] + OUTSIDE.read_text(
        encoding="utf-8"
    ).splitlines()
    vectors = embedder.embed_passages(texts + others)
    regression = LogisticRegression(C=_INVERSE_RIDGE, fit_intercept=False, max_iter=500)
    regression.fit(vectors, labels + [len(intents)] * len(others))
    weights: Vectors = regression.coef_.astype(np.float32)
    return weights


def _told(corpus: Path, embedder: Embedder, start: dict[str, Vectors]) -> tuple[Vectors, Vectors]:
    """A logistic regression for each intent, all at once, drawn to the unlearned weights instead of to nothing.

    Rarely labelled intents have little else to go by: drawn to nothing, one intent at a time, decision 28 found a
    macro average precision of .58 instead of .64, in four times the time.
    """
    places = places_of(read_intents())
    texts = [told for policy in labelled_policies(split="train") for told in told_texts(corpus, policy, places)[0]]
    vectors = torch.tensor(embedder.embed_passages([told.text for told in texts]))
    tells = torch.zeros(len(texts), len(start["told"]))
    for row, told in enumerate(texts):
        tells[row, sorted(told.tells)] = 1.0
    unlearned = torch.tensor(start["told"])
    weights, bias = unlearned.clone().requires_grad_(), torch.tensor(start["told_bias"]).requires_grad_()
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=_STEPS, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = vectors @ weights.T + bias
        wrong = torch.nn.functional.binary_cross_entropy_with_logits(logits, tells, reduction="sum") / len(texts)
        total = wrong + _NEAR_THE_UNLEARNED * ((weights - unlearned) ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach().numpy(), bias.detach().numpy()
