"""Requests of different lengths share batches, and each is answered as if it had run alone."""

import json

import numpy as np
import onnxruntime
import pytest

from tests import models
from tests.acceptance.jobs import events, metric

_LENGTHS = 90
"""Requests for each lane; of two rows where their number is a multiple of five."""
_PADDED = {
    "models.m.inputs.ids.pad.axis": "length",
    "models.m.inputs.ids.maximum": 99,
    "limits.audit": 1,
    "lanes.l.linger": "300ms",
    "lanes.l.content_type": "application/json",
}


def _ragged(rows):
    """Rows of different lengths in one request."""
    ids = [row.tolist() for row in rows]
    masks = [[1] * len(row) for row in rows]
    inputs = [
        {"name": name, "shape": [len(rows), -1], "datatype": "INT64", "data": data}
        for name, data in (("ids", ids), ("mask", masks))
    ]
    return json.dumps({"inputs": inputs}).encode()


def _body(ids):
    tensors = {"ids": ids, "mask": np.ones_like(ids)}
    return json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": array.shape,
                    "datatype": "INT64",
                    "data": array.ravel().tolist(),
                }
                for name, array in tensors.items()
            ]
        }
    ).encode()


def _sentences(seed):
    random = np.random.default_rng(seed)
    for number in range(_LENGTHS):
        length = int(np.clip(random.lognormal(np.log(20), 0.7), 1, 128))
        yield random.integers(0, 100, (1 + (number % 5 == 0), length))


@pytest.fixture(scope="module")
def alone():
    """Returns what the model itself gives for one request."""
    session = onnxruntime.InferenceSession(models.sentences().SerializeToString())
    return lambda ids: session.run(None, {"ids": ids, "mask": np.ones_like(ids)})


async def test_each_gets_what_it_gets_alone_in_lanes_of_different_n(make_job, alone):
    async with make_job(models.sentences(), partitions={"urgent": 2}, **_PADDED) as (job, witness):
        worker = await job.start(
            **{
                "lanes.urgent.topics": [job.names.urgent],
                "lanes.urgent.models": ["m"],
                "lanes.urgent.max_rows": 4,
                "lanes.urgent.linger": "20ms",
            }
        )
        assert events(worker, "model.loaded")[0]["padded"] == "length: 16"
        sent = {}
        for topic, seed in ((job.names.requests, 1), (job.names.urgent, 2)):
            sentences = [*_sentences(seed)]
            correlations = await witness.publish([*map(_body, sentences)], topic=topic)
            sent |= dict(zip(correlations, sentences, strict=True))
        rows = [ids[0] for ids in [*_sentences(3)][:5]]
        (ragged,) = await witness.publish([_ragged(rows)])
        await witness.until_all_answered()
        mean_rows = await metric(worker, "batch_rows_sum") / await metric(
            worker, "batch_rows_count"
        )
        padding = await metric(worker, "padding_elements_total")
        assert await metric(worker, "batch_differences_total") == 0
        elements = await metric(worker, "input_elements_total")

    replies = {entry.reply.correlation: json.loads(entry.reply.body) for entry in witness.log}
    assert replies.keys() == {*sent, ragged}
    _, words = replies[ragged]["outputs"]
    for given, ids in zip(words["data"], rows, strict=True):
        assert np.allclose(given, alone(ids[np.newaxis])[1][0], atol=1e-5)
    for correlation, ids in sent.items():
        for output, right in zip(replies[correlation]["outputs"], alone(ids), strict=True):
            given = np.array(output["data"]).reshape(output["shape"])
            assert given.shape == right.shape
            assert np.allclose(given, right, atol=1e-5)
    assert mean_rows > 3
    assert elements - padding == 2 * sum(ids.size for ids in [*sent.values(), *rows])
