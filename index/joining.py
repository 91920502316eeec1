"""Questions that several threads ask at once, embedded together: one run of the model instead of many at its doors.

It does not know models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from index.embedding import Embedder, Progress

Vectors = np.ndarray

# More at once would make the first wait for the last.
_MOST_TEXTS = 32


@dataclass(slots=True, eq=False)
class _Waiting:
    """Texts that a thread wants embedded, and what came of it."""

    texts: Sequence[str]
    vectors: Vectors | None = None
    error: Exception | None = None


class JoiningEmbedder:
    """An `Embedder` like the one given, to be shared by threads.

    Who comes while the model is at work waits, and whoever of them has the model next embeds for all that wait.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._queue: list[_Waiting] = []
        self._queued, self._embedding = Lock(), Lock()
        self.name, self.content_hash = embedder.name, embedder.content_hash
        self.dimension, self.max_tokens = embedder.dimension, embedder.max_tokens

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        mine = _Waiting(texts)
        with self._queued:
            self._queue.append(mine)
        with self._embedding:
            # What another thread has embedded by now is done; else this one does it, and what waits behind it.
            while mine.vectors is None and mine.error is None:
                self._embed_waiting()
        if mine.error is not None:
            raise mine.error
        return mine.vectors if mine.vectors is not None else np.zeros((0, self.dimension), dtype=np.float32)

    def _embed_waiting(self) -> None:
        with self._queued:
            count = 1
            while count < len(self._queue) and sum(len(w.texts) for w in self._queue[: count + 1]) <= _MOST_TEXTS:
                count += 1
            together, self._queue = self._queue[:count], self._queue[count:]
        try:
            vectors = self._embedder.embed_questions([text for waiting in together for text in waiting.texts])
        except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it is
            for waiting in together:
                waiting.error = error
            return
        first = 0
        for waiting in together:
            waiting.vectors = vectors[first : first + len(waiting.texts)]
            first += len(waiting.texts)

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder`."""
        return self._embedder.embed_passages(texts, progress=progress)

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return self._embedder.count_tokens(text)
