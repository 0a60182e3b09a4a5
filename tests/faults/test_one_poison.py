"""One request that kills its worker: what test_poison.py does by the thousand, short enough for every run."""

import time

import pytest

from tests import models
from tests.acceptance.jobs import pair
from tests.faults.poisoned import (
    POISON,
    SETTINGS,
    all_answered,
    blamed_exactly,
    kept_running,
    transform,
)

pytestmark = pytest.mark.timeout(300)


@pytest.mark.fault_row("requests kill their worker", "a transform aborts: 1 of 4", promise=3)
async def test_one_request_that_kills_its_worker_alone_is_refused(make_job, tmp_path, fault_row):
    transform(tmp_path, "os.abort()")
    settings = SETTINGS | {"kafka.instance_id": "w0"}
    async with make_job(models.identity(), partitions={"requests": 1}, **settings) as (
        job,
        witness,
    ):
        await witness.publish([pair(0), POISON, pair(2), pair(3)])
        began_s = time.monotonic()
        async with kept_running([job.worker()]) as restarts:
            await all_answered(witness)
            await blamed_exactly(witness, 1)
        restarts.cost(1, 4)
        fault_row(
            repeated=sum(witness.verdict().repeated.values()) - 1,  # a reply, and a dead letter
            recovery_s=time.monotonic() - began_s,
        )
