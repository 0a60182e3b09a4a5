import hashlib
import os
import shutil
import subprocess

import pytest

from runtime import ModelRefused
from runtime.digest import read_model
from tests import models


def test_digest_of_a_single_file_is_its_sha256(tmp_path):
    path = models.save(models.mlp(), tmp_path)

    assert read_model(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_digest_with_external_weights_is_what_sha256sum_makes(tmp_path):
    models.save(models.mlp(), tmp_path, external=True)
    sums = subprocess.run(
        ["sha256sum", "model.onnx", "model.onnx.data"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )

    digest = read_model(tmp_path / "model.onnx").digest

    assert digest == hashlib.sha256(sums.stdout).hexdigest()


def test_a_change_of_the_weights_alone_changes_the_digest(tmp_path):
    path = models.save(models.mlp(seed=0), tmp_path, external=True)
    before = read_model(path)
    models.save(models.mlp(seed=1), tmp_path, external=True)
    after = read_model(path)

    assert before.data == after.data
    assert before.digest != after.digest


def test_another_digest_is_refused_and_both_are_named(tmp_path):
    path = models.save(models.mlp(), tmp_path)
    wanted = "0" * 64

    with pytest.raises(ModelRefused) as refused:
        read_model(path, sha256=wanted)

    assert wanted in refused.value.reason
    assert hashlib.sha256(path.read_bytes()).hexdigest() in refused.value.reason


def test_the_digest_may_be_written_in_capitals(tmp_path):
    path = models.save(models.mlp(), tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    assert read_model(path, sha256=digest.upper()).digest == digest


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelRefused, match="No such file"):
        read_model(tmp_path / "model.onnx")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.onnx")

    with pytest.raises(ModelRefused, match="not a regular file"):
        read_model(tmp_path / "model.onnx")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelRefused, match="not a regular file"):
        read_model(tmp_path)


def test_a_file_that_is_no_model_is_refused_where_it_names_weights(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x3b location")

    with pytest.raises(ModelRefused, match="not an ONNX file"):
        read_model(path)


def test_missing_weights_are_refused(tmp_path):
    path = models.save(models.mlp(), tmp_path, external=True)
    (tmp_path / "model.onnx.data").unlink()

    with pytest.raises(ModelRefused, match=r"model\.onnx\.data cannot be opened"):
        read_model(path)


def test_a_model_in_a_cache_of_links_loads(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    models.save(models.mlp(), blobs, external=True)
    for name in ("model.onnx", "model.onnx.data"):
        (blobs / name).rename(blobs / f"{name}-blob")
        (snapshot / name).symlink_to(f"../../blobs/{name}-blob")

    assert set(read_model(snapshot / "model.onnx").external) == {"model.onnx.data"}


def escaping(tmp_path, location):
    folder = tmp_path / "models"
    folder.mkdir()
    model = models.mlp()
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        tensor.external_data.add(key="location", value=location)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    "location", ["../secret", "{}/secret", "sub/../../secret", "link", "dir/x"]
)
def test_weights_outside_the_models_folder_are_refused(tmp_path, location):
    (tmp_path / "secret").write_bytes(bytes(10_000))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_bytes(bytes(10_000))
    path = escaping(tmp_path, location.format(tmp_path))
    (path.parent / "sub").mkdir()
    (path.parent / "link").symlink_to("../secret")
    (path.parent / "dir").symlink_to("../out")

    with pytest.raises(ModelRefused, match="not in its folder"):
        read_model(path)


def test_weights_in_a_folder_below_are_taken(tmp_path):
    path = escaping(tmp_path, "sub/weights")
    (path.parent / "sub").mkdir()
    (path.parent / "sub" / "weights").write_bytes(bytes(10_000))

    assert set(read_model(path).external) == {"sub/weights"}


def test_a_hard_link_is_a_file_like_any_other(tmp_path):
    path = models.save(models.mlp(), tmp_path)
    os.link(path, tmp_path / "other.onnx")
    shutil.copy(path, tmp_path / "copy.onnx")

    assert read_model(tmp_path / "other.onnx").digest == read_model(tmp_path / "copy.onnx").digest
