"""Logs that change under a worker while it does not look: cut by retention, or made anew."""

import asyncio
import signal
from contextlib import contextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.acceptance.jobs import events, held, metric, pair, terminate, until

_ONE = {"partitions": {"requests": 1}, "kafka.session_timeout": "30s"}
"""One partition, and a session that outlives the moments in which the worker is stopped."""


@contextmanager
def stopped(worker):
    """The worker sees nothing of what happens in here."""
    worker.send(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.send(signal.SIGCONT)


async def test_what_waits_when_the_log_is_cut_past_it_is_answered_and_only_the_rest_is_lost(
    make_job,
):
    async with make_job(**_ONE, **{"lanes.l.linger": "4min"}) as (job, witness):
        worker = await job.start()
        (waiting,) = await witness.publish([pair(0)])
        await held(worker, 1)
        await asyncio.sleep(1)  # the worker commits what it can, and sees what it has
        partition = TopicPartition(job.names.requests, 0)

        with stopped(worker):
            for number in range(1, 41):  # one by one: the fetch under way brings the first of them
                await witness.publish([pair(number)])
            await job.topics.admin.delete_records({partition: RecordsToDelete(30)})
        await until(lambda: events(worker, "requests.lost"))
        await witness.until(waiting)
        assert await metric(worker, "handed_back_total") == 0
        assert await terminate(worker) == 0  # which answers the others

        await witness.catch_up()
        answered = witness.answered_offsets()[0]
        (lost,) = events(worker, "requests.lost")
        assert answered[0] == 0
        assert answered[-11:] == list(range(30, 41))
        assert lost["count"] == 41 - len(answered)
        assert (await job.committed())[0] == 41


@pytest.mark.parametrize("start", ["earliest", "latest"])
async def test_a_topic_that_is_made_anew_unseen_is_answered_from_its_start(make_job, start):
    async with make_job(**_ONE, **{"kafka.start": start}) as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(20))
        await witness.until_all_answered()
        await until(lambda: _has_committed(job, 20))

        with stopped(worker):
            await job.topics.make_anew(job.names.requests)
            await witness.publish(pair(number) for number in range(20, 70))
        await witness.until_all_answered()

        assert not witness.unanswered
        await until(lambda: _has_committed(job, 50))
        assert await metric(worker, "requests_lost_total") == 0
        assert await terminate(worker) == 0


async def _has_committed(job, offset):
    return (await job.committed()).get(0) == offset
