"""Suspects of a crash whose answers nobody takes: all else goes on meanwhile."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.acceptance.jobs import READY_S, events, pair, start, until
from tests.fault_table import AT_LEAST_ONCE, EXACTLY_ONCE

_BEHIND = [str(Path(__file__).parent / "variants" / "clock_behind.py")]
_OLDEST = "message.timestamp.before.max.ms"


@pytest.mark.parametrize(
    "delivery", [AT_LEAST_ONCE, pytest.param(EXACTLY_ONCE, marks=pytest.mark.long)]
)
async def test_all_else_goes_on_while_nobody_takes_the_answers_of_suspects(
    make_job, topics, delivery
):
    away = await topics.create("away", 1, {_OLDEST: "1000"})
    settings = {
        "kafka.delivery": delivery,
        "kafka.instance_id": "w0",
        "limits.bisect": "30s",
        "limits.publish": "1min",  # longer than the witness waits
        "replies.allow": [away],
    }
    async with make_job(partitions={"requests": 2}, **settings) as (job, witness):
        worker = job.worker(program=_BEHIND)
        await start(worker)
        await until(job.committed)
        worker.kill()
        suspects = [pair(number) for number in range(4)]  # for all that anybody knows
        await witness.publish(suspects, partition=0, headers=[("reply-to", away.encode())])
        await asyncio.to_thread(worker.start)
        await until(lambda: events(worker, "probe.started"))

        for other in await witness.publish([pair(number) for number in range(4)], partition=1):
            await witness.until(other)
        assert (await job.committed())[0] == 0

        takes = ConfigResource(ConfigResourceType.TOPIC, away, {_OLDEST: "86400000"})
        await topics.admin.alter_configs([takes])
        await until(lambda: events(worker, "suspects.cleared"), 2 * READY_S)

        async def committed():
            return (await job.committed())[0] == len(suspects)

        await until(committed)
