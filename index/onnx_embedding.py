"""The shipped model by ONNX Runtime: the same vectors in half the time, and torch need not be loaded.

`model.onnx` beside the weights is the model's graph alone; it takes every weight out of `model.safetensors`, so that
there is one copy of them. `questions.onnx` is the same with products of whole numbers, nearly twice as fast for one
question; it has rounded weights of its own, and its steps are fixed, so that a question's vector does not depend on
what is embedded beside it. `python -m eval train` writes both. It does not know sentence-transformers.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.embedding import Progress, hash_of_folder
from index.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Encoding

Vectors = np.ndarray

# Of 1,024, 2,048 and 4,096 the fastest on two cores (decision 36): sorted by tokens hardly anything is padded.
_BATCH_TOKENS = 1_024
_READ_AT_ONCE = 10_000
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
            self._questions = open_session(folder / QUESTIONS_GRAPH)
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
        self._reading.no_padding()

    def embed_passages(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder`."""
        return self._embed(self._passages, texts, progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`; by `questions.onnx`, whose vectors have a cosine of .993 or more with the reference's."""
        return self._embed(self._questions, texts, None)

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
            return open_session(self._folder / GRAPH)
        except Exception as error:  # onnxruntime raises types of its own, which derive from Exception alone
            raise ModelError(
                f"the model in {self._folder} cannot be read ({error}); install askpolicy again"
            ) from error

    def _embed(self, session: Any, texts: Sequence[str], progress: Progress | None) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for begin in range(0, len(texts), _READ_AT_ONCE):
            read = self._reading.encode_batch(list(texts[begin : begin + _READ_AT_ONCE]))
            done = 0
            for rows in batches_of_like_length([len(text.ids) for text in read]):
                inputs = _padded([read[row] for row in rows])
                vectors[[begin + row for row in rows]] = session.run(None, inputs)[0]
                done += len(rows)
                if progress:
                    progress(begin + done, len(texts))
        return vectors


def batches_of_like_length(lengths: Sequence[int], *, most_tokens: int = _BATCH_TOKENS) -> Iterator[list[int]]:
    """The places of `lengths`, longest first, in batches of at most `most_tokens` with what is padded, or of one.

    >>> list(batches_of_like_length([3, 600, 500, 4]))
    [[1], [2, 3], [0]]
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > most_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _padded(read: "Sequence[Encoding]") -> dict[str, np.ndarray]:
    """The model's inputs, each of shape (len(read), length of the longest), int64; `read` begins with the longest."""
    ids, mask = (np.zeros((len(read), len(read[0].ids)), dtype=np.int64) for _ in INPUTS)
    for row, text in enumerate(read):
        ids[row, : len(text.ids)] = text.ids
        mask[row, : len(text.ids)] = 1
    return dict(zip(INPUTS, (ids, mask), strict=True))


def open_session(graph: Path) -> Any:
    """The ONNX Runtime session of `graph`, whose threads do not spin while they wait."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that spin while they wait take the cores from other processes: decision 21.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights need not be kept where memory of changing size is.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
