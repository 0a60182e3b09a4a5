"""Lanes share the executor, and none stands in another's way."""

from tests import models
from tests.acceptance.jobs import tripped

_STANDARD = 600
_URGENT = 15


async def test_a_full_standard_lane_does_not_block_the_urgent_one(make_job, busy):
    names = {"requests": 2, "urgent": 2}
    async with make_job(models.loop(), answer=tripped, partitions=names) as (job, witness):
        await job.start(
            **{
                "lanes.l.max_rows": 4,
                "lanes.l.max_waiting": 8,
                "lanes.urgent.topics": [job.names.urgent],
                "lanes.urgent.models": ["m"],
                "lanes.urgent.content_type": "application/octet-stream",
                "lanes.urgent.linger": "0s",
                "lanes.urgent.weight": 8,
            }
        )
        await witness.publish([busy(0.02)] * _STANDARD)
        await witness.until_answered(1)
        for _ in range(_URGENT):
            (correlation,) = await witness.publish([busy(0.001)], topic=job.names.urgent)
            await witness.until(correlation)

        # One after the other, each behind little more than what ran when it came.
        standard = len(witness.answered) - _URGENT
        assert standard < _STANDARD / 2, "urgent requests stood behind the standard ones"
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
