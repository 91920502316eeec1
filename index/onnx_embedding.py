"""The shipped model by ONNX Runtime: the same vectors in half the time, and torch need not be loaded.

`model.onnx` beside the weights is the model's graph alone; it takes every weight out of `model.safetensors`, so that
there is one copy of them. `python -m eval train` writes both. It does not know sentence-transformers.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from index.embedding import Progress, hash_of_folder, in_batches
from index.errors import ModelError

Vectors = np.ndarray

GRAPH = "model.onnx"
INPUTS = ("input_ids", "attention_mask")


class OnnxEmbedder:
    """An `Embedder` of a folder that holds `model.onnx`, the weights it names, `tokenizer.json` and the settings."""

    def __init__(self, folder: Path, *, name: str) -> None:
        """`name`: what it is called, for people.

        Raises:
            ModelError: a file is missing or damaged.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # Threads that spin while they wait take the cores from other processes: decision 21.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            self.max_tokens = int(settings["model_max_length"]) - 2  # two mark the beginning and the end
            self._reading, self._counting = (Tokenizer.from_file(str(folder / "tokenizer.json")) for _ in range(2))
            self._session = onnxruntime.InferenceSession(
                str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
            self.content_hash = hash_of_folder(folder)
        # onnxruntime and tokenizers raise types of their own, which derive from Exception alone
        except Exception as error:
            raise ModelError(f"the model in {folder} cannot be read ({error}); install askpolicy again") from error
        self.name = name
        self.dimension = int(self._session.get_outputs()[0].shape[-1])
        self._counting.no_padding()
        self._counting.no_truncation()
        self._reading.enable_truncation(self.max_tokens + 2)
        self._reading.enable_padding()

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder`. Texts of like length go together, so that little is padded."""
        return in_batches(texts, self._embed, dimension=self.dimension, progress=progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self.embed_passages(texts)

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return len(self._counting.encode(text, add_special_tokens=False))

    def _embed(self, texts: list[str]) -> Vectors:
        read = self._reading.encode_batch(texts)
        columns = ([text.ids for text in read], [text.attention_mask for text in read])
        inputs = {name: np.array(rows, dtype=np.int64) for name, rows in zip(INPUTS, columns, strict=True)}
        found: Vectors = self._session.run(None, inputs)[0]
        return found
