"""A second look at the best passages: the seam `Reranker`, and cross-encoders behind it. It does not know policies."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from index.errors import ModelError

Scores = np.ndarray


class Reranker(Protocol):
    """What reads a question and a passage together.

    Attributes:
        name: what the model is called, for people.
    """

    name: str

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """How well each passage answers: shape (len(passages),), float32, logits."""
        ...


class CrossEncoderReranker:
    """Any cross-encoder of sentence-transformers, by name or folder."""

    def __init__(self, model: str) -> None:
        from sentence_transformers import CrossEncoder
        from torch.nn import Identity

        try:
            self._model = CrossEncoder(model, device="cpu", activation_fn=Identity())
        except (OSError, ValueError) as error:
            raise ModelError(
                f"no cross-encoder {model!r} could be loaded ({error}): give a name or a folder"
            ) from error
        self.name = model

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """See `Reranker`."""
        if not passages:
            return np.zeros(0, dtype=np.float32)
        found: Scores = self._model.predict([(question, passage) for passage in passages], show_progress_bar=False)
        return found.astype(np.float32).round(5)
