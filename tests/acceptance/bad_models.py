"""What the daemon of the bad-input test serves: the lanes of tests.bad_input and three more."""

import json
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from tests import bad_input, models, published_models
from tests.bad_input import body, tensor

RUN_LIMIT_S = 0.8
_TRANSFORM = '''
import numpy as np

from runtime import Rejected


class Measure:
    """The length of a body, twice; some bodies show what a transform may do wrong."""

    def preprocess(self, body, headers):
        if body == b"raise":
            raise KeyError("nobody is told of this text")
        if body == b"reject":
            raise Rejected("invalid_value", "no such document")
        if body == b"nothing":
            return None
        rows = {b"rows": 1_001}.get(body, 1)
        shape = (rows, 3) if body == b"shape" else (rows, 2)
        return {"x": np.full(shape, np.nan if body == b"nan" else len(body), np.float32)}

    def postprocess(self, outputs):
        length = int(outputs["y"][0, 0])
        if length == 13:
            raise ValueError("unlucky")
        return "text/plain", str(length).encode()
'''
MODELS = bad_input.MODELS | {
    "trips": models.loop,
    "measured": models.identity,
    "voice": published_models.voice_detector,
}
MODEL_SETTINGS = bad_input.MODEL_SETTINGS | {
    "trips": {"run_limit": f"{RUN_LIMIT_S}s"},
    "measured": {"transform": "transform.py:Measure"},
    "voice": {"batch_axis": {"state": 1, "stateN": 1}, "constants": {"sr": 8000}},
}
LANES = bad_input.LANES | {
    name: {"topics": [f"bad.{name}"], "models": [name]} for name in ("trips", "measured", "voice")
}
GOOD = bad_input.GOOD | {
    "trips": (body(tensor(shape=[1], datatype="INT64", data=[1])), ()),
    "measured": (b"four", ()),
    "voice": (
        body(tensor("input", [1, 3], data=[1, 2, 3]), tensor("state", [1, 2, 4], data=[1] * 8)),
        (),
    ),
}
_ALLOW = [topic for topic in bad_input.REPLIES["allow"] if topic != "bad.dead"]
"""The daemon refuses to start when a request could write to the dead letters."""


def write(folder: Path, bootstrap: str, prefix: str) -> Path:
    """Write models, transform and configuration; return the configuration's path."""
    (folder / "transform.py").write_text(_TRANSFORM)
    sections = {
        "kafka": {
            "bootstrap_servers": bootstrap,
            "group": f"{prefix}group",
            "session_timeout": "10s",
            "fetch_bytes": "64KiB",  # so that a batch of more than 4 MiB is a bomb
        },
        "replies": bad_input.REPLIES | {"allow": _ALLOW},
        "dead_letters": bad_input.DEAD_LETTERS,
        "limits": bad_input.LIMITS | {"audit": 1},
    }
    for name, make in MODELS.items():
        models.save(make(), folder, f"{name}.onnx")
        settings = {"path": f"{name}.onnx", "device": "cpu"} | MODEL_SETTINGS.get(name, {})
        sections[f"models.{name}"] = settings
    for name, lane in LANES.items():
        sections[f"lanes.{name}"] = lane | {"max_rows": 16, "linger": "20ms"}
    config = folder / "tidemill.toml"
    config.write_text("\n".join(_section(*each, prefix) for each in sections.items()))
    return config


def _section(name, values, prefix):
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""]).replace('"bad.', f'"{prefix}')


def _toml(value):
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)  # TOML writes these values as JSON does


def is_right(lane: str, reply: bytes) -> bool:
    """Whether `reply` is the body of the result to GOOD[lane]."""
    return _RIGHT[lane](reply)


def _json(**outputs):
    """Compare an Open Inference Protocol reply, output by output."""

    def compare(reply):
        found = {each["name"]: each["data"] for each in json.loads(reply)["outputs"]}
        return found.keys() == outputs.keys() and all(
            _same(found[name], values) for name, values in outputs.items()
        )

    return compare


def _raw(values):
    return lambda reply: _same(np.frombuffer(reply, "<f4"), values)


def _same(found, wanted):
    if isinstance(wanted[0], str):
        return found == wanted
    return len(found) == len(wanted) and bool(np.allclose(found, wanted, rtol=1e-5, atol=1e-5))


def _mlp(row):
    first, second = (numpy_helper.to_array(each) for each in models.mlp().graph.initializer)
    return np.maximum(row @ first, 0) @ second


_ROWS = _mlp(np.arange(16, dtype=np.float32))
_RIGHT = {
    "rows": _raw(_ROWS),
    "json": _json(y=_ROWS),
    "ids": _json(y=[6.0, 7.0]),
    "words": _json(y=["tidetide"]),
    "pair": _json(total=[22.0, 23.0, 24.0, 25.0], count=[21]),
    "spans": _json(y=[2.0]),
    "logs": _raw([0.0, 0.0]),
    "trips": _json(y=[65.0]),
    "measured": lambda reply: reply == b"4",
    "found": _json(boxes=[0, 0, 1, 1], scores=[0.75]),
    "voice": _json(output=[5.0], stateN=[2.0] * 8),
}
