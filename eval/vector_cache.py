"""An embedder that remembers the vectors of passages between runs, as a run embeds the same text again and again.

Questions are always embedded anew, since their time is measured.
"""

import hashlib
import os
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

import index.embedding
import index.onnx_embedding
from index.embedding import Embedder, Progress

Vectors = np.ndarray
_DIGEST_BYTES = 16


class CachedEmbedder:
    """An `Embedder` like the one given, whose passages' vectors are kept in `folder`.

    They are kept by the model's hash, the code that embeds and the libraries it uses: all that makes a vector. Where
    `folder` cannot be written, nothing is kept, and a warning says so once.
    """

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self._embedder = embedder
        made_of = hashlib.sha256(embedder.content_hash.encode() + _embedding_code())
        self._file = folder / f"{made_of.hexdigest()[:32]}.npz"
        self.name = embedder.name
        self.content_hash = embedder.content_hash
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens
        self._known, self._vectors = self._read()

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder`."""
        digests = [hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest() for text in texts]
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._known}
        if new:
            fresh = self._embedder.embed_passages(list(new.values()), progress=progress)
            first = len(self._vectors)
            self._known.update((digest, first + place) for place, digest in enumerate(new))
            self._vectors = np.concatenate([self._vectors, fresh])
            self._write()
        rows = [self._known[digest] for digest in digests]
        found: Vectors = self._vectors[rows].reshape(len(texts), self.dimension)
        return found

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self._embedder.embed_questions(texts)

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return self._embedder.count_tokens(text)

    def _read(self) -> tuple[dict[bytes, int], Vectors]:
        """What the file holds; nothing if there is none or it is damaged, as all of it can be computed again."""
        nothing: tuple[dict[bytes, int], Vectors] = ({}, np.zeros((0, self.dimension), dtype=np.float32))
        if not self._file.is_file():
            return nothing
        try:
            with self._file.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                digests, vectors = kept["digests"], kept["vectors"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return nothing
        if vectors.shape != (len(digests), self.dimension):
            return nothing
        return {bytes(digest): row for row, digest in enumerate(digests)}, vectors

    def _write(self) -> None:
        digests = np.frombuffer(b"".join(self._known), dtype=np.uint8).reshape(-1, _DIGEST_BYTES)
        unfinished = self._file.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                np.savez(file, digests=digests, vectors=self._vectors)
            unfinished.replace(self._file)
        except OSError as error:
            warnings.warn(f"vectors are not kept between runs ({error}); --no-cache says nothing of it", stacklevel=2)


def _embedding_code() -> bytes:
    code = hashlib.sha256()
    for module in (index.embedding.__file__, index.onnx_embedding.__file__):
        code.update(Path(module).read_bytes())
    for package in ("onnxruntime", "sentence-transformers", "tokenizers", "torch", "transformers"):
        code.update(version(package).encode())
    return code.digest()
