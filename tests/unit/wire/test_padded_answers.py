"""A padded answer is the answer: whatever lengths share a run, each request gets what it gets alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Model
from daemon.values.messages import Bucket, Form, Request
from daemon.wire.assemble import assemble, slices
from runtime import load_model
from tests import models
from tests.fakes import FakeRecord
from tests.ledgers import make_ledger

LIMIT_S = 10.0
LEDGER = make_ledger("t", 0, 0)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sentences")
    path = models.save(models.sentences(), folder)
    pad = {"axis": "length", "step": 8}
    settings = Model(path=str(path), device="cpu", inputs={"ids": {"pad": pad}})
    loaded = load_model(settings, base=folder, on_stuck=lambda _: None)
    yield loaded.session
    loaded.close()


def request(inputs, bucket):
    rows = len(inputs["ids"])
    return Request(
        FakeRecord("t", 0, 0), LEDGER, bucket, Form.JSON, inputs, rows, 0, 0.0, 0.0, "r", None, None
    )


@given(
    chunks=st.lists(st.tuples(st.integers(1, 3), st.integers(9, 16)), min_size=1, max_size=8),
    seed=st.integers(0, 9),
)
def test_whatever_lengths_share_a_run_each_gets_what_it_gets_alone(session, chunks, seed):
    random = np.random.default_rng(seed)
    bucket = Bucket("l", "m", ((16,), (16,)))
    requests = [
        request(
            {
                "ids": random.integers(0, 100, shape),
                "mask": np.concatenate(
                    [np.ones((shape[0], 1), np.int64), random.integers(0, 2, shape)[:, 1:]], axis=1
                ),
            },
            bucket,
        )
        for shape in chunks
    ]

    together = session.run(assemble(requests, session.signature), limit_s=LIMIT_S)

    for each, own in zip(
        requests, slices(requests, together, session.signature.padding), strict=True
    ):
        alone = session.run(each.inputs, limit_s=LIMIT_S)
        assert own.keys() == alone.keys()
        for name, array in alone.items():
            assert own[name].shape == array.shape
            assert np.allclose(own[name], array, rtol=1e-5, atol=1e-6)
