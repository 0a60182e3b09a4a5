"""ONNX Runtime's telemetry is off unless somebody asks for it."""

import os
import subprocess
import sys

import pytest

from tests import models

VARIABLE = "ORT_DISABLE_TELEMETRY"
_PATIENCE_S = 60


@pytest.fixture
def run(tmp_path):
    """Runs Python code with the project at hand and a home of its own; returns what it prints."""
    home = tmp_path / "home"
    home.mkdir()
    others = {k: v for k, v in os.environ.items() if k != VARIABLE and not k.startswith("XDG_")}

    def run(code, **variables):
        environment = others | {"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
        words = [sys.executable, "-c", code]
        return subprocess.run(
            words,
            env=environment | variables,
            timeout=_PATIENCE_S,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    run.home = home
    return run


def test_a_session_leaves_no_id_of_the_machine(run, tmp_path):
    model = models.save(models.identity(), tmp_path, "model.onnx")

    run(f"import runtime, onnxruntime; onnxruntime.InferenceSession({str(model)!r})")

    assert list(run.home.rglob("*")) == []


def test_who_wants_telemetry_can_have_it(run):
    code = f"import runtime, os; print(os.environ['{VARIABLE}'])"

    assert run(code, **{VARIABLE: "0"}) == "0\n"
