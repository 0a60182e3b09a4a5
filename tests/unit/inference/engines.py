"""A model that fails as onnxruntime does: whole batches, whatever is wrong with one row."""

import numpy as np

from runtime import ModelFailed, Signature, TensorSpec
from tests.requests import make_request

SIGNATURE = Signature(
    inputs=(TensorSpec("x", np.dtype("f4"), "FP32", (1,)),),
    outputs=(TensorSpec("y", np.dtype("f4"), "FP32", (1,)),),
    fixed_rows=None,
)
POISON = -1.0


class FakeEngine:
    """Doubles its input; any batch with a poisoned row fails whole."""

    signature = SIGNATURE
    on_cpu = True
    closed = False

    def __init__(self, *, failure=ModelFailed, sick=False):
        self.failure = failure
        self.sick = sick
        self.runs = []
        self.probes = 0

    def run(self, inputs, *, limit_s):
        rows = inputs["x"]
        self.runs.append(len(rows))
        if (rows == POISON).any():
            raise self.failure("no such thing")
        return {"y": rows * 2}

    def probe(self, *, limit_s):
        self.probes += 1
        if self.sick:
            raise ModelFailed("sick")


def unsound_rows(outputs):
    """Tell which rows are NaN."""
    unsound = np.isnan(outputs["y"]).ravel()
    return unsound if unsound.any() else None


def requests_of(*values, rows=1):
    """Requests of `rows` equal rows each, at consecutive offsets."""
    return [
        make_request(offset=i, rows=rows, inputs=np.full(rows, value, "<f4").tobytes())
        for i, value in enumerate(values)
    ]
