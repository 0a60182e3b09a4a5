"""Small .onnx models for tests, each with one property worth testing; weights are seeded."""

import itertools
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# The newest that onnxruntime 1.31 declares stable; onnx itself may write newer ones.
_OPSET = 21
_IR_VERSION = 10


def save(model, folder, name="model.onnx", *, external=False) -> Path:
    """Write `model` into `folder`; external: its weights go to a second file, `name`.data."""
    path = Path(folder) / name
    path.with_name(f"{name}.data").unlink(missing_ok=True)  # onnx would append to it
    options = {"location": f"{name}.data", "size_threshold": 0} if external else {}
    onnx.save_model(model, path, save_as_external_data=external, **options)
    return path


def mlp(sizes=(16, 64, 8), *, seed=0):
    """Return x [n, 16] -> y [n, 8], float32: matrix products with ReLU between them."""
    random = np.random.default_rng(seed)
    nodes, weights, flow = [], [], "x"
    for layer, (wide, narrow) in enumerate(itertools.pairwise(sizes)):
        values = random.normal(0, wide**-0.5, (wide, narrow)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        last = layer == len(sizes) - 2
        product = "y" if last else f"product{layer}"
        nodes.append(helper.make_node("MatMul", [flow, f"w{layer}"], [product]))
        if not last:
            flow = f"hidden{layer}"
            nodes.append(helper.make_node("Relu", [product], [flow]))
    return assembled(
        nodes, [("x", "FLOAT", ["n", sizes[0]])], [("y", "FLOAT", ["n", sizes[-1]])], weights
    )


def identity(kind="FLOAT", shape=("n", 2)):
    """Return x -> y, equal, of any element type."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return assembled([node], [("x", kind, shape)], [("y", kind, shape)])


def two_inputs():
    """Return a float32 [n, 4], b int64 [n, 2, 3] -> total float32 [n, 4], count int64 [n]."""
    nodes = [
        helper.make_node("ReduceSum", ["b", "axes"], ["count"], keepdims=0),
        helper.make_node("Unsqueeze", ["count", "last"], ["column"]),
        helper.make_node("Cast", ["column"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["a", "real"], ["total"]),
    ]
    return assembled(
        nodes,
        [("a", "FLOAT", ["n", 4]), ("b", "INT64", ["n", 2, 3])],
        [("total", "FLOAT", ["n", 4]), ("count", "INT64", ["n"])],
        [_ints([1, 2], "axes"), _ints([1], "last")],
    )


def fixed_batch(rows=4):
    """Return x [rows, 2] -> y = 2x: an export that fixed the batch."""
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return assembled([node], [("x", "FLOAT", [rows, 2])], [("y", "FLOAT", [rows, 2])])


def dynamic_axis():
    """Return x float32 [n, length] -> y [n, 1], the mean over a free second axis."""
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"])
    return assembled(
        [node], [("x", "FLOAT", ["n", "length"])], [("y", "FLOAT", ["n", 1])], [_ints([1], "axes")]
    )


def mean(columns):
    """Return x float32 [n, columns] -> y [n, 1]: a large request and a small reply."""
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"])
    return assembled(
        [node],
        [("x", "FLOAT", ["n", columns])],
        [("y", "FLOAT", ["n", 1])],
        [_ints([1], "axes")],
    )


def largest():
    """Return x float32 [n, length] -> y [n]: the largest value over a free second axis."""
    node = helper.make_node("ReduceMax", ["x", "axes"], ["y"], keepdims=0)
    return assembled(
        [node], [("x", "FLOAT", ["n", "length"])], [("y", "FLOAT", ["n"])], [_ints([1], "axes")]
    )


def spread(columns):
    """Return x float32 [n, 1] -> y [n, columns], each the same: a small request and a large reply."""
    node = helper.make_node("MatMul", ["x", "ones"], ["y"])
    ones = numpy_helper.from_array(np.ones((1, columns), np.float32), "ones")
    return assembled([node], [("x", "FLOAT", ["n", 1])], [("y", "FLOAT", ["n", columns])], [ones])


def sentences(words=100, width=16, *, masked=True, positions=None):
    """Return ids, mask int64 [n, length] -> mean float32 [n, width], words [n, length, width].

    A text model in small: rows of a table, and their mean over what the mask leaves; without a mask over all.
    With `positions` it fails beyond so many.
    """
    inputs = [("ids", "INT64", ["n", "length"])]
    nodes = [helper.make_node("Gather", ["table", "ids"], ["words"])]
    extra = []
    if positions is not None:
        places = np.zeros((positions, width), np.float32)
        nodes = [
            helper.make_node("Gather", ["table", "ids"], ["found"]),
            helper.make_node("Shape", ["ids"], ["length"], start=1),
            helper.make_node("Squeeze", ["length"], ["end"]),
            helper.make_node("Range", ["zero", "end", "one"], ["order"]),
            helper.make_node("Gather", ["places", "order"], ["placed"]),
            helper.make_node("Add", ["found", "placed"], ["words"]),
        ]
        extra = [
            numpy_helper.from_array(places, "places"),
            *(
                numpy_helper.from_array(np.array(value), name)
                for value, name in ((0, "zero"), (1, "one"))
            ),
        ]
    if masked:
        inputs.append(("mask", "INT64", ["n", "length"]))
        nodes += [
            helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
            helper.make_node("Mul", ["words", "column"], ["left"]),
            helper.make_node("ReduceSum", ["left", "along"], ["sum"], keepdims=0),
            helper.make_node("ReduceSum", ["weights", "along"], ["count"], keepdims=1),
            helper.make_node("Div", ["sum", "count"], ["mean"]),
        ]
    else:
        nodes.append(helper.make_node("ReduceMean", ["words", "along"], ["mean"], keepdims=0))
    table = np.random.default_rng(3).normal(size=(words, width)).astype(np.float32)
    return assembled(
        nodes,
        inputs,
        [("mean", "FLOAT", ["n", width]), ("words", "FLOAT", ["n", "length", width])],
        [numpy_helper.from_array(table, "table"), _ints([1], "along"), _ints([2], "last"), *extra],
    )


def recurrent(direction="reverse", width=4):
    """Return x float32 [n, length, 2] -> y [n, length, width]: a GRU, which begins at the end where it is reverse."""
    random = np.random.default_rng(5)
    weights = [
        numpy_helper.from_array(random.normal(size=(1, 3 * width, of)).astype(np.float32), name)
        for name, of in (("w", 2), ("r", width))
    ]
    bias = numpy_helper.from_array(random.normal(size=(1, 6 * width)).astype(np.float32), "b")
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            "GRU", ["steps", "w", "r", "b"], ["states"], hidden_size=width, direction=direction
        ),
        helper.make_node("Squeeze", ["states", "directions"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["y"], perm=[1, 0, 2]),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", "length", 2])],
        [("y", "FLOAT", ["n", "length", width])],
        [*weights, bias, _ints([1], "directions")],
    )


def cumulative():
    """Return x float32 [time, 4] -> y [time, 4]: the sum of all steps up to each."""
    node = helper.make_node("CumSum", ["x", "first"], ["y"])
    first = numpy_helper.from_array(np.array(0), "first")
    return assembled([node], [("x", "FLOAT", ["time", 4])], [("y", "FLOAT", ["time", 4])], [first])


def sum_of_two():
    """Return a float32 [n, left], b float32 [n, right] -> y [n, left]: axes that must agree and have two names."""
    node = helper.make_node("Add", ["a", "b"], ["y"])
    inputs = [("a", "FLOAT", ["n", "left"]), ("b", "FLOAT", ["n", "right"])]
    return assembled([node], inputs, [("y", "FLOAT", ["n", "left"])])


def two_identities():
    """Return a, b float32 of two lengths -> c = a, d = b."""
    nodes = [helper.make_node("Identity", [a], [b]) for a, b in (("a", "c"), ("b", "d"))]
    lengths = ["length", "other"]
    return assembled(
        nodes,
        [(name, "FLOAT", ["n", axis]) for name, axis in zip("ab", lengths, strict=True)],
        [(name, "FLOAT", ["n", axis]) for name, axis in zip("cd", lengths, strict=True)],
    )


def halved():
    """Return x float32 [n, length] -> y [n, half]: the mean of each two neighbours, as a stride makes it."""
    node = helper.make_node("AveragePool", ["column"], ["pooled"], kernel_shape=[2], strides=[2])
    nodes = [
        helper.make_node("Unsqueeze", ["x", "one"], ["column"]),
        node,
        helper.make_node("Squeeze", ["pooled", "one"], ["y"]),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", "length"])],
        [("y", "FLOAT", ["n", "half"])],
        [_ints([1], "one")],
    )


def lookup(entries=10):
    """Return x int64 [n] -> y float32 [n, 2]; an index out of range fails the whole batch."""
    table = np.arange(2 * entries, dtype=np.float32).reshape(entries, 2)
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    weights = [numpy_helper.from_array(table, "table")]
    return assembled([node], [("x", "INT64", ["n"])], [("y", "FLOAT", ["n", 2])], weights)


def loop():
    """Return x int64 [n] -> y float32 [n]: it loops max(x) times, so a request sets the run's time.

    A trip is a 64x64 product, some microseconds.
    """
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("MatMul", ["state", "state"], ["next"]),
        ],
        "body",
        [_value("trip", "INT64", []), _value("go", "BOOL", []), _value("state", "FLOAT", [64, 64])],
        [_value("go_on", "BOOL", []), _value("next", "FLOAT", [64, 64])],
    )
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["trips"], keepdims=0),
        helper.make_node("Loop", ["trips", "true", "start"], ["end"], body=body),
        helper.make_node("ReduceSum", ["end"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["real", "sum"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.eye(64, dtype=np.float32), "start"),
        helper.make_tensor("true", TensorProto.BOOL, [], [1]),
    ]
    return assembled(nodes, [("x", "INT64", ["n"])], [("y", "FLOAT", ["n"])], weights)


def expand(width):
    """Return x float32 [n, 1] -> y [n, 1] = `width` times x, by way of `width` numbers for a row."""
    nodes = [
        helper.make_node("Tile", ["x", "times"], ["wide"]),
        helper.make_node("ReduceSum", ["wide", "axes"], ["y"], keepdims=1),
    ]
    weights = [
        numpy_helper.from_array(np.array([1, width]), "times"),
        numpy_helper.from_array(np.array([1]), "axes"),
    ]
    return assembled(nodes, [("x", "FLOAT", ["n", 1])], [("y", "FLOAT", ["n", 1])], weights)


def swollen():
    """Return x float32 [n, 1] -> y = x, by way of 4,096 max(x) numbers for each row.

    So a request sets how much memory a run takes, and the sample of ones takes little.
    """
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        helper.make_node("Cast", ["largest"], ["count"], to=TensorProto.INT64),
        helper.make_node("Mul", ["count", "numbers"], ["width"]),
        helper.make_node("Concat", ["one", "width"], ["times"], axis=0),
        helper.make_node("Tile", ["x", "times"], ["wide"]),
        helper.make_node("ReduceMean", ["wide", "axes"], ["y"], keepdims=1),
    ]
    weights = [
        numpy_helper.from_array(np.array([4096]), "numbers"),
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(np.array([1]), "axes"),
    ]
    return assembled(nodes, [("x", "FLOAT", ["n", 1])], [("y", "FLOAT", ["n", 1])], weights)


def logarithm():
    """Return x float32 [n, 2] -> y = log(x): not a number for a negative row, and for it alone."""
    node = helper.make_node("Log", ["x"], ["y"])
    return assembled([node], [("x", "FLOAT", ["n", 2])], [("y", "FLOAT", ["n", 2])])


def divide():
    """Return a, b int32 [n] -> y = a / b; b = 0 fails the batch, or ends the process."""
    node = helper.make_node("Div", ["a", "b"], ["y"])
    return assembled(
        [node], [("a", "INT32", ["n"]), ("b", "INT32", ["n"])], [("y", "INT32", ["n"])]
    )


def quotient():
    """Return x int64 [n, 2] -> y int64 [n, 1]: the first by two more than the second."""
    nodes = [
        helper.make_node("Gather", ["x", "first"], ["a"], axis=1),
        helper.make_node("Gather", ["x", "second"], ["b"], axis=1),
        helper.make_node("Add", ["b", "two"], ["divisor"]),
        helper.make_node("Div", ["a", "divisor"], ["y"]),
    ]
    weights = [
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("first", 0), ("second", 1), ("two", 2))
    ]
    inputs, outputs = [("x", "INT64", ["n", 2])], [("y", "INT64", ["n", 1])]
    return assembled(nodes, inputs, outputs, weights)


def half():
    """Return x float16 [n, 2] -> y = 2x."""
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return assembled([node], [("x", "FLOAT16", ["n", 2])], [("y", "FLOAT16", ["n", 2])])


def bfloat():
    """Return x bfloat16 [n, 2] -> y bfloat16 = 2x."""
    nodes = [
        helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["real", "real"], ["double"]),
        helper.make_node("Cast", ["double"], ["y"], to=TensorProto.BFLOAT16),
    ]
    return assembled(nodes, [("x", "BFLOAT16", ["n", 2])], [("y", "BFLOAT16", ["n", 2])])


def bfloat_and_count():
    """Return x bfloat16 [n, 2], k int64 [n] -> y float32 = x, twice int64 = 2k."""
    nodes = [
        helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["k", "k"], ["twice"]),
    ]
    return assembled(
        nodes,
        [("x", "BFLOAT16", ["n", 2]), ("k", "INT64", ["n"])],
        [("y", "FLOAT", ["n", 2]), ("twice", "INT64", ["n"])],
    )


def text():
    """Return x string [n] -> y string [n], x twice end to end."""
    node = helper.make_node("StringConcat", ["x", "x"], ["y"])
    return assembled([node], [("x", "STRING", ["n"])], [("y", "STRING", ["n"])])


def convolution(kernel=3):
    """Return x float32 [n, 3, height, width] -> y [n, 4]; the image is no smaller than a kernel."""
    random = np.random.default_rng(1)
    weights = random.normal(0, 0.2, (4, 3, kernel, kernel)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", 3, "height", "width"])],
        [("y", "FLOAT", ["n", 4])],
        [numpy_helper.from_array(weights, "w")],
    )


def deep_convolution(layers=8, channels=16, side=32):
    """Return x float32 [n, 3, side, side] -> y [n, channels]: convolutions one after the other."""
    random = np.random.default_rng(2)
    nodes, weights, flow, wide = [], [], "x", 3
    for layer in range(layers):
        values = random.normal(0, (wide * 9) ** -0.5, (channels, wide, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        conv = helper.make_node("Conv", [flow, f"w{layer}"], [f"maps{layer}"], pads=[1, 1, 1, 1])
        nodes += [conv, helper.make_node("Relu", [f"maps{layer}"], [f"flow{layer}"])]
        flow, wide = f"flow{layer}", channels
    nodes += [
        helper.make_node("GlobalAveragePool", [flow], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", 3, side, side])],
        [("y", "FLOAT", ["n", channels])],
        weights,
    )


def scalar_output():
    """Return x [n, 2] -> y, one number for the whole batch; refused at start."""
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    return assembled([node], [("x", "FLOAT", ["n", 2])], [("y", "FLOAT", [])])


def sequence_output():
    """Return x [n, 2] -> a sequence of tensors; refused at start."""
    node = helper.make_node("SequenceConstruct", ["x"], ["y"])
    value = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    return assembled([node], [("x", "FLOAT", ["n", 2])], [value])


def mixed_batch():
    """Return a float32 [n, 2], factor float32 [1] -> y: one input without the batch; refused."""
    node = helper.make_node("Mul", ["a", "factor"], ["y"])
    return assembled(
        [node], [("a", "FLOAT", ["n", 2]), ("factor", "FLOAT", [1])], [("y", "FLOAT", ["n", 2])]
    )


def lost_rows():
    """Return x [n, 2] -> y [rows, 2] without the rows that are all zero: fewer than came in."""
    nodes = [
        helper.make_node("ReduceMax", ["x", "axes"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["keep"], to=TensorProto.BOOL),
        helper.make_node("Compress", ["x", "keep"], ["y"], axis=0),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", 2])],
        [("y", "FLOAT", ["rows", 2])],
        [_ints([1], "axes")],
    )


def _ints(values, name):
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def _value(name, kind, shape):
    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape)


def assembled(nodes, inputs, outputs, weights=(), *, domains=()):
    """Return the checked model of these nodes; inputs and outputs as (name, element type, shape)."""
    graph = helper.make_graph(
        nodes,
        "model",
        [_value(*each) for each in inputs],
        [_value(*each) if isinstance(each, tuple) else each for each in outputs],
        list(weights),
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    opsets += [helper.make_opsetid(domain, version) for domain, version in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model
