"""The trained reader as a graph for ONNX Runtime that multiplies whole numbers; about a quarter of the weights' bytes.

Weights take 7 bits for each column, the other factors 8 with a fixed step, after both were scaled against each other
so that no column is much larger than others (SmoothQuant, Xiao et al. 2023). 7 bits, as processors without
instructions of their own for this add two products in 16 bits, which overflow with 8. Word vectors take 8 bits with a
step for each word. Attention is one operator of the runtime's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from eval.onnx_graph import smoothing
from eval.reader_model import ReaderModel
from qa.reading.reader import INPUTS, WORDS

Vectors = np.ndarray

_MICROSOFT = "com.microsoft"
_OPSET, _IR_VERSION = 17, 9
_SMOOTHED = 0.5
_TOP_WEIGHT, _TOP_VECTOR, _STEPS = 63.0, 127.0, 255
_LEAST = 1e-5
_EPSILON = 1e-12


@dataclass(slots=True)
class _Graph:
    """Nodes and constants as they are added; each is named after its one output."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, name: str, value: Vectors | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], name: str, *, domain: str = "", **settings: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **settings))
        return name

    def divided(self, name: str, by: Vectors, divided: str) -> str:
        """`name` with each column divided by that of `by`."""
        return self.node("Mul", [name, self.constant(f"{divided}/inverse", (1 / by).astype(np.float32))], divided)


def write_reader_graph(model: ReaderModel, path: Path, batches: Sequence[Mapping[str, torch.Tensor]]) -> None:
    """Write `model` to `path`; the ranges of its factors are those that `batches` of inputs have."""
    ranges = _ranges(model, batches)
    weights = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    graph = _Graph()
    state = _embedded(graph, weights)
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    layers, heads = model.encoder.config.num_hidden_layers, model.encoder.config.num_attention_heads
    graph.constant("last", np.array([-1], dtype=np.int64))
    graph.node("Unsqueeze", ["read_at", "last"], "read_at/column")
    for number in range(layers):
        # the last layer computes the states that are read and no others
        state = _layer(graph, weights, ranges, number, state, heads=heads, read=number + 1 == layers)
    graph.constant("first", np.int64(0))
    graph.node("Gather", [state, "first"], "first_state", axis=1)
    _dense(graph, weights, "answer", "first_state", "answer")
    _dense(graph, weights, "decides", state, "decides/column")
    graph.node("Squeeze", ["decides/column", "last"], "decides")
    shapes = [["texts", "tokens"]] * 3 + [["texts", "read"]]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name, shape in zip(INPUTS, shapes, strict=True)
    ]
    outputs = [
        helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["texts", weights["answer.bias"].size]),
        helper.make_tensor_value_info("decides", TensorProto.FLOAT, ["texts", "read"]),
    ]
    made = helper.make_graph(graph.nodes, "reader", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
    model_proto = helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION)
    # Word vectors are half of all bytes and stay as they are when a reader is taught further: a file of their own.
    words = next(tensor for tensor in model_proto.graph.initializer if tensor.name == "words/rounded")
    (path.parent / WORDS).write_bytes(words.raw_data)
    onnx.external_data_helper.set_external_data(words, WORDS)
    words.ClearField("raw_data")
    path.write_bytes(model_proto.SerializeToString())


def read_reader_graph(path: Path, layers: int) -> dict[str, torch.Tensor]:
    """The weights of the model in `path` as `ReaderModel` names them, as exact as whole numbers keep them."""
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    words = kept["words/rounded"].astype(np.float32) * kept["words/step"]
    found = {"encoder.embeddings.word_embeddings.weight": words}
    found["encoder.embeddings.position_embeddings.weight"] = kept["places"]
    found["encoder.embeddings.token_type_embeddings.weight"] = kept["segments"]
    normalised = {"encoder.embeddings.LayerNorm": "embedded"}
    for number in range(layers):
        of, own = f"encoder.encoder.layer.{number}", f"layer{number}"
        normalised |= {f"{of}.attention.output.LayerNorm": f"{own}/between", f"{of}.output.LayerNorm": f"{own}/state"}
        for name, product, smooth in (
            *((f"attention.self.{name}", name, f"{own}/smooth") for name in ("query", "key", "value")),
            ("attention.output.dense", "output", None),
            ("intermediate.dense", "wide", f"{own}/between/smooth"),
            ("output.dense", "narrow", None),
        ):
            rounded, step = kept[f"{own}/{product}/weight"], kept[f"{own}/{product}/weight/step"]
            weight = rounded.T.astype(np.float32) * step[:, None]
            found[f"{of}.{name}.weight"] = weight * kept[f"{smooth}/inverse"] if smooth else weight
            found[f"{of}.{name}.bias"] = kept[f"{own}/{product}/bias"]
    for name, own in normalised.items():
        found |= {f"{name}.{part}": kept[f"{own}/{part}"] for part in ("weight", "bias")}
    for name, own in (("answer", "answer"), ("decides", "decides/column")):
        found |= {f"{name}.weight": kept[f"{own}/weight"].T, f"{name}.bias": kept[f"{own}/bias"]}
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}


def _embedded(graph: _Graph, weights: Mapping[str, Vectors]) -> str:
    """The sum of each token's word, place and segment, normalised."""
    table = weights["encoder.embeddings.word_embeddings.weight"]
    step = np.abs(table).max(axis=1, keepdims=True).clip(_LEAST) / _TOP_VECTOR
    graph.constant("words/rounded", np.rint(table / step).astype(np.int8))
    graph.constant("words/step", step.astype(np.float32))
    graph.node("Gather", ["words/rounded", "input_ids"], "word/rounded")
    graph.node("Cast", ["word/rounded"], "word/whole", to=TensorProto.FLOAT)
    graph.node("Gather", ["words/step", "input_ids"], "word/step")
    graph.node("Mul", ["word/whole", "word/step"], "word")
    graph.constant("places", weights["encoder.embeddings.position_embeddings.weight"])
    graph.constant("segments", weights["encoder.embeddings.token_type_embeddings.weight"])
    for name, value in (("zero", np.int64(0)), ("one", np.int64(1)), ("axis", np.array([0], dtype=np.int64))):
        graph.constant(name, value)
    graph.node("Shape", ["input_ids"], "tokens/shape", start=1, end=2)
    graph.node("Squeeze", ["tokens/shape", "axis"], "tokens")
    graph.node("Range", ["zero", "tokens", "one"], "place/numbers")
    graph.node("Gather", ["places", "place/numbers"], "place")
    graph.node("Gather", ["segments", "token_type_ids"], "segment")
    graph.node("Add", ["word", "place"], "word+place")
    graph.node("Add", ["word+place", "segment"], "embedded/sum")
    return _normalised(graph, weights, "encoder.embeddings.LayerNorm", "embedded/sum", "embedded")


def _layer(
    graph: _Graph,
    weights: Mapping[str, Vectors],
    ranges: Mapping[str, Vectors],
    number: int,
    state: str,
    *,
    heads: int,
    read: bool,
) -> str:
    """`read`: compute the states at `read_at` alone."""
    of, own = f"encoder.encoder.layer.{number}", f"layer{number}"

    def dense(name: str) -> tuple[Vectors, Vectors]:
        return weights[f"{of}.{name}.weight"], weights[f"{of}.{name}.bias"]

    asked, keys, values = (dense(f"attention.self.{name}") for name in ("query", "key", "value"))
    output, output_bias = dense("attention.output.dense")
    # What attention adds up are the values' columns: these take the scale, and nothing is computed for it.
    seen = ranges[f"{of}.attention.output.dense"]
    smooth = smoothing(seen, [output], share=_SMOOTHED)
    values = (values[0] / smooth[:, None], values[1] / smooth)
    rounded_output = output * smooth

    into = ranges[f"{of}.attention.self.query"]
    into_smooth = smoothing(into, [asked[0], keys[0], values[0]], share=_SMOOTHED)
    factor = _rounded(graph, graph.divided(state, into_smooth, f"{own}/smooth"), into / into_smooth)
    asking = factor
    if read:
        rows = graph.node("GatherND", [factor.name, "read_at/column"], f"{own}/asking", batch_dims=1)
        asking = replace(factor, name=rows)
        state = graph.node("GatherND", [state, "read_at/column"], f"{own}/read", batch_dims=1)
    parts = [
        _product(graph, rounded, weight * into_smooth, bias, f"{own}/{name}")
        for name, rounded, (weight, bias) in (
            ("query", asking, asked),
            ("key", factor, keys),
            ("value", factor, values),
        )
    ]
    attended = f"{own}/attended"
    graph.node("MultiHeadAttention", [*parts, "", "mask"], attended, domain=_MICROSOFT, num_heads=heads)
    attended = _product(graph, _rounded(graph, attended, seen / smooth), rounded_output, output_bias, f"{own}/output")
    graph.node("Add", [attended, state], f"{own}/between/sum")
    state = _normalised(graph, weights, f"{of}.attention.output.LayerNorm", f"{own}/between/sum", f"{own}/between")

    (wide, wide_bias), (narrow, narrow_bias) = dense("intermediate.dense"), dense("output.dense")
    into = ranges[f"{of}.intermediate.dense"]
    into_smooth = smoothing(into, [wide], share=_SMOOTHED)
    factor = _rounded(graph, graph.divided(state, into_smooth, f"{own}/between/smooth"), into / into_smooth)
    product = _product(graph, factor, wide * into_smooth, wide_bias, f"{own}/wide")
    graph.node("Gelu", [product], f"{own}/gelu", domain=_MICROSOFT)
    factor = _rounded(graph, f"{own}/gelu", ranges[f"{of}.output.dense"])
    graph.node("Add", [_product(graph, factor, narrow, narrow_bias, f"{own}/narrow"), state], f"{own}/sum")
    return _normalised(graph, weights, f"{of}.output.LayerNorm", f"{own}/sum", f"{own}/state")


@dataclass(frozen=True, slots=True)
class _Factor:
    """A factor in 8 bits, with the names of its step and its zero."""

    name: str
    step: str
    zero: str


def _rounded(graph: _Graph, name: str, ranges: Vectors) -> _Factor:
    """`name`, whose columns have `ranges` (shape (2, columns)), in 8 bits."""
    least, largest = min(0.0, float(ranges[0].min())), max(_LEAST, float(ranges[1].max()))
    step = np.float32((largest - least) / _STEPS)
    factor = _Factor(f"{name}/rounded", f"{name}/step", f"{name}/zero")
    graph.constant(factor.step, step)
    graph.constant(factor.zero, np.uint8(round(-least / step)))
    graph.node("QuantizeLinear", [name, factor.step, factor.zero], factor.name)
    return factor


def _product(graph: _Graph, factor: _Factor, weight: Vectors, bias: Vectors, name: str) -> str:
    """The product of `factor` with `weight`, shape (outputs, inputs), and `bias` added."""
    step = np.abs(weight).max(axis=1).clip(_LEAST) / _TOP_WEIGHT
    constants = {
        "weight": np.rint(weight / step[:, None]).astype(np.int8).T.copy(),
        "weight/step": step.astype(np.float32),
        "weight/zero": np.zeros(len(weight), dtype=np.int8),
        "bias": bias,
    }
    weight_name, step_name, zero_name, bias_name = (
        graph.constant(f"{name}/{part}", value) for part, value in constants.items()
    )
    inputs = [factor.name, weight_name, factor.step, step_name, factor.zero, zero_name, bias_name]
    return graph.node("MatMulIntegerToFloat", inputs, name, domain=_MICROSOFT)


def _normalised(graph: _Graph, weights: Mapping[str, Vectors], of: str, state: str, name: str) -> str:
    gain, shift = (graph.constant(f"{name}/{part}", weights[f"{of}.{part}"]) for part in ("weight", "bias"))
    return graph.node("LayerNormalization", [state, gain, shift], name, axis=-1, epsilon=_EPSILON)


def _dense(graph: _Graph, weights: Mapping[str, Vectors], of: str, state: str, name: str) -> str:
    weight = graph.constant(f"{name}/weight", weights[f"{of}.weight"].T.copy())
    bias = graph.constant(f"{name}/bias", weights[f"{of}.bias"])
    graph.node("MatMul", [state, weight], f"{name}/product")
    return graph.node("Add", [f"{name}/product", bias], name)


def _ranges(model: ReaderModel, batches: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, Vectors]:
    """The least and the largest of each column that comes into each dense layer: shape (2, columns)."""
    found: dict[str, Vectors] = {}

    def watch(name: str) -> Any:
        def note(_: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            flat = inputs[0].detach().flatten(0, -2)[kept]
            here = np.stack([flat.amin(dim=0).numpy(), flat.amax(dim=0).numpy()])
            before = found.get(name, here)
            found[name] = np.stack([np.minimum(before[0], here[0]), np.maximum(before[1], here[1])])

        return note

    hooks = [
        module.register_forward_pre_hook(watch(name))
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.startswith("encoder.")
    ]
    model.eval()
    with torch.no_grad():
        for batch in batches:
            kept = batch["attention_mask"].flatten().bool()
            model(**batch)
    for hook in hooks:
        hook.remove()
    return found
