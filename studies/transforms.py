"""What a call of a transform costs in a process of its own, beside the same call in this one.

`python -m studies.transforms` prints the table of docs/transforms.md; seconds on an idle machine. The
transform does next to nothing, so what is left is the way to the process and back.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runtime import Conversion, ModelFacts, Signature, TensorSpec
from runtime.processes import Load, ProcessConversion
from runtime.transforms.choice import chosen_transform

_TRANSFORM = """
import numpy as np

class Widening:
    def __init__(self, signature):
        (self._columns,) = signature.inputs[0].row_shape

    def preprocess(self, body, headers):
        return {"x": np.zeros((1, self._columns), np.float32)}

    def postprocess(self, outputs):
        return "application/octet-stream", outputs["x"][0, :1].tobytes()
"""
_ROWS = {"8 KB": 2_000, "1.2 MB": 300_000, "12 MB": 3_000_000}
"""Columns of float32: a short text's tokens, an image of 320 x 320 and one of 1,000 x 1,000."""
_CALLS = 200
_ROUNDS = 5


def main() -> None:
    """Print the table."""
    print("| a row | method | in a thread | in a process |")  # noqa: T201 -- what was asked for
    print("|---|---|---:|---:|")  # noqa: T201 -- as above
    for name, columns in _ROWS.items():
        thread_s, process_s = _costs(columns)
        for method, each_s in thread_s.items():
            print(f"| {name} | {method} | {_ms(each_s)} | {_ms(process_s[method])} |")  # noqa: T201 -- as above


def _costs(columns: int) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return the seconds of a call by method, in this process and in another one."""
    spec = TensorSpec("x", np.dtype(np.float32), "FP32", (columns,))
    signature = Signature((spec,), (spec,))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "widening.py").write_text(_TRANSFORM, encoding="utf-8")
        facts = ModelFacts(Path(folder, "none.onnx"), signature, {})
        load = Load("widening.py:Widening", Path(folder), facts)
        here = Conversion(chosen_transform(load.transform, base=load.base, facts=facts), signature)
        there = ProcessConversion(load, 1, limit_s=60.0, ended=print)
        return _cost(here, columns), _cost(there, columns)


def _cost(conversion: Conversion, columns: int) -> Mapping[str, float]:
    """Return the shortest of some rounds: what else the machine does only adds to it."""
    rows = {"x": np.zeros((1, columns), np.float32)}

    def preprocess() -> None:
        conversion.preprocess(bytes(676), {})

    def postprocess() -> None:
        conversion.postprocess(rows, inputs=rows)

    costs = {}
    for call in (preprocess, postprocess):
        rounds_s = []
        for _ in range(_ROUNDS):
            began_s = time.perf_counter()
            for _ in range(_CALLS):
                call()
            rounds_s.append((time.perf_counter() - began_s) / _CALLS)
        costs[call.__name__] = min(rounds_s)
    return costs


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"


if __name__ == "__main__":
    main()
