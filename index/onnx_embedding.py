"""The shipped model by ONNX Runtime: the same vectors in half the time, and torch need not be loaded.

`model.onnx` beside the weights is the model's graph alone; it takes every weight out of `model.safetensors`, so that
there is one copy of them. `questions.onnx` is the same with products of whole numbers, twice as fast for one question;
its weights are rounded as it is loaded, and its steps are fixed, so that a question's vector does not depend on what
is embedded beside it. `python -m eval train` writes both. It does not know sentence-transformers.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from index.embedding import Progress, hash_of_folder, in_batches
from index.errors import ModelError

Vectors = np.ndarray

GRAPH, QUESTIONS_GRAPH = "model.onnx", "questions.onnx"
INPUTS = ("input_ids", "attention_mask")


class OnnxEmbedder:
    """An `Embedder` of a folder that holds both graphs, the weights they name, `tokenizer.json` and the settings."""

    def __init__(self, folder: Path, *, name: str) -> None:
        """`name`: what it is called, for people.

        Raises:
            ModelError: a file is missing or damaged.
        """
        from tokenizers import Tokenizer

        self._folder = folder
        try:
            settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            self.max_tokens = int(settings["model_max_length"]) - 2  # two mark the beginning and the end
            self._reading, self._counting = (Tokenizer.from_file(str(folder / "tokenizer.json")) for _ in range(2))
            self._questions = _session(folder / QUESTIONS_GRAPH)
            (folder / GRAPH).stat()
            self.content_hash = hash_of_folder(folder)
        # onnxruntime and tokenizers raise types of their own, which derive from Exception alone
        except Exception as error:
            raise ModelError(f"the model in {folder} cannot be read ({error}); install askpolicy again") from error
        self.name = name
        self.dimension = int(self._questions.get_outputs()[0].shape[-1])
        self._counting.no_padding()
        self._counting.no_truncation()
        self._reading.enable_truncation(self.max_tokens + 2)
        self._reading.enable_padding()

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder`. Texts of like length go together, so that little is padded."""
        session = self._passages  # opened before there is much to wait for

        def embed(some: list[str]) -> Vectors:
            return self._embed(session, some)

        return in_batches(texts, embed, dimension=self.dimension, progress=progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`; by `questions.onnx`, whose vectors have a cosine of .993 or more with the reference's."""
        return in_batches(
            texts, lambda some: self._embed(self._questions, some), dimension=self.dimension, progress=None
        )

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return len(self._counting.encode(text, add_special_tokens=False))

    @cached_property
    def _passages(self) -> Any:
        """The session of `model.onnx`: who only answers never needs it.

        Raises:
            ModelError: it is damaged.
        """
        try:
            return _session(self._folder / GRAPH)
        except Exception as error:  # onnxruntime raises types of its own, which derive from Exception alone
            raise ModelError(
                f"the model in {self._folder} cannot be read ({error}); install askpolicy again"
            ) from error

    def _embed(self, session: Any, texts: list[str]) -> Vectors:
        read = self._reading.encode_batch(texts)
        columns = ([text.ids for text in read], [text.attention_mask for text in read])
        inputs = {name: np.array(rows, dtype=np.int64) for name, rows in zip(INPUTS, columns, strict=True)}
        found: Vectors = session.run(None, inputs)[0]
        return found


def _session(graph: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that spin while they wait take the cores from other processes: decision 21.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights need not be kept where memory of changing size is.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
