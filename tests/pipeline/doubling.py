"""The model of the line's tests: it doubles numbers, in a time that a test sets."""

import math
from types import MappingProxyType

import numpy as np

from daemon.batching.run_times import RunTimes
from runtime import ModelFailed, ModelOutOfMemory, ModelRefused, ModelTimeout
from tests.signatures import one_to_one

POISON = -1.0
ENDLESS = -2.0


def row(value):
    """A request of one row."""
    return np.full(1, value, "<f4").tobytes()


def value_of(body):
    """The first number of a reply."""
    return float(np.frombuffer(body, "<f4")[0])


class Ones:
    """A transform: every request is one row, every reply the same."""

    def preprocess(self, body, headers):
        return {"x": np.ones((1, 1), np.float32)}

    def postprocess(self, outputs):
        return "text/plain", b"done"


class Doubling:
    """x float32 [n, 1] -> 2x, in `base_s` and `row_s` for each row, `late_s` later for other work.

    A row of POISON fails its batch, one of ENDLESS never comes to an end.
    """

    signature = one_to_one("FP32", (1,))
    digest = "0" * 64
    provider = "fake"
    on_cpu = True
    late_s = 0.0

    def __init__(self, *, base_s=0.001, row_s=0.0, sick=False):
        self.base_s, self.row_s = base_s, row_s
        self.sick = sick
        self.closed = False
        self.memory_rows = math.inf
        self.runs = []

    def run_s(self, inputs):
        if (inputs["x"] == ENDLESS).any():
            return math.inf
        return self.base_s + self.row_s * len(inputs["x"]) + self.late_s

    def run(self, inputs, *, limit_s):
        rows = inputs["x"]
        self.runs.append(rows.ravel().tolist())
        if len(rows) > self.memory_rows:
            raise ModelOutOfMemory("there is no memory for it")
        if self.run_s(inputs) > limit_s:
            raise ModelTimeout(f"the run was ended after {limit_s:g} s")
        if self.sick or (rows == POISON).any():
            raise ModelFailed("a poisoned row")
        return {"y": rows * 2}

    def probe(self, *, limit_s):
        if self.sick:
            raise ModelFailed("sick")

    def close(self, *, wait=False):
        self.closed = True


class FakeModels:
    """Meets daemon.inference.models.Models as far as the line asks; a rebuild is refused."""

    def __init__(self, serving):
        self._serving = dict(serving)
        self.serving = MappingProxyType(self._serving)
        self.run_times = RunTimes()

    def swap(self, models):
        replaced = [self._serving[name] for name in models]
        self._serving |= models
        return replaced

    def rebuild(self, name, sick, reason):
        raise ModelRefused(f"{name} is gone", "put it back")
