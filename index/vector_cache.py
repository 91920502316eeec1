"""The vectors of the texts that a build has embedded so far, in a file: no text is embedded twice in one build."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

_DIGEST_BYTES = 16


class VectorCache:
    """Vectors by their texts, in half precision, as an index keeps them; it ends with `close`."""

    def __init__(self, folder: Path, dimension: int) -> None:
        """A cache without a name in the file system, on the disk that `folder` is on."""
        self._dimension = dimension
        self._row_bytes = dimension * np.dtype(np.float16).itemsize
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115  # `close` closes it
        self._rows: dict[bytes, int] = {}

    def add(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep the vector of each text: `vectors` has the shape (number of texts, dimension)."""
        self._file.seek(0, 2)
        self._file.write(vectors.astype(np.float16).tobytes())
        for text in texts:
            self._rows[_digest(text)] = len(self._rows)

    def known(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The vectors, shape (dimension,), float32, of those of `texts` that it holds."""
        self._file.flush()
        found = {text: row for text in texts if (row := self._rows.get(_digest(text))) is not None}
        vectors = {}
        for text, row in sorted(found.items(), key=lambda entry: entry[1]):
            self._file.seek(row * self._row_bytes)
            vectors[text] = np.frombuffer(self._file.read(self._row_bytes), dtype=np.float16).astype(np.float32)
        return vectors

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
