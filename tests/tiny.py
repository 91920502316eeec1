"""An embedder without a model: words hashed into 64 numbers. Deterministic, instant, able to tell topics apart."""

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

_WORD = re.compile(r"[^\W_]+")


class TinyEmbedder:
    """A bag of words, hashed; implements `index.embedding.Embedder`.

    Two of different `name` have different hashes, as two models would.
    """

    def __init__(self, name: str = "tiny", *, dimension: int = 64, max_tokens: int = 254) -> None:
        self.name = name
        self.content_hash = hashlib.sha256(f"{name} {dimension}".encode()).hexdigest()
        self.dimension = dimension
        self.max_tokens = max_tokens

    def embed_passages(self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """See `Embedder`."""
        if progress:
            progress(len(texts), len(texts))
        return self.embed_questions(texts)

    def embed_questions(self, texts: Sequence[str]) -> np.ndarray:
        """See `Embedder`."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()) or [""]:
                vectors[row, _place(word, self.dimension)] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def count_tokens(self, text: str) -> int:
        """See `Embedder`: words."""
        return len(_WORD.findall(text))


def _place(word: str, dimension: int) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest()) % dimension
