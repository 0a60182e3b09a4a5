"""Whatever bytes come, a decoder returns inputs or refuses; it never raises anything else."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.settings import Limits
from daemon.values.errors import RequestRefused
from daemon.wire import binary, json_v2, npy
from daemon.wire.headers import REQUEST_HEADERS, read_headers
from daemon.wire.media import form_of
from tests.bad_input import BAD_INPUT, GOOD
from tests.signatures import SIGNATURES, sentences
from tests.unit.wire.tensors import BOUNDS

BODIES = [case.value for case in BAD_INPUT if case.value] + [value for value, _ in GOOD.values()]
RAGGED = (
    b'{"inputs": [{"name": "ids", "shape": [2, -1], "datatype": "INT64", "data": [[1, 2, 3], [4]]},'
    b' {"name": "mask", "shape": [2, -1], "datatype": "INT64", "data": [[1, 1, 1], [1]]}]}'
)
"""Rows of different lengths, for tests.signatures.sentences."""
SMALL = [body for body in [*BODIES, RAGGED] if len(body) < 2_000]

lengths = st.integers(0, 400)


@st.composite
def mutated(draw):
    """A body of the lists with some bytes changed, cut out or doubled."""
    body = bytearray(draw(st.sampled_from(SMALL)))
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(body)))
        last = draw(st.integers(first, min(first + 20, len(body))))
        body[first:last] = draw(st.binary(max_size=8) | st.just(bytes(body[first:last]) * 2))
    return bytes(body)


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("inputs", "name", "shape", "datatype", "data", "id", "outputs", "parameters"),
                inner,
            ),
        )
    ),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())

bodies = mutated() | st.binary() | json_texts
signatures = st.sampled_from([*SIGNATURES.values(), sentences()])


def check(decoded, signature):
    assert decoded.rows >= 1
    for spec in signature.inputs:
        array = decoded.arrays[spec.name]
        assert array.dtype == spec.dtype
        assert len(array) == decoded.rows
        assert array.flags.aligned


@given(bodies, signatures)
def test_json_decoder_only_refuses(body, signature):
    with suppress(RequestRefused):
        check(json_v2.decode(body, signature, BOUNDS), signature)


@given(bodies, lengths, signatures)
def test_binary_decoder_only_refuses(body, length, signature):
    with suppress(RequestRefused):
        check(binary.decode(body, length, signature, BOUNDS), signature)


@given(bodies | st.binary().map(lambda rest: b"\x93NUMPY\x01\x00" + rest))
@example(b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
def test_npy_decoder_only_refuses(body):
    for name in ("rows", "ids", "spans"):
        with suppress(RequestRefused):
            check(npy.decode(body, SIGNATURES[name], BOUNDS), SIGNATURES[name])


headers = st.lists(
    st.tuples(st.sampled_from(sorted(REQUEST_HEADERS)) | st.text(), st.none() | st.binary()),
    max_size=8,
)


@given(headers)
def test_headers_are_read_without_raising(sent):
    said = read_headers(sent, Limits())

    came = {*sent, *(("correlation-id", value) for name, value in sent if name == "ce_id")}
    assert said.correlation is None or said.correlation in came


@given(st.binary())
def test_media_types_are_read_without_raising(content_type):
    form_of(content_type)


@pytest.mark.parametrize(
    "body", [b"[" * 1_000_000, b'{"a":' * 200_000, b'{"inputs":' + b"[" * 10**6]
)
def test_deep_nesting_is_refused_and_not_followed(body):
    with pytest.raises(RequestRefused):
        json_v2.decode(body, SIGNATURES["rows"], BOUNDS)


def test_reading_takes_linear_time():
    """A text of a mebibyte in each shape that could make the scanner go back."""
    for filler in (b"[]," * 350_000, b'"\\\\",' * 200_000, b'{"":{}},' * 130_000, b"1," * 500_000):
        body = b'{"more":[' + filler.rstrip(b",") + b'],"inputs":[]}'
        with pytest.raises(RequestRefused):
            json_v2.decode(body, SIGNATURES["rows"], BOUNDS)
