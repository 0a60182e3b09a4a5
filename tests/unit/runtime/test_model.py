import hashlib
import threading

import numpy as np
import onnx
import pytest

from config.settings import Model as Settings
from runtime import ModelRefused, load_model
from tests import models

TRANSFORM = """
import numpy
class T:
    def preprocess(self, body, headers):
        return {"x": numpy.frombuffer(body, "f4").reshape(1, 16)}
    def postprocess(self, outputs):
        return "text/plain", b"%d" % outputs["y"].argmax()
"""

ASKING = """
class T:
    def __init__(self, model, signature, metadata):
        (spec,) = signature.inputs
        self.said = f"{metadata['names'].split(',')[1]}, {spec.name} {spec.dtype} {spec.row_shape}, {model.name}"
    def preprocess(self, body, headers): ...
    def postprocess(self, outputs):
        return "text/plain", self.said.encode()
"""


def test_replies_name_the_model_and_how_its_digest_begins(load, tmp_path):
    model = load(models.mlp())
    digest = hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()

    assert model.session.digest == digest
    assert model.served_by("classify") == f"classify@{digest[:12]}"


def test_paths_count_from_the_settings_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    models.save(models.mlp(), tmp_path / "sub")
    settings = Settings(path="sub/model.onnx", device="cpu")

    load_model(settings, base=tmp_path, on_stuck=pytest.fail).close()


def test_a_model_without_a_transform_has_none(load):
    assert load(models.mlp()).transform is None


def test_a_transform_goes_with_its_model(load, tmp_path):
    (tmp_path / "transform.py").write_text(TRANSFORM)
    model = load(models.mlp(), transform="transform.py:T")

    prepared = model.transform.preprocess(np.ones(16, np.float32).tobytes(), {})
    outputs = model.session.run(prepared.inputs, limit_s=30.0)

    assert model.transform.postprocess(outputs, inputs={}) == (
        "text/plain",
        b"%d" % outputs["y"].argmax(),
    )


def test_a_transform_is_given_what_its_model_says_of_itself(load, tmp_path):
    (tmp_path / "transform.py").write_text(ASKING)
    file = models.mlp()
    onnx.helper.set_model_props(file, {"names": "cat,dog"})
    model = load(file, transform="transform.py:T")

    reply = model.transform.postprocess({}, inputs={})

    assert reply == ("text/plain", b"dog, x float32 (16,), model.onnx")


def test_a_refused_transform_leaves_no_session_behind(load):
    before = set(threading.enumerate())

    with pytest.raises(ModelRefused):
        load(models.mlp(), transform="missing.py:T")

    for thread in set(threading.enumerate()) - before:
        thread.join(30.0)
        assert not thread.is_alive()


def test_a_digest_in_the_settings_is_held_against_the_file(load):
    with pytest.raises(ModelRefused, match="SHA-256"):
        load(models.mlp(), sha256="0" * 64)


def test_building_anew_does_not_take_another_model(load, tmp_path):
    first = load(models.mlp(seed=0))
    path = models.save(models.mlp(seed=1), tmp_path)

    with pytest.raises(ModelRefused, match="SHA-256"):
        load_model(
            Settings(path=str(path), device="cpu"),
            base=tmp_path,
            on_stuck=pytest.fail,
            digest=first.session.digest,
        )


def test_rows_that_are_not_finite_are_told(load):
    model = load(models.logarithm())
    x = np.array([[1, 1], [-1, 1], [1, 0]], np.float32)

    outputs = model.session.run({"x": x}, limit_s=30.0)

    assert model.unsound_rows(outputs).tolist() == [False, True, True]


def test_a_model_may_be_allowed_outputs_that_are_not_finite(load):
    model = load(models.logarithm(), finite_outputs=False)
    x = np.array([[-1, 1]], np.float32)

    outputs = model.session.run({"x": x}, limit_s=30.0)

    assert model.unsound_rows(outputs) is None
