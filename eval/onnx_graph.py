"""A trained model's graphs for ONNX Runtime, without its weights: those stay in the folder's `model.safetensors`.

One computes as the model does. The other multiplies whole numbers: the weights in 7 bits for each column, the other
factor in 8 with a fixed step, after both were scaled against each other so that no column is much larger than others
(SmoothQuant, Xiao et al. 2023). 7 bits, as processors without instructions of their own for this add two products
in 16 bits, which overflow with 8.
"""

import json
import struct
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from torch import Tensor, nn

from index.onnx_embedding import GRAPH, INPUTS, QUESTIONS_GRAPH
from qa.intents import read_intents

_WEIGHTS = "model.safetensors"
_TYPES = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
_OPSET = 17
# Cosines of 300 kept questions to the reference, at the least: .6: .97, .7: .992, .8: .993, .9: .991 (decision 36).
_SMOOTHED = 0.8
_TOP_WEIGHT, _STEPS = 63.0, 255
_CALIBRATED_ON = 600
_LEAST = 1e-5


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
    """Each weight of `graph` becomes a reference into the file `weights`, cast to single precision as it is loaded.

    Of a table of embeddings only the rows that are looked up are cast, each time.
    """
    described, begin = _described(weights)
    references, casts = [], []
    looked_up = {node.input[0]: node for node in graph.node if node.op_type == "Gather"}
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
        if kept.name in looked_up:
            looked_up[kept.name].input[0] = name
        else:
            casts.append(helper.make_node("Cast", [name], [kept.name], to=TensorProto.FLOAT))
    tables = {reference.name for reference in references}
    nodes = casts
    for node in graph.node:
        nodes.append(node)
        if node.op_type == "Gather" and node.input[0] in tables:
            output = node.output[0]
            node.output[0] = f"{output}/half"
            nodes.append(helper.make_node("Cast", [node.output[0]], [output], to=TensorProto.FLOAT))
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


def write_questions_graph(folder: Path) -> None:
    """Write `questions.onnx` into `folder`, which holds `model.onnx`; ranges are those of questions of ours."""
    graph = onnx.load(folder / GRAPH, load_external_data=False)
    products = _products_with_weights(graph.graph)
    ranges = _ranges(folder, graph, list(dict.fromkeys(node.input[0] for node in products)))
    weights = load_file(folder / _WEIGHTS)
    maker = {output: node for node in graph.graph.node for output in node.output}

    def weight(node: Any) -> np.ndarray:
        """The weights that `node` multiplies with: shape (outputs, inputs)."""
        transposed = maker[node.input[1]]
        return weights[maker[transposed.input[0]].input[0]].astype(np.float32)

    nodes: list[Any] = []
    constants = [_scalar("top_weight", _TOP_WEIGHT)]
    by_input: dict[str, list[Any]] = {}
    for node in products:
        by_input.setdefault(node.input[0], []).append(node)
    rounded: dict[str, str] = {}
    for node in graph.graph.node:
        if node not in products:
            nodes.append(node)
            continue
        factor = node.input[0]
        if factor not in rounded:
            smooth = smoothing(ranges[factor], [weight(each) for each in by_input[factor]])
            made, values = _rounded_factor(factor, ranges[factor], smooth)
            nodes += made
            constants += values
            rounded[factor] = f"{factor}/rounded"
        made, values = _whole_product(node, rounded[factor], len(weight(node)))
        nodes += made
        constants += values
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.extend(constants)
    graph.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    _write_computed(graph, folder)


def _write_computed(graph: Any, folder: Path) -> None:
    """Write `questions.onnx` with all computed that does not depend on the input: the rounded weights, 10 MB.

    Rounding them on each start took .7 s and left 120 MB of memory in pieces.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / QUESTIONS_GRAPH)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".onnx") as file:  # beside the weights that it names
        Path(file.name).write_bytes(graph.SerializeToString())
        onnxruntime.InferenceSession(file.name, options, providers=["CPUExecutionProvider"])


def _products_with_weights(graph: Any) -> list[Any]:
    """The products of `graph` whose second factor is a weight, transposed."""
    maker = {output: node for node in graph.node for output in node.output}
    held = {kept.name for kept in graph.initializer}

    def is_weight(name: str) -> bool:
        transposed = maker.get(name)
        cast = maker.get(transposed.input[0]) if transposed is not None and transposed.op_type == "Transpose" else None
        return cast is not None and cast.op_type == "Cast" and cast.input[0] in held

    return [node for node in graph.node if node.op_type == "MatMul" and is_weight(node.input[1])]


def _ranges(folder: Path, graph: Any, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The least and the largest of each column of what is called `names`, over questions: shape (2, columns)."""
    questions = [question for intent in read_intents() for question in intent["questions"]]
    some = Random(0).sample(questions, _CALIBRATED_ON)
    told = onnx.ModelProto.FromString(graph.SerializeToString())
    told.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".onnx") as file:  # beside the weights that it names
        Path(file.name).write_bytes(told.SerializeToString())
        session = onnxruntime.InferenceSession(file.name, providers=["CPUExecutionProvider"])
        found: dict[str, np.ndarray] = {}
        for question in some:
            read = tokenizer.encode(question)
            columns = {INPUTS[0]: read.ids, INPUTS[1]: read.attention_mask}
            inputs = {name: np.array([values], dtype=np.int64) for name, values in columns.items()}
            for name, value in zip(names, session.run(list(names), inputs), strict=True):
                flat = value.reshape(-1, value.shape[-1])
                here = np.stack([flat.min(axis=0), flat.max(axis=0)])
                before = found.get(name, here)
                found[name] = np.stack([np.minimum(before[0], here[0]), np.maximum(before[1], here[1])])
    return found


def smoothing(ranges: np.ndarray, weights: Sequence[np.ndarray], *, share: float = _SMOOTHED) -> np.ndarray:
    """What each column of a factor is divided by, and its weights multiplied with: shape (columns,), of mean size 1."""
    largest = np.abs(ranges).max(axis=0).clip(_LEAST)
    of_weights = np.max([np.abs(each).max(axis=0) for each in weights], axis=0).clip(_LEAST)
    smooth = largest**share / of_weights ** (1 - share)
    scaled: np.ndarray = (smooth / np.exp(np.log(smooth).mean())).astype(np.float32)
    return scaled


def _rounded_factor(name: str, ranges: np.ndarray, smooth: np.ndarray) -> tuple[list[Any], list[Any]]:
    """Nodes that divide the factor `name` by `smooth` and round it to 8 bits, and their constants."""
    least, largest = min(0.0, float((ranges[0] / smooth).min())), max(0.0, float((ranges[1] / smooth).max()))
    step = (largest - least) / _STEPS
    own = f"{name}/rounded"
    nodes = [
        helper.make_node("Mul", [name, f"{own}/inverse"], [f"{own}/smooth"], name=f"{own}/smooth"),
        helper.make_node("QuantizeLinear", [f"{own}/smooth", f"{own}/step", f"{own}/zero"], [own], name=own),
    ]
    constants = [
        _scalar(f"{own}/step", step),
        helper.make_tensor(f"{own}/zero", TensorProto.UINT8, [], [round(-least / step)]),
        numpy_helper.from_array(1 / smooth, f"{own}/inverse"),
        numpy_helper.from_array(smooth[:, None], f"{own}/factors"),
    ]
    return nodes, constants


def _whole_product(node: Any, factor: str, columns: int) -> tuple[list[Any], list[Any]]:
    """Nodes for the product `node` in whole numbers, and their constants; all but the last are computed on loading."""
    own = f"{node.name}/whole"
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Mul", [node.input[1], f"{factor}/factors"], "weights", {}),
        ("Abs", [f"{own}/weights"], "sizes", {}),
        ("ReduceMax", [f"{own}/sizes"], "largest", {"axes": [0], "keepdims": 0}),
        ("Div", [f"{own}/largest", "top_weight"], "step", {}),
        ("QuantizeLinear", [f"{own}/weights", f"{own}/step", f"{own}/zero"], "rounded", {"axis": 1}),
    ]
    nodes = [
        helper.make_node(kind, inputs, [f"{own}/{name}"], name=f"{own}/{name}", **settings)
        for kind, inputs, name, settings in steps
    ]
    product = [factor, f"{own}/rounded", f"{factor}/step", f"{own}/step", f"{factor}/zero", f"{own}/zero"]
    nodes.append(helper.make_node("MatMulIntegerToFloat", product, list(node.output), name=own, domain="com.microsoft"))
    return nodes, [numpy_helper.from_array(np.zeros(columns, dtype=np.int8), f"{own}/zero")]


def _scalar(name: str, value: float) -> Any:
    return helper.make_tensor(name, TensorProto.FLOAT, [], [value])
