import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.errors import Code, RequestRefused
from daemon.wire import npy
from tests.bad_input import npy as file_with
from tests.signatures import SIGNATURES, one_to_one
from tests.unit.wire.tensors import BOUNDS, NUMERIC, arrays


def saved(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=True)
    return file.getvalue()


def refusal(body, signature=None, bounds=BOUNDS):
    with pytest.raises(RequestRefused) as caught:
        npy.decode(body, signature or one_to_one(), bounds)
    return caught.value.code


@given(arrays(NUMERIC), st.sampled_from("<>="), st.sampled_from("CF"))
def test_any_array_survives_the_way_in(drawn, byte_order, order):
    datatype, array = drawn
    sent = np.asarray(array.astype(array.dtype.newbyteorder(byte_order)), order=order)

    decoded = npy.decode(saved(sent), one_to_one(datatype, array.shape[1:]), BOUNDS)

    received = decoded.arrays["x"]
    assert decoded.rows == len(array)
    assert received.dtype == array.dtype
    assert received.flags.c_contiguous
    assert received.flags.aligned
    np.testing.assert_array_equal(received, array)


@given(arrays(NUMERIC))
def test_any_array_survives_the_way_out(drawn):
    datatype, array = drawn

    encoded = npy.encode({"y": array}, one_to_one(datatype, array.shape[1:]))

    received = np.load(io.BytesIO(encoded.body), allow_pickle=False)
    assert encoded.body.index(b"\n") % 64 == 63  # data starts at a multiple of 64
    assert received.dtype == array.dtype
    np.testing.assert_array_equal(received, array)
    assert list(encoded.headers) == [("content-type", b"application/x-npy")]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(version):
    body = saved(np.ones((1, 2), np.float32), version)

    assert npy.decode(body, one_to_one(), BOUNDS).arrays["x"].tolist() == [[1, 1]]


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'shape': (1, 2,), 'fortran_order': False, 'descr': '<f4'}",
        '{"descr": "<f4", "fortran_order": False, "shape": (1, 2)}',
        "{'descr':'<f4','fortran_order':False,'shape':(1,2)}",
    ],
)
def test_headers_of_other_writers_are_read(header):
    body = file_with(header, np.ones(2, "<f4").tobytes())

    assert npy.decode(body, one_to_one(), BOUNDS).arrays["x"].tolist() == [[1, 1]]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [1, 2]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<U4', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1, 2)}",
        "-" * 9_000 + "1",
        "(" * 9_000,
        "{'shape': (" + "1, " * 3_000,
    ],
)
def test_header_that_is_not_plain_is_refused(header):
    assert refusal(file_with(header, bytes(8))) is Code.INVALID_VALUE


def test_pickle_is_never_read():
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was read",))

    assert refusal(saved(np.array([Bomb()], object))) is Code.INVALID_VALUE


@pytest.mark.parametrize("shape", ["(" + "1, " * 65 + ")", "(" + "9" * 30 + ", 2)"])
def test_shape_beyond_any_array_is_refused(shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"

    assert refusal(file_with(header)) is Code.INVALID_SHAPE


def test_bool_is_zero_or_one():
    header = "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2)}"

    assert refusal(file_with(header, b"\1\2"), one_to_one("BOOL")) is Code.INVALID_VALUE


def test_rows_are_limited():
    body = saved(np.ones((3, 2), np.float32))

    assert refusal(body, bounds=BOUNDS._replace(rows=2)) is Code.TOO_LARGE


def test_every_beginning_of_a_file_is_refused():
    body = saved(np.ones((1, 2), np.float32))

    for length in range(len(body)):
        assert refusal(body[:length]) in {Code.INVALID_VALUE, Code.INVALID_SHAPE}


def test_only_models_with_one_plain_input_and_output_take_files():
    assert npy.supports(one_to_one())
    assert not npy.supports(SIGNATURES["pair"])
    assert not npy.supports(one_to_one("BYTES"))
    assert not npy.supports(one_to_one("FP32", out="BF16"))
