"""The network that is taught to read: the shipped embedding model's encoder with two linear heads."""

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import BertModel

from qa.reading.reader import ANSWERS

_DROPPED = 0.1


class ReaderModel(nn.Module):
    """Classify how a passage answers a question, and for each mark whether its sentence is evidence."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of the model whose encoder it begins with."""
        super().__init__()
        self.encoder = BertModel.from_pretrained(
            str(folder), add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32
        )
        width = self.encoder.config.hidden_size
        self.answer = nn.Linear(width, len(ANSWERS))
        self.decides = nn.Linear(width, 1)
        self._dropout = nn.Dropout(_DROPPED)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, read_at: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits: of `ANSWERS`, shape (texts, 5), and of each token of `read_at`, its shape; those of marks count."""
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        read = states.gather(1, read_at.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
        answer: Tensor = self.answer(self._dropout(read[:, 0]))
        decides: Tensor = self.decides(self._dropout(read)).squeeze(-1)
        return answer, decides
