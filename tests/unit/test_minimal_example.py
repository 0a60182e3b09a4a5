import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest

import config.load
from runtime import load_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal"


@pytest.fixture
def model():
    loaded = config.load.load(EXAMPLE / "tidemill.toml", {}, [])
    model = load_model(loaded.settings.models["numbers"], base=loaded.base, on_stuck=pytest.fail)
    yield model
    model.close()


def test_the_model_is_what_its_script_makes():
    spec = importlib.util.spec_from_file_location("make_model", EXAMPLE / "make_model.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert onnx.load(EXAMPLE / "model.onnx") == script.make_model()


def test_the_settings_and_the_digest_fit_the_model(model):
    assert model.session.signature.raw_row_bytes == 16


def test_the_model_gives_the_sum_and_the_largest(model):
    x = np.array([[1, 2, 3, 4], [-1, -2, -3, -4]], np.float32)

    y = model.session.run({"x": x}, limit_s=30.0)["y"]

    assert y.tolist() == [[10.0, 4.0], [-10.0, -1.0]]
