"""Workers come, go and stand still under load, and the group hands their partitions on."""

import asyncio
import itertools
import signal
import time
from contextlib import asynccontextmanager

from aiokafka.admin import NewPartitions

from tests import models
from tests.acceptance import kills
from tests.acceptance.jobs import events, pair, start, terminate, tripped, until

_SESSION_S = 20.0
"""Longer than a busy machine holds anybody up who is not waited for."""


@asynccontextmanager
async def _watched(job, witness):
    """Yields a list to which the commits of the group are added, and what was answered by then."""
    moments = []

    async def watch():
        while True:
            moments.append(kills.Kill(await job.committed(), await witness.ends()))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(watch())
    try:
        yield moments
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _went_back(moments):
    """Commits that are below an earlier one of the same partition."""
    return [
        (number, before.committed[number], after.committed.get(number))
        for before, after in itertools.pairwise(moments)
        for number in before.committed
        if after.committed.get(number, -1) < before.committed[number]
    ]


def _longest_pause_s(log):
    """The longest time in which a partition of the request topic had no reply."""
    stamps = {}
    for entry in log:
        stamps.setdefault(entry.request[0], []).append(entry.timestamp_ms)
    return (
        max(
            later - earlier
            for of_partition in stamps.values()
            for earlier, later in itertools.pairwise(sorted(of_partition))
        )
        / 1000
    )


async def _assigned(worker, times):
    """Return when `worker` has been given partitions so many times since its start."""
    await until(
        lambda: len([e for e in events(worker, "partitions.assigned") if e["partitions"]]) >= times
    )


async def _accounts_for_all(worker):
    """Return when every record that `worker` fetched was answered or handed back."""

    async def balanced():
        metrics = await asyncio.to_thread(worker.metrics)
        out = metrics.total("requests_total") + metrics.total("handed_back_total")
        return metrics.total("inflight_requests") == 0 and metrics.total("records_total") == out

    await until(balanced)


async def test_workers_join_and_leave_under_load_without_loss(make_job, record_figure):
    settings = {"kafka.session_timeout": f"{_SESSION_S:g}s", "kafka.rebalance_timeout": "30s"}
    async with make_job(**settings) as (job, witness), _watched(job, witness) as moments:
        first = await job.start()
        async with witness.load(800, pair):
            await witness.until_answered(400)
            second = await job.start()
            await _assigned(second, 1)
            await witness.until_answered(len(witness.answered) + 400)
            assert await terminate(first) == 0
            await witness.until_answered(len(witness.answered) + 400)
            await start(first)
            await _assigned(first, 1)
            await witness.until_answered(len(witness.answered) + 400)
            assert await terminate(second) == 0
            await witness.until_answered(len(witness.answered) + 400)
        await witness.until_all_answered()

        pause_s = _longest_pause_s(witness.log)
        record_figure(f"longest pause of a partition in 2 joins and 2 leaves: {pause_s:.2f} s")
        assert witness.verdict().exactly_once, witness.verdict()
        assert pause_s < _SESSION_S, "somebody was waited for until its session was over"
        assert _went_back(moments) == []
        assert all(not kills.lost(witness.log, moment) for moment in moments)


async def test_a_worker_that_stood_still_past_its_session_publishes_nothing_afterwards(
    make_job, busy
):
    async with make_job(models.loop(), answer=tripped, **{"lanes.l.max_rows": 4}) as (job, witness):
        # A file of its own, so that its replies are told from the other's.
        first = await job.start(**{"models.m.path": job.save(models.loop(), "first.onnx")})
        served_by = job.served_by("first.onnx")
        second = await job.start()
        await _assigned(second, 1)
        await witness.publish([busy(0.1)] * 80)
        await witness.until_answered(20)

        first.send(signal.SIGSTOP)
        await asyncio.sleep(0.1)
        stopped_ms = time.time() * 1000
        await witness.until_all_answered()  # by the other
        first.send(signal.SIGCONT)
        await _assigned(first, 2)
        await witness.publish([busy(0.01)] * 40)
        await witness.until_all_answered()
        await _accounts_for_all(first)
        await _accounts_for_all(second)

        verdict = witness.verdict()
        assert verdict.at_least_once, verdict
        # A reply's timestamp is of when it was handed to the producer.
        assert [
            entry
            for entry in witness.log
            if entry.reply.correlation in verdict.repeated
            and entry.reply.headers["served-by"] == served_by
            and entry.timestamp_ms > stopped_ms
        ] == []


async def test_requests_on_an_added_partition_are_answered_from_its_first(make_job):
    async with make_job(partitions={"requests": 2}) as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(10))
        await job.topics.admin.create_partitions({job.names.requests: NewPartitions(3)})
        await witness.look_for_partitions()
        await witness.publish((pair(number) for number in range(10)), partition=2)
        # The worker looks for itself, every ten seconds.
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
        assert events(worker, "position.chosen")[-1]["reason"] == "the partition was added"
