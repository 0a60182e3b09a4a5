"""Tensors without an axis of rows: sent and answered whole, one row in the line."""

import io
import json

import numpy as np
import pytest

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Bucket, Envelope, Form
from daemon.wire import binary, json_v2, npy, raw
from daemon.wire.json_frames import frame_of
from daemon.wire.json_results import responses
from tests.bad_input import body, tensor
from tests.requests import make_request
from tests.signatures import Signature, whole
from tests.unit.wire.tensors import BOUNDS

SIGNATURE = Signature(
    (whole("x", "FP32", (1, 2)), whole("rate", "INT64")), (whole("boxes", "FP32", (None, 4)),), 1
)
FILES = Signature((whole("x", "FP32", (2, None)),), (whole("y", "FP32", (None,)),), 1)
FOUND = {"boxes": np.arange(8, dtype=np.float32).reshape(1, 2, 4)}
NOTHING = {"boxes": np.empty((1, 0, 4), np.float32)}


def request(shape=(1, 2), data=(1, 2)):
    return body(tensor("x", list(shape), "FP32", list(data)), tensor("rate", [], "INT64", [9]))


def test_inputs_of_any_rank_are_one_row_of_json():
    decoded = json_v2.decode(request(), SIGNATURE, BOUNDS)

    assert decoded.rows == 1
    assert {name: array.tolist() for name, array in decoded.arrays.items()} == {
        "x": [[[1, 2]]],
        "rate": [9],
    }


def test_nested_data_has_the_models_own_shape():
    text = body(tensor("x", [1, 2], "FP32", [[1, 2]]), tensor("rate", [], "INT64", [9]))

    assert json_v2.decode(text, SIGNATURE, BOUNDS).arrays["x"].tolist() == [[[1, 2]]]


@pytest.mark.parametrize(
    ("shape", "detail"),
    [
        ((2,), "has 1 axes, not [1, 2]"),
        ((1, 1, 2), "has 3 axes, not [1, 2]"),
        ((2, 1), "does not have shape [1, 2]"),
        ((0, 2), "an axis shorter than 1, not [1, 2]"),
        ((), "has 0 axes, not [1, 2]"),
    ],
)
def test_another_shape_than_the_models_is_refused(shape, detail):
    with pytest.raises(RequestRefused) as refused:
        json_v2.decode(request(shape), SIGNATURE, BOUNDS)

    assert refused.value.code is Code.INVALID_SHAPE
    assert detail in refused.value.detail


def test_a_frame_of_json_reads_what_the_reader_does():
    text = request()
    frame = frame_of(text, SIGNATURE, BOUNDS)

    (found,) = frame.read([frame.texts(text)]).apart()

    meant = json_v2.decode(text, SIGNATURE, BOUNDS)
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        name: array.tolist() for name, array in meant.arrays.items()
    }


@pytest.mark.parametrize(("outputs", "shape"), [(FOUND, [2, 4]), (NOTHING, [0, 4])])
def test_outputs_are_answered_whole(outputs, shape):
    asked = make_request(form=Form.JSON, bucket=Bucket("lane", "m"), rows=1)

    alone = json_v2.encode(outputs, SIGNATURE, None, "m").body
    (joined,) = responses([asked], outputs, SIGNATURE, "m")

    (given,) = json.loads(alone)["outputs"]
    assert given["shape"] == shape
    assert given["data"] == outputs["boxes"].ravel().tolist()
    assert joined == alone


@pytest.mark.parametrize(("outputs", "shape"), [(FOUND, [2, 4]), (NOTHING, [0, 4])])
def test_binary_tensors_are_whole_both_ways(outputs, shape):
    parts = [("x", "FP32", np.array([[1, 2]], np.float32)), ("rate", "INT64", np.array(9))]
    sizes = {name: {"binary_data_size": array.nbytes} for name, _, array in parts}
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": array.shape,
                    "datatype": datatype,
                    "parameters": sizes[name],
                }
                for name, datatype, array in parts
            ]
        }
    ).encode()

    decoded = binary.decode(
        head + b"".join(array.tobytes() for *_, array in parts), len(head), SIGNATURE, BOUNDS
    )
    encoded = binary.encode(outputs, SIGNATURE, Envelope(None, None, frozenset({"boxes"})), "m")

    assert decoded.rows == 1
    assert decoded.arrays["x"].tolist() == [[[1, 2]]]
    assert decoded.arrays["rate"].tolist() == [9]
    assert f'"shape":{shape}'.replace(" ", "").encode() in encoded.body
    assert encoded.body.endswith(outputs["boxes"].tobytes())


def test_files_hold_whole_arrays_both_ways():
    file = io.BytesIO()
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(file, x)

    decoded = npy.decode(file.getvalue(), FILES, BOUNDS)
    reply = npy.encode({"y": np.ones((1, 5), np.float32)}, FILES).body

    np.testing.assert_array_equal(decoded.arrays["x"], x[np.newaxis])
    assert np.load(io.BytesIO(reply)).shape == (5,)


@pytest.mark.parametrize("found", [0, 3])
def test_raw_replies_are_whole(found):
    signature = Signature((whole("x", "FP32", (2,)),), (whole("y", "FP32", (None,)),), 1)
    (spec,) = signature.outputs
    array = np.ones((1, found), np.float32)

    replies = raw.bodies(spec, array, [make_request(rows=1)])

    assert bytes(replies[0]) == array.tobytes()
