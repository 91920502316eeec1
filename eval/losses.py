"""The loss of the third round: over a batch, with all that is known of each text taken into account."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from eval.training_rows import NO_INTENT, Row

_FAR_BELOW = -1e4
# How much naming the intents counts beside finding the texts; a sum over 335 intents is a few times as large.
_TOLD_SHARE, _ASKED_SHARE = 0.15, 0.2
_SMOOTHING = 0.1
# The classifiers learn so much faster than the model, which is nearly done.
_FASTER = 30.0


class KnownAnswersLoss(nn.Module):
    """Multiple negatives ranking (Henderson et al. 2017) with all known answers, and two classifiers beside it.

    Labels tell of many a text of a batch which questions of it the text answers. Each of a question's answers is set
    against the texts that do not answer it (Khosla et al. 2020), and each of a text's questions against those that it
    does not answer. Besides, a linear classifier is to name the intents that a text tells, where it is known of every
    intent, and another the intent that a question has. A row's number in the data is its label.
    """

    _asks: Tensor
    _tells: Tensor
    _complete: Tensor
    _texts: Tensor

    def __init__(
        self,
        model: SentenceTransformer,
        rows: Sequence[Row],
        *,
        classifiers: Mapping[str, np.ndarray],
        scale: float = 20.0,
    ) -> None:
        """`scale` multiplies cosines: 1 / temperature, without unit.

        Args:
            classifiers: where they start, as `qa.intents.unlearned_weights` has them.
        """
        super().__init__()
        self.model = model
        self._scale = scale
        self._asked, self._told, self._told_bias = (
            nn.Parameter(torch.tensor(classifiers[name]) / _FASTER) for name in ("asked", "told", "told_bias")
        )
        self.register_buffer("_asks", torch.tensor([row.asks for row in rows]), persistent=False)
        tells = torch.stack(
            [
                _several([row.tells for row in rows], len(self._told)),
                _several([r.other_tells for r in rows], len(self._told)),
            ]
        )
        self.register_buffer("_tells", tells, persistent=False)
        self.register_buffer("_complete", torch.tensor([row.complete for row in rows]), persistent=False)
        numbers: dict[str, int] = {}
        same = [
            [numbers.setdefault(text, len(numbers)) for text in texts]
            for texts in zip(*((r.text, r.other) for r in rows), strict=True)
        ]
        self.register_buffer("_texts", torch.tensor(same), persistent=False)

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The loss of finding a question's texts among all and a text's questions among all, and of naming intents."""
        questions, own, others = (
            nn.functional.normalize(self.model(features)["sentence_embedding"].float(), dim=1)
            for features in sentence_features
        )
        texts = torch.cat([own, others])
        asks, tells = self._asks[labels], self._tells[:, labels].flatten(end_dim=1)
        answers = tells[:, asks.clamp(min=0)].T & (asks != NO_INTENT).unsqueeze(1)
        # the same text twice is an answer twice
        answers |= self._texts[0, labels].unsqueeze(1) == self._texts[:, labels].flatten()
        nearness = self._scale * questions @ texts.T
        mine = slice(0, len(labels))
        found = (_finding(nearness, answers) + _finding(nearness[:, mine].T, answers[:, mine].T)) / 2
        return found + self._naming(questions, asks, texts, tells, self._complete[labels].repeat(2))

    def _naming(self, questions: Tensor, asks: Tensor, texts: Tensor, tells: Tensor, complete: Tensor) -> Tensor:
        loss = questions.new_zeros(())
        if complete.any():
            logits = _FASTER * (texts[complete] @ self._told.T + self._told_bias)
            wrong = nn.functional.binary_cross_entropy_with_logits(logits, tells[complete].float(), reduction="sum")
            loss = loss + _TOLD_SHARE * wrong / complete.sum()
        asking = asks != NO_INTENT
        if asking.any():
            logits = _FASTER * questions[asking] @ self._asked.T
            loss = loss + _ASKED_SHARE * nn.functional.cross_entropy(logits, asks[asking], label_smoothing=_SMOOTHING)
        return loss


def _finding(nearness: Tensor, answers: Tensor) -> Tensor:
    """The mean cross-entropy of each answer among itself and all that is none: shapes (n, m), bool where it answers."""
    wrong = torch.logsumexp(nearness.masked_fill(answers, _FAR_BELOW), dim=1, keepdim=True)
    each = nn.functional.softplus(wrong - nearness) * answers
    return (each.sum(dim=1) / answers.sum(dim=1)).mean()


def _several(tells: Sequence[frozenset[int]], intents: int) -> Tensor:
    found = torch.zeros(len(tells), intents, dtype=torch.bool)
    for place, told in enumerate(tells):
        found[place, sorted(told)] = True
    return found
