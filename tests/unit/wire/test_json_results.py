"""Responses that are written together must be those that are written alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.messages import Bucket, Envelope, Form
from daemon.wire import json_v2
from daemon.wire.assemble import slices
from daemon.wire.json_results import can_be_joined, responses
from tests.requests import make_request
from tests.signatures import DTYPES, Signature, spec

MODEL = 'm"data":[]'
NAMES = ['y"data":[]', "z],[", "w"]
LABELS = np.array(["setosa", "],[", '"data":[]', "\u00e9", ""], object)

envelopes = st.none() | st.builds(
    Envelope,
    st.none() | st.text('a\u00e9"\\\n\x00}', max_size=4),
    st.none() | st.permutations(NAMES).map(lambda names: tuple(names[:2])),
)


@st.composite
def batches(draw):
    """Requests, and outputs for all of their rows."""
    datatypes = draw(st.lists(st.sampled_from([*DTYPES]), min_size=3, max_size=3))
    shapes = draw(st.lists(st.lists(st.integers(0, 3), max_size=2), min_size=3, max_size=3))
    signature = Signature((spec(),), tuple(map(spec, NAMES, datatypes, shapes)))
    requests = [
        make_request(form=Form.JSON, bucket=Bucket("lane", MODEL), rows=rows, envelope=envelope)
        for rows, envelope in draw(
            st.lists(st.tuples(st.integers(1, 3), envelopes), min_size=1, max_size=6)
        )
    ]
    rows = sum(request.rows for request in requests)
    random = np.random.default_rng(draw(st.integers(0, 99)))
    outputs = {}
    for each in signature.outputs:
        shape = (rows, *each.row_shape)
        is_real = each.datatype in {"FP16", "FP32", "FP64"}
        drawn = random.standard_normal(shape) if is_real else random.integers(0, 100, shape)
        is_text = each.datatype == "BYTES"
        outputs[each.name] = LABELS[drawn % len(LABELS)] if is_text else drawn.astype(each.dtype)
    return requests, outputs, signature


@given(batches())
def test_each_response_is_the_one_that_is_written_alone(batch):
    requests, outputs, signature = batch
    alone = [
        json_v2.encode(own, signature, request.envelope, MODEL).body
        for request, own in zip(requests, slices(requests, outputs, None), strict=True)
    ]
    assert can_be_joined(requests, outputs, signature)
    assert responses(requests, outputs, signature, MODEL) == alone


def test_other_forms_and_large_rows_are_written_alone():
    signature = Signature((spec(),), (spec("y"),))
    strings = Signature((spec(),), (spec("y", "BYTES"),))
    json_request, raw_request = make_request(form=Form.JSON), make_request(form=Form.RAW)
    few, many = {"y": np.zeros(1, np.float32)}, {"y": np.zeros(2**17, np.float32)}
    assert can_be_joined([json_request], few, signature)
    assert not can_be_joined([json_request], {"y": np.array(["x" * 2**18], object)}, strings)
    assert not can_be_joined([json_request, raw_request], few, signature)
    assert not can_be_joined([json_request], many, signature)
