"""Requests that kill their worker: everybody else is answered, exactly they are blamed."""

import pytest

from tests import models
from tests.faults.poisoned import (
    SETTINGS,
    all_answered,
    blamed_exactly,
    bodies,
    kept_running,
    transform,
)

pytestmark = pytest.mark.faults

_PARTITIONS = 6
_COUNT = 5_000


@pytest.mark.fault_row("requests kill their worker", "a transform aborts or exits", promise=3)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("poison", [1, 3, 10])
@pytest.mark.parametrize("does", ["os.abort()", "os._exit(3)"], ids=["abort", "exit"])
async def test_exactly_the_poison_is_blamed(
    make_job, tmp_path, record_figure, fault_row, does, poison, workers
):
    transform(tmp_path, does)
    async with make_job(models.identity(), partitions={"requests": _PARTITIONS}, **SETTINGS) as (
        job,
        witness,
    ):
        lives = [job.worker(**{"kafka.instance_id": f"w{number}"}) for number in range(workers)]
        async with kept_running(lives) as restarts:
            await witness.publish(bodies(_COUNT, poison))
            await all_answered(witness)
            await blamed_exactly(witness, poison)
        offsets = max(len(each) for each in witness.answered_offsets().values())
        cost = restarts.cost(poison, offsets)
        record_figure(f"{does}, {workers} workers, {cost}")
        fault_row(repeated=sum(witness.verdict().repeated.values()), recovery_s=cost.seconds)
