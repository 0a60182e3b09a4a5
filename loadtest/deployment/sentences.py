"""A text model in small, as .onnx: rows of a table by ids, their mean over what a mask leaves, one layer."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# The newest that onnxruntime 1.31 declares stable; onnx itself may write newer ones.
_OPSET = 21
_IR_VERSION = 10
_SEED = 0

NAME = "sentences"
WORDS = 5_000
WIDTH = 64
"""Of its table, and of the vector that it gives for a sentence."""


def write(folder: Path) -> Path:
    """Write ids, mask int64 [n, length] -> y float32 [n, WIDTH] into `folder` and return its path."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["words"]),
        helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
        helper.make_node("Mul", ["words", "column"], ["left"]),
        helper.make_node("ReduceSum", ["left", "along"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "along"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("MatMul", ["mean", "layer"], ["y"]),
    ]
    random = np.random.default_rng(_SEED)
    weights = {
        "table": random.standard_normal((WORDS, WIDTH), np.float32),
        "layer": random.standard_normal((WIDTH, WIDTH), np.float32) * np.float32(WIDTH**-0.5),
        "along": np.array([1]),
        "last": np.array([2]),
    }
    graph = helper.make_graph(
        nodes,
        NAME,
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"])
            for name in ("ids", "mask")
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", WIDTH])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    path = folder / f"{NAME}.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION), path)
    return path
