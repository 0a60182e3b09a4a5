"""Small stand-ins for published models, each with the trait that makes one hard to serve in batches."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.models import assembled

_ML = ("ai.onnx.ml", 3)
_MICROSOFT = ("com.microsoft", 1)


def quantised_encoder():
    """Return x float32 [n, 16] -> y [n, 8]: a product whose scale is taken over the whole batch."""
    random = np.random.default_rng(3)
    weights = random.integers(-127, 128, (16, 8)).astype(np.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["bytes", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["bytes", "w", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["reals"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["scale", "step"], ["factor"]),
        helper.make_node("Mul", ["reals", "factor"], ["y"]),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", 16])],
        [("y", "FLOAT", ["n", 8])],
        [_constant(weights, "w"), _constant(np.float32(0.01), "step")],
    )


def quantised_tagger(hidden=4):
    """Return x float32 [time, n, 6] -> y [time, 1, n, hidden]: an LSTM with time first, quantised."""
    random = np.random.default_rng(4)
    gates = 4 * hidden
    weights = [
        _constant(random.integers(-127, 128, (1, 6, gates)).astype(np.int8), "w"),
        _constant(random.integers(-127, 128, (1, hidden, gates)).astype(np.int8), "r"),
        _constant(np.array([0.02], np.float32), "scale"),
        _constant(np.array([0], np.int8), "zero"),
    ]
    node = helper.make_node(
        "DynamicQuantizeLSTM",
        ["x", "w", "r", "", "", "", "", "", "scale", "zero", "scale", "zero"],
        ["y"],
        domain="com.microsoft",
        hidden_size=hidden,
    )
    return assembled(
        [node],
        [("x", "FLOAT", ["time", "n", 6])],
        [("y", "FLOAT", ["time", 1, "n", hidden])],
        weights,
        domains=[_MICROSOFT],
    )


def recogniser(rows=1):
    """Return x float32 [rows, 4, width] -> y [time, rows, 4]: time first, an eighth of the width."""
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[8], strides=[8]),
        helper.make_node("Transpose", ["pooled"], ["y"], perm=[2, 0, 1]),
    ]
    return assembled(
        nodes, [("x", "FLOAT", [rows, 4, "width"])], [("y", "FLOAT", ["time", "batch", 4])]
    )


def voice_detector():
    """Return input [n, samples], state [2, n, 4], sr (one number) -> output [n, 1], stateN like state.

    output = (mean of input + sum of state) * sr / 16000; stateN = state + 1.
    """
    nodes = [
        helper.make_node("ReduceMean", ["input", "last"], ["mean"]),
        helper.make_node("ReduceSum", ["state", "others"], ["sum"], keepdims=0),
        helper.make_node("Unsqueeze", ["sum", "last"], ["column"]),
        helper.make_node("Add", ["mean", "column"], ["heard"]),
        helper.make_node("Cast", ["sr"], ["rate"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["rate", "usual"], ["factor"]),
        helper.make_node("Mul", ["heard", "factor"], ["output"]),
        helper.make_node("Add", ["state", "one"], ["stateN"]),
    ]
    return assembled(
        nodes,
        [
            ("input", "FLOAT", ["batch", "samples"]),
            ("state", "FLOAT", [2, "batch", 4]),
            ("sr", "INT64", []),
        ],
        [("output", "FLOAT", ["batch", 1]), ("stateN", "FLOAT", ["a", "b", "c"])],
        [
            _constant(np.array([1]), "last"),
            _constant(np.array([0, 2]), "others"),
            _constant(np.float32(16000), "usual"),
            _constant(np.float32(1), "one"),
        ],
    )


def detector():
    """Return image float32 [1, boxes, 5], threshold (one number) -> boxes [found, 4], scores [found].

    A box is its corners and its score; of those that lie on each other and reach the threshold the
    best is found.
    """
    nodes = [
        helper.make_node("Split", ["image", "parts"], ["corners", "column"], axis=2),
        helper.make_node("Transpose", ["column"], ["marks"], perm=[0, 2, 1]),
        helper.make_node(
            "NonMaxSuppression", ["corners", "marks", "most", "overlap", "threshold"], ["picked"]
        ),
        helper.make_node("Gather", ["picked", "third"], ["places"], axis=1),
        helper.make_node("Squeeze", ["corners", "first"], ["flat_corners"]),
        helper.make_node("Reshape", ["marks", "all"], ["flat_marks"]),
        helper.make_node("Gather", ["flat_corners", "places"], ["boxes"]),
        helper.make_node("Gather", ["flat_marks", "places"], ["scores"]),
    ]
    return assembled(
        nodes,
        [("image", "FLOAT", [1, "boxes", 5]), ("threshold", "FLOAT", [])],
        [("boxes", "FLOAT", ["found", 4]), ("scores", "FLOAT", ["found"])],
        [
            _constant(np.array([4, 1]), "parts"),
            _constant(np.array([100]), "most"),
            _constant(np.array([0.5], np.float32), "overlap"),
            _constant(np.array(2), "third"),
            _constant(np.array([0]), "first"),
            _constant(np.array([-1]), "all"),
        ],
    )


def boosted_trees():
    """Return x float32 [n, 3] -> label int64, declared [1] and really [n], probabilities [n, 3]."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", ["n", 3])],
        [("label", "INT64", [1]), ("probabilities", "FLOAT", ["n", 3])],
    )


def pipeline_with_zipmap():
    """Return x float32 [n, 3] -> label int64 [n], and the probabilities as a sequence of maps."""
    nodes = [
        helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
        helper.make_node(
            "ZipMap", ["x"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]
        ),
    ]
    row = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    )
    maps = helper.make_value_info("maps", helper.make_sequence_type_proto(row))
    return assembled(
        nodes, [("x", "FLOAT", ["n", 3])], [("label", "INT64", ["n"]), maps], domains=[_ML]
    )


def text_features(locale="no_WHERE.UTF-8"):
    """Return x string [n] -> y string [n] in small letters, as `locale` has them."""
    node = helper.make_node(
        "StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale=locale
    )
    return assembled([node], [("x", "STRING", ["n"])], [("y", "STRING", ["n"])])


def batch_normalised(rows="n"):
    """Return x float32 [rows, 4] -> y [rows, 4]: less the mean of its batch, as one left in training is."""
    nodes = [
        helper.make_node("ReduceMean", ["x", "first"], ["mean"]),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    return assembled(
        nodes,
        [("x", "FLOAT", [rows, 4])],
        [("y", "FLOAT", [rows, 4])],
        [_constant(np.array([0]), "first")],
    )


def first_row_for_all(kind):
    """Return x [n, 4] -> y [n, 4] of any element type: each row is answered with the first one."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["x", "zero", "one", "zero"], ["row"]),
        helper.make_node("Expand", ["row", "shape"], ["y"]),
    ]
    if kind in {"STRING", "BFLOAT16"}:  # for which onnxruntime has no Expand
        nodes[2:] = [
            helper.make_node("Slice", ["shape", "zero", "one"], ["rows"]),
            helper.make_node("ConstantOfShape", ["rows"], ["places"], value=_constant([0], "")),
            helper.make_node("Gather", ["row", "places"], ["y"]),
        ]
    constants = [_constant(np.array([0]), "zero"), _constant(np.array([1]), "one")]
    return assembled(nodes, [("x", kind, ["n", 4])], [("y", kind, ["n", 4])], constants)


def token_encoder():
    """Return ids, types int64 [n, length] -> y [n, length, 2]: ids up to 99, types 0 and 1."""
    random = np.random.default_rng(5)
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["word"]),
        helper.make_node("Gather", ["kinds", "types"], ["kind"]),
        helper.make_node("Add", ["word", "kind"], ["y"]),
    ]
    return assembled(
        nodes,
        [("ids", "INT64", ["n", "length"]), ("types", "INT64", ["n", "length"])],
        [("y", "FLOAT", ["n", "length", 2])],
        [
            _constant(random.normal(size=(100, 2)).astype(np.float32), "words"),
            _constant(random.normal(size=(2, 2)).astype(np.float32), "kinds"),
        ],
    )


def _constant(values, name):
    return numpy_helper.from_array(np.asarray(values), name)
