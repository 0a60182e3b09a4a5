"""The negative control: daemons that are broken on purpose are caught, the real one is not.

The worst moment is made instead of waited for: a proxy holds every reply on its way to the broker.
"""

import asyncio
from pathlib import Path

import pytest

from loadtest.kafka.proxy import PRODUCE, Proxy
from tests.acceptance import kills
from tests.acceptance.jobs import pair, start, until

_VARIANTS = Path(__file__).parent / "variants"
_COMMITTED_S = 0.8
"""A worker commits every half second."""
_REQUESTS = 200


async def _killed_with_all_replies_held(spare, job, witness, program):
    """Return what Kafka had when the worker was killed; another has done its work since."""
    await witness.publish(pair(number) for number in range(_REQUESTS))
    async with Proxy(spare.ports) as proxy:
        worker = job.worker(
            program=program,
            **{"kafka.instance_id": "slot-0", "kafka.bootstrap_servers": proxy.bootstrap},
        )
        proxy.hold(PRODUCE)
        await start(worker)
        await until(lambda: proxy.waiting)
        await asyncio.sleep(_COMMITTED_S)
        killed = await kills.kill(job, witness, worker)
    async with Proxy(spare.ports):  # what the first one held is gone
        await start(worker)
        await witness.until_all_answered(patience_s=1.5)
    return killed


async def test_a_worker_killed_before_its_replies_arrive_loses_nothing(spare, make_spare_job):
    async with make_spare_job() as (job, witness):
        killed = await _killed_with_all_replies_held(spare, job, witness, ("-m", "daemon"))

        assert kills.lost(witness.log, killed) == set()
        assert witness.verdict().exactly_once, witness.verdict()


@pytest.mark.parametrize("variant", ["commits_first.py", "trusts_sending.py"])
async def test_the_checker_sees_what_a_broken_daemon_loses(spare, make_spare_job, variant):
    async with make_spare_job() as (job, witness):
        program = [str(_VARIANTS / variant)]
        killed = await _killed_with_all_replies_held(spare, job, witness, program)

        assert len(kills.lost(witness.log, killed)) == _REQUESTS
        assert len(witness.verdict().lost) == _REQUESTS
