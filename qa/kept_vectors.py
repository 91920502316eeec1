"""Vectors of texts that come with this project, kept beside them for the shipped model, so that nothing waits for them.

Another model, or a changed text, has them computed anew. It does not know what the texts are.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from index.embedding import Embedder

Vectors = np.ndarray


def kept_vectors(path: Path, embedder: Embedder, texts: Path) -> dict[str, Vectors] | None:
    """The arrays in `path` as float32, if they are of this model and of the file `texts` as it is; else None."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["made_of"]) != _made_of(embedder, texts):
            return None
        return {name: kept[name].astype(np.float32) for name in kept.files if name != "made_of"}


def keep_vectors(path: Path, embedder: Embedder, texts: Path, vectors: Mapping[str, Vectors]) -> None:
    """Write `vectors` to `path` in half precision, with what they depend on."""
    arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in vectors.items()}
    np.savez(path, made_of=np.array(_made_of(embedder, texts)), **arrays)


def _made_of(embedder: Embedder, texts: Path) -> str:
    return hashlib.sha256(embedder.content_hash.encode() + texts.read_bytes()).hexdigest()
