"""Signatures of the models in tests.models, written by hand so that no session is needed."""

from dataclasses import replace

import numpy as np

from runtime.padding import PaddedAxis, Padding
from runtime.signature import Signature, TensorSpec

DTYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BF16": np.uint16,
    "BYTES": np.object_,
}


def spec(name="x", datatype="FP32", row_shape=(), **others):
    return TensorSpec(name, np.dtype(DTYPES[datatype]), datatype, tuple(row_shape), **others)


def whole(name="x", datatype="FP32", shape=()):
    """Return a tensor without an axis of rows."""
    return replace(spec(name, datatype, shape), batch_axis=None)


def one_to_one(datatype="FP32", row_shape=(2,), *, out=None, out_shape=None):
    """Return x -> y; y is like x unless `out` and `out_shape` say otherwise."""
    output = spec("y", out or datatype, row_shape if out_shape is None else out_shape)
    return Signature((spec("x", datatype, row_shape),), (output,))


SIGNATURES = {
    "rows": one_to_one("FP32", (16,), out_shape=(8,)),
    "ids": one_to_one("INT64", (), out="FP32", out_shape=(2,)),
    "words": one_to_one("BYTES", ()),
    "pair": Signature(
        (spec("a", "FP32", (4,)), spec("b", "INT64", (2, 3))),
        (spec("total", "FP32", (4,)), spec("count", "INT64", ())),
    ),
    "spans": one_to_one("FP32", (None,), out_shape=(1,)),
    "logs": one_to_one("FP32", (2,)),
    "found": Signature(
        (whole("image", "FP32", (1, None, 5)), whole("threshold")),
        (whole("boxes", "FP32", (None, 4)), whole("scores", "FP32", (None,))),
        1,
    ),
}
"""By the names that tests.bad_input uses."""


def sentences(step=16):
    """Return that of tests.models.sentences, its rows padded to multiples of `step`."""
    length = PaddedAxis("length", step, (("ids", 0), ("mask", 0)), (("words", 0),))
    return Signature(
        (spec("ids", "INT64", (None,)), spec("mask", "INT64", (None,))),
        (spec("mean", "FP32", (16,)), spec("words", "FP32", (None, 16))),
        padding=Padding((length,), ("ids", "mask"), (np.int64(0), np.int64(0))),
    )
