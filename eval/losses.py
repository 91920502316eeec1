"""The loss of the third round: contrastive, over a batch, with what is known of each text taken into account."""

from collections.abc import Iterable, Sequence

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from eval.training_rows import NO_INTENT, Row

_FAR_BELOW = -1e4


class KnownAnswersLoss(nn.Module):
    """Multiple negatives ranking (Henderson et al. 2017) in both directions, without negatives known to be false.

    Two texts of a batch often answer the same question. Where labels tell so, or the text is the same, it is no
    negative: its similarity is left out of the sum. A row's number in the data is its label.
    """

    _asks: Tensor
    _tells: Tensor
    _others_tell: Tensor
    _text: Tensor
    _other: Tensor

    def __init__(self, model: SentenceTransformer, rows: Sequence[Row], *, scale: float = 20.0) -> None:
        """`scale` multiplies cosines: 1 / temperature, without unit."""
        super().__init__()
        self.model = model
        self._scale = scale
        self.register_buffer("_asks", torch.tensor([row.asks for row in rows]), persistent=False)
        intents = 1 + max(max((0, row.asks, *row.tells, *row.other_tells)) for row in rows)
        self.register_buffer("_tells", _told([row.tells for row in rows], intents), persistent=False)
        self.register_buffer("_others_tell", _told([row.other_tells for row in rows], intents), persistent=False)
        # clauses and passages of the bank have no intents, but the same text is no negative of itself
        numbers: dict[str, int] = {}
        for name, texts in (("_text", [r.text for r in rows]), ("_other", [r.other for r in rows])):
            self.register_buffer(
                name, torch.tensor([numbers.setdefault(text, len(numbers)) for text in texts]), persistent=False
            )

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The mean cross-entropy of finding a question's text among all, and a text's question among all."""
        questions, texts, others = (
            nn.functional.normalize(self.model(features)["sentence_embedding"].float(), dim=1)
            for features in sentence_features
        )
        own = torch.arange(len(labels), device=labels.device)
        asks = self._asks[labels]
        answered = self._answered(asks, self._tells[labels], own)
        answered_by_others = self._answered(asks, self._others_tell[labels], None)
        answered |= (self._text[labels].unsqueeze(1) == self._text[labels]) & ~torch.eye(
            len(labels), dtype=torch.bool, device=labels.device
        )
        answered_by_others |= self._text[labels].unsqueeze(1) == self._other[labels]
        forward = self._scale * questions @ torch.cat([texts, others]).T
        forward = forward.masked_fill(torch.cat([answered, answered_by_others], dim=1), _FAR_BELOW)
        backward = (self._scale * texts @ questions.T).masked_fill(answered.T, _FAR_BELOW)
        return (nn.functional.cross_entropy(forward, own) + nn.functional.cross_entropy(backward, own)) / 2

    @staticmethod
    def _answered(asks: Tensor, tells: Tensor, own: Tensor | None) -> Tensor:
        """Whether text *j* answers question *i*: shape (questions, texts); False where not known, and for `own`."""
        found = tells[:, asks.clamp(min=0)].T & (asks != NO_INTENT).unsqueeze(1)
        if own is not None:
            found[own, own] = False
        return found


def _told(tells: Sequence[frozenset[int]], intents: int) -> Tensor:
    found = torch.zeros(len(tells), intents, dtype=torch.bool)
    for place, told in enumerate(tells):
        found[place, sorted(told)] = True
    return found
