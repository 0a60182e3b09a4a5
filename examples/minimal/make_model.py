"""Writes model.onnx: four numbers in, their sum and the largest of them out.

Any .onnx model takes its place, as long as its inputs and outputs have a free first axis.
Needs the package onnx, which serving does not.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def make_model() -> onnx.ModelProto:
    """Return x float32 [rows, 4] -> y float32 [rows, 2]."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["x", "axes"], ["sum"]),
            helper.make_node("ReduceMax", ["x", "axes"], ["largest"]),
            helper.make_node("Concat", ["sum", "largest"], ["y"], axis=1),
        ],
        "sum_and_largest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.array([1]), "axes")],
    )
    opsets = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


if __name__ == "__main__":
    onnx.save_model(make_model(), Path(__file__).with_name("model.onnx"))
