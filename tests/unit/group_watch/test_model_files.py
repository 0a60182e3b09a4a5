"""Model files as one fingerprint."""

import os

from daemon.group_watch.model_files import files_of
from tests.unit.scaling.sights import settings

TWO = {"m": {"path": "a.onnx"}, "n": {"path": "b.onnx"}}


def _files(folder, **contents):
    for name, content in contents.items():
        (folder / f"{name}.onnx").write_bytes(content)
    return files_of(settings(models=TWO), folder)


def test_other_content_is_another_fingerprint(tmp_path):
    first = _files(tmp_path, a=b"1", b=b"2")

    assert first
    assert _files(tmp_path, a=b"1", b=b"2") == first
    assert _files(tmp_path, a=b"2", b=b"1") != first


def test_a_file_that_cannot_be_read_makes_it_unknown(tmp_path):
    assert _files(tmp_path, a=b"1") == ""


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "b.onnx")

    assert _files(tmp_path, a=b"1") == ""
