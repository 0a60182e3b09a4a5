"""What it costs when a worker joins, leaves or dies under load: the figures of docs/scaling.md.

A pause is the time in which a partition of requests had no reply, around the event; without any
event it is what the load's own gaps and one batch make of it.
"""

import asyncio
import itertools
import statistics
import time

import pytest

from tests import models
from tests.acceptance.jobs import events, pair, same, start, terminate, tripped, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

_TIMES = 5
_PARTITIONS = 24
_AROUND_S = 2.0
"""After an event until the next: all is steady again."""
_AS_DEPLOYED = {
    "kafka.session_timeout": "10s",
    "kafka.heartbeat_interval": "1s",
    "kafka.rebalance_timeout": "30s",
    "limits.revoke": "10s",
    "lanes.l.max_rows": 64,
    "lanes.l.linger": "20ms",
}
"""As the defaults are; the other tests of this folder are in more of a hurry."""


def _pauses_s(log, began_s, ended_s):
    """The longest pause of each partition between two moments, seconds since the epoch."""
    stamps = {number: [began_s, ended_s] for number in range(_PARTITIONS)}
    for entry in log:
        at_s = entry.timestamp_ms / 1000
        if began_s <= at_s <= ended_s:
            stamps[entry.request[0]].append(at_s)
    return [
        max(later - earlier for earlier, later in itertools.pairwise(sorted(of_partition)))
        for of_partition in stamps.values()
    ]


class _Group:
    """Three slots' workers under load, and the pauses that what is done to them makes."""

    def __init__(self, job, witness, **settings):
        self.witness = witness
        self.slots = [
            job.worker(**{"kafka.instance_id": f"slot-{number}"} | settings) for number in range(3)
        ]
        self.found = {}

    async def during(self, name, event):
        """Note each partition's longest pause from now until `event` is over and all is steady."""
        began_s = time.time()
        await event
        await asyncio.sleep(_AROUND_S)
        ended_s = time.time()
        await self.witness.catch_up()
        self.found.setdefault(name, []).append(_pauses_s(self.witness.log, began_s, ended_s))

    async def joins(self):
        worker = self.slots[2]
        await start(worker)
        await until(
            lambda: any(each["partitions"] for each in events(worker, "partitions.assigned"))
        )

    async def dies_and_returns(self, after_s):
        await asyncio.to_thread(self.slots[1].kill)
        await asyncio.sleep(after_s)
        await start(self.slots[1])

    def figures(self):
        """A line for each event: the worst partition's pause and the middle one's."""
        for name, runs in self.found.items():
            worst = [max(pauses) for pauses in runs]
            middle = [statistics.median(pauses) for pauses in runs]
            yield (
                f"{name}: worst partition {statistics.median(worst):.2f} s"
                f" ({min(worst):.2f} to {max(worst):.2f}), middle one {statistics.median(middle):.2f} s"
            )


@pytest.mark.parametrize("run", ["short runs", "runs of 0.3 s"])
async def test_what_a_join_a_leave_and_a_kill_cost(make_job, busy, record_figure, run):
    short = run == "short runs"
    model, answer = (None, same) if short else (models.loop(), tripped)
    rate, body = (960, pair) if short else (120, lambda _: busy(0.3))
    many = {"requests": _PARTITIONS}
    async with make_job(model, answer=answer, partitions=many, **_AS_DEPLOYED) as (job, witness):
        group = _Group(job, witness)
        for worker in group.slots[:2]:
            await start(worker)
        async with witness.load(rate, body):
            await witness.until_answered(1_000)
            for _ in range(_TIMES):
                await group.during("nothing", asyncio.sleep(2.0))
                await group.during("a join", group.joins())
                await group.during("a leave", terminate(group.slots[2]))
                await group.during("a kill, back at once", group.dies_and_returns(0.0))
                await group.during("a kill, back after 1 s", group.dies_and_returns(1.0))
            await group.during("a kill, back after 15 s", group.dies_and_returns(15.0))
        await witness.until_all_answered()

        assert witness.verdict().at_least_once, witness.verdict()
        for line in group.figures():
            record_figure(f"{run}: {line}")


async def test_what_a_kill_costs_without_slots(make_job, record_figure):
    many = {"requests": _PARTITIONS}
    async with make_job(partitions=many, **_AS_DEPLOYED) as (job, witness):
        group = _Group(job, witness, **{"kafka.instance_id": ""})
        for worker in group.slots[:2]:
            await start(worker)
        async with witness.load(960, pair):
            await witness.until_answered(1_000)
            for _ in range(2):
                await group.during("a kill, back after 1 s", group.dies_and_returns(1.0))
        await witness.until_all_answered()

        assert witness.verdict().at_least_once, witness.verdict()
        for line in group.figures():
            record_figure(f"without kafka.instance_id: {line}")
