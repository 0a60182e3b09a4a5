"""SIGHUP under load: the new model takes over between two batches, and a bad one changes nothing."""

import itertools
import signal

from loadtest.wire import BATCH_ROWS
from tests import models
from tests.acceptance.jobs import events, pair, same, twice, until

_SERVED_BY = "served-by"
_ONE_LOG = {"requests": 1, "replies": 1}
"""One partition of replies has the batches in the order in which they ran."""


def _batches(log):
    """The replies of each batch, which lie side by side in the log."""
    entries = iter(log)
    for first in entries:
        rows = int(first.reply.headers[BATCH_ROWS])
        yield [first, *itertools.islice(entries, rows - 1)]


def _double():
    return models.fixed_batch("n")


def _either(body):
    return same(body), twice(body)


async def _refusal(worker):
    """Tell `worker` to reload; return why it does not."""
    before = len(events(worker, "model.refused"))
    worker.send(signal.SIGHUP)
    await until(lambda: len(events(worker, "model.refused")) > before)
    return events(worker, "model.refused")[-1]["reason"]


async def _some_more(witness):
    await witness.until_answered(len(witness.answered) + 200)


async def test_a_new_model_takes_over_between_two_batches_and_nothing_is_lost(make_job):
    async with make_job(answer=_either, partitions=_ONE_LOG) as (job, witness):
        worker = await job.start()
        old = job.served_by("model.onnx")
        async with witness.load(500, lambda number: pair(number + 1)):
            await _some_more(witness)
            job.save(_double(), "model.onnx")
            worker.send(signal.SIGHUP)
            await until(lambda: events(worker, "model.reloaded"))
            await _some_more(witness)
        await witness.until_all_answered()
        new = job.served_by("model.onnx")

        assert witness.verdict().exactly_once, witness.verdict()
        answers = {old: same, new: twice}
        for entry in witness.log:
            right = answers[entry.reply.headers[_SERVED_BY]](witness.body_of(entry))
            assert entry.reply.body == right
        for batch in _batches(witness.log):
            assert len({entry.reply.headers[_SERVED_BY] for entry in batch}) == 1
            assert len({entry.reply.headers[BATCH_ROWS] for entry in batch}) == 1
        order = [entry.reply.headers[_SERVED_BY] for entry in witness.log]
        assert [served_by for served_by, _ in itertools.groupby(order)] == [old, new]


async def test_what_cannot_serve_changes_nothing(make_job):
    async with make_job(partitions=_ONE_LOG) as (job, witness):
        worker = await job.start()
        served_by = job.served_by("model.onnx")
        async with witness.load(500, pair):
            (job.folder / "model.onnx").write_bytes(b"not a model")
            unreadable = await _refusal(worker)
            job.save(models.mlp(), "model.onnx")
            other = await _refusal(worker)
            config = job.folder / "worker-0.toml"
            config.write_text(config.read_text().replace("models.m.", "models.k."))
            unserved = await _refusal(worker)
            await _some_more(witness)
        await witness.until_all_answered()

        assert witness.verdict().exactly_once, witness.verdict()
        assert {entry.reply.headers[_SERVED_BY] for entry in witness.log} == {served_by}
        assert unreadable.startswith("model m: ")
        assert other.startswith("model m has other inputs")
        assert "lanes.l.models" in unserved
