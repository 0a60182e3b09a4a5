"""The models that are measured: multilayer perceptrons as .onnx, their weights seeded."""

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

# The newest that onnxruntime 1.31 declares stable; onnx itself may write newer ones.
_OPSET = 21
_IR_VERSION = 10
_SEED = 0


class Perceptron(NamedTuple):
    """x float32 [n, widths[0]] -> y float32 [n, widths[-1]], ReLU between the layers."""

    name: str
    widths: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Size of one row of x."""
        return self.widths[0] * np.dtype(np.float32).itemsize


RELAY = Perceptron("relay", (16, 64, 8))
"""Next to no work: what is measured with it is the way there and back."""
COMPUTE = Perceptron("compute", (256, 4096, 4096, 64))
"""72 MB of weights: one row costs nearly as much as eight, so batching is what counts."""


def write(model: Perceptron, folder: Path) -> Path:
    """Write `model` into `folder` and return its path."""
    path = folder / f"{model.name}.onnx"
    onnx.save_model(_proto(model), path)
    return path


def _proto(model: Perceptron) -> onnx.ModelProto:
    random = np.random.default_rng(_SEED)
    nodes, weights, flow = [], [], "x"
    last = len(model.widths) - 2
    for layer, (wide, narrow) in enumerate(itertools.pairwise(model.widths)):
        # Scaled so that values keep their size from layer to layer.
        values = random.standard_normal((wide, narrow), np.float32) * np.float32(wide**-0.5)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        product = "y" if layer == last else f"product{layer}"
        nodes.append(helper.make_node("MatMul", [flow, f"w{layer}"], [product]))
        if layer != last:
            flow = f"hidden{layer}"
            nodes.append(helper.make_node("Relu", [product], [flow]))
    graph = helper.make_graph(
        nodes,
        model.name,
        [_tensor("x", model.widths[0])],
        [_tensor("y", model.widths[-1])],
        weights,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )


def _tensor(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", width])
