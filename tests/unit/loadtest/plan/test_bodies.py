"""Request bodies: from files, made up, mixed."""

import json

import numpy as np
import pytest

from loadtest.plan.bodies import read
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Body


def _read(*bodies):
    return read([Body(**body) for body in bodies], np.random.default_rng(1))


def test_a_folder_gives_its_files_in_order(tmp_path):
    for name in "bca":
        (tmp_path / name).write_bytes(name.encode())
    assert _read({"folder": tmp_path}).values == [b"a", b"b", b"c"]


def test_a_jsonl_gives_its_lines(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    assert _read({"jsonl": tmp_path / "x.jsonl"}).values == [b'{"a": 1}', b'{"a": 2}']


def test_an_npy_gives_its_rows_little_endian(tmp_path):
    rows = np.array([[1, 2], [3, 4]], ">i2")
    np.save(tmp_path / "x.npy", rows)
    assert _read({"npy": tmp_path / "x.npy"}).values == [b"\1\0\2\0", b"\3\0\4\0"]


@pytest.mark.parametrize("body", [{"folder": "no"}, {"jsonl": "no.jsonl"}, {"npy": "no.npy"}])
def test_a_source_that_is_missing_is_said(body, tmp_path):
    ((key, name),) = body.items()
    with pytest.raises(BadScenario, match="bodies"):
        _read({key: tmp_path / name})


def test_an_empty_source_is_refused(tmp_path):
    with pytest.raises(BadScenario, match="there are none"):
        _read({"folder": tmp_path})


@pytest.mark.parametrize("form", ["raw", "npy", "json"])
def test_bodies_are_made_up_by_signature(form):
    inputs = [{"name": "x", "datatype": "INT16", "shape": [3]}]
    stock = _read({"generate": {"inputs": inputs, "form": form, "count": 2, "rows": 4}})
    assert len(set(stock.values)) == 2
    if form == "raw":
        assert len(stock.values[0]) == 4 * 3 * 2
    elif form == "npy":
        assert stock.values[0].startswith(b"\x93NUMPY")
    else:
        (tensor,) = json.loads(stock.values[0])["inputs"]
        assert (tensor["name"], tensor["shape"], tensor["datatype"]) == ("x", [4, 3], "INT16")
        assert len(tensor["data"]) == 12


def test_raw_bodies_hold_one_input():
    two = [{"name": "a", "shape": [1]}, {"name": "b", "shape": [1]}]
    with pytest.raises(BadScenario, match="one input"):
        _read({"generate": {"inputs": two}})


def test_a_mix_keeps_its_weights_and_goes_through_each_kind(tmp_path):
    (tmp_path / "x.jsonl").write_text("1\n2\n")
    (tmp_path / "y.jsonl").write_text("3\n")
    stock = _read({"jsonl": tmp_path / "x.jsonl", "weight": 3.0}, {"jsonl": tmp_path / "y.jsonl"})
    choices = stock.choices(8000, np.random.default_rng(2))
    counts = np.bincount(choices)
    assert counts[2] == pytest.approx(2000, rel=0.1)
    assert abs(int(counts[0]) - int(counts[1])) <= 1


def test_the_content_type_is_a_header_of_its_kind_alone(tmp_path):
    (tmp_path / "x.jsonl").write_text("1\n")
    plain = {"jsonl": tmp_path / "x.jsonl"}
    stock = _read(plain, plain | {"content_type": "application/json"})
    assert stock.headers == [(), (("content-type", b"application/json"),)]


def test_golden_answers_must_be_as_many_as_bodies(tmp_path):
    (tmp_path / "x.jsonl").write_text("1\n2\n")
    (tmp_path / "y.jsonl").write_text("1\n")
    with pytest.raises(BadScenario, match="1 for 2 bodies"):
        _read({"jsonl": tmp_path / "x.jsonl", "golden": tmp_path / "y.jsonl"})
