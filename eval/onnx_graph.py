"""A trained model's graph for ONNX Runtime, without its weights: those stay in the folder's `model.safetensors`."""

import json
import struct
import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from index.onnx_embedding import GRAPH, INPUTS

_WEIGHTS = "model.safetensors"
_TYPES = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
_OPSET = 17


class _Encoder(nn.Module):
    """A model as a function of token numbers."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        vectors: Tensor = self.model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]
        return vectors


def write_graph(folder: Path) -> None:
    """Write `model.onnx` into `folder`, which holds a sentence-transformers model in one `model.safetensors`.

    Raises:
        ValueError: a weight that the graph needs is not in that file.
    """
    weights = folder / _WEIGHTS
    kinds: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "eager"}
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs=kinds).eval()
    example = model.tokenizer(["two texts", "of unlike length"], padding=True, return_tensors="pt")
    names = {0: "texts", 1: "tokens"}
    with tempfile.TemporaryDirectory(prefix="askpolicy-onnx-") as unfinished, warnings.catch_warnings():
        exported = Path(unfinished) / GRAPH
        # torch's newer exporter takes ten times as long and renames the weights
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Encoder(model),
            tuple(example[name] for name in INPUTS),
            exported,
            input_names=list(INPUTS),
            output_names=["vectors"],
            dynamic_axes={**dict.fromkeys(INPUTS, names), "vectors": {0: "texts"}},
            dynamo=False,
            opset_version=_OPSET,
            do_constant_folding=False,  # folded weights are no longer those of the file
        )
        graph = onnx.load(exported)
    _take_weights_from(weights, graph.graph)
    (folder / GRAPH).write_bytes(graph.SerializeToString())


def _take_weights_from(weights: Path, graph: Any) -> None:
    """Each weight of `graph` becomes a reference into the file `weights`, cast to single precision as it is loaded."""
    described, begin = _described(weights)
    references, casts = [], []
    for kept in graph.initializer:
        name = next((name for name in described if kept.name.endswith(f".{name}")), None)
        if name is None or described[name]["shape"] != list(kept.dims):
            raise ValueError(f"{weights} holds no weight {kept.name} of shape {list(kept.dims)}")
        start, end = described[name]["data_offsets"]
        reference = TensorProto(
            name=name,
            data_type=_TYPES[described[name]["dtype"]],
            dims=kept.dims,
            data_location=TensorProto.EXTERNAL,
        )
        for key, value in (("location", _WEIGHTS), ("offset", begin + start), ("length", end - start)):
            reference.external_data.add(key=key, value=str(value))
        references.append(reference)
        casts.append(helper.make_node("Cast", [name], [kept.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(references)
    graph.node.extend(nodes)


def _described(weights: Path) -> tuple[dict[str, Any], int]:
    """What the header of a safetensors file says of each weight, and where in the file the weights begin."""
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        described: dict[str, Any] = json.loads(file.read(length))
    described.pop("__metadata__", None)
    return described, 8 + length
