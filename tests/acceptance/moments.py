"""Lanes that open at a second, for tests that are there when they do."""

import time
from datetime import UTC, datetime

from tests.acceptance.jobs import events, pair, until

SUPERVISED = {
    "lanes.l.max_rows": 4,
    "lanes.l.max_waiting": 16,
    "scaling.service_rate": 20.0,
    "scaling.utilisation": 1.0,
    "scaling.catch_up": "3s",
    "scaling.max_workers": 2,
    "scaling.interval": "200ms",
}
"""60 of 20 a second need one worker, twice as many two."""


def at_moment(wall_s):
    """Settings of a lane that opens at this second, and again tomorrow."""
    at = datetime.fromtimestamp(wall_s, UTC)
    return {
        "lanes.l.open": [f"{at.second} {at.minute} {at.hour} * * *"],
        "lanes.l.zone": "UTC",
        "lanes.l.linger": "60s",
    }


def ready_by(wall_s, *, margin, early, catch_up):
    """Settings of a lane that is to be ready by this second, and again tomorrow."""
    at = datetime.fromtimestamp(wall_s, UTC)
    return {
        "lanes.l.ready_by": [f"{at.second} {at.minute} {at.hour} * * *"],
        "lanes.l.zone": "UTC",
        "lanes.l.ready_margin": margin,
        "lanes.l.early": early,
        "scaling.catch_up": catch_up,
    }


def beside(job):
    """Settings of an urgent lane."""
    return {
        "lanes.urgent.topics": [job.names.urgent],
        "lanes.urgent.models": ["m"],
        "lanes.urgent.content_type": "application/octet-stream",
        "lanes.urgent.linger": "0s",
    }


async def until_shut(fleet, results):
    """Return when windows that are over told of so many results: what comes now is not taken along."""

    def told():
        return sum(each["results"] for each in events(fleet, "window.ended"))

    await until(lambda: told() == results)


async def answered_until(job, witness, wall_s):
    """Have urgent requests answered, one after the other, until then; return how many."""
    count = 0
    while time.time() < wall_s:
        (correlation,) = await witness.publish([pair(count)], topic=job.names.urgent)
        await witness.until(correlation)
        count += 1
    return count


def answered_ms(witness, correlations):
    """When the last replies of requests were written."""
    return {
        entry.reply.correlation: entry.timestamp_ms
        for entry in witness.log
        if entry.reply.correlation in correlations
    }
