"""kill -9 at any instruction loses nothing, and repeats no more than the promise allows."""

import asyncio
import random

import pytest

from tests.acceptance import kills
from tests.acceptance.jobs import pair, start

_MAX_UNCOMMITTED = 2_000


_SETTINGS = {
    "kafka.max_uncommitted": _MAX_UNCOMMITTED,
    # Long against the commits, so that each kill meets fetched requests without an answer.
    "lanes.l.linger": "200ms",
    "lanes.l.max_rows": 500,
    "kafka.commit_interval": "50ms",
}


async def _killed_again_and_again(job, witness, workers, *, times, seed):
    """Load, and kills at random moments of a worker's life, each followed by a restart."""
    moments = random.Random(seed)
    for other in workers[1:]:
        await start(other)
    made = []
    async with witness.load(800, pair):
        worker = workers[0]
        for _ in range(times):
            if moments.random() < 0.8:
                await start(worker)
            else:
                worker.start()
            await asyncio.sleep(moments.uniform(0, 0.5))
            worker = moments.choice(workers) if len(workers) > 1 else worker
            made.append(await kills.kill(job, witness, worker))
        await start(worker)
    await witness.until_all_answered()
    return made


def _judge(witness, made):
    verdict = witness.verdict()
    assert verdict.at_least_once, verdict
    assert [kills.lost(witness.log, moment) for moment in made] == [set()] * len(made)
    assert kills.unexplained(witness.log, made) == set()
    assert max(kills.span(witness.log, moment) for moment in made) <= _MAX_UNCOMMITTED


async def _one_worker_killed(make_job, *, times, seed):
    async with make_job(**_SETTINGS) as (job, witness):
        worker = job.worker(**{"kafka.instance_id": "slot-0"})
        _judge(
            witness, await _killed_again_and_again(job, witness, [worker], times=times, seed=seed)
        )


async def test_kills_under_load_lose_nothing_and_repeat_only_what_was_uncommitted(make_job):
    await _one_worker_killed(make_job, times=4, seed=1)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_ten_kills_under_load_lose_nothing_and_repeat_only_what_was_uncommitted(make_job):
    await _one_worker_killed(make_job, times=10, seed=1)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 6))
async def test_forty_kills_of_two_workers_lose_nothing_and_repeat_only_what_was_uncommitted(
    make_job, seed
):
    async with make_job(**_SETTINGS) as (job, witness):
        workers = [job.worker(**{"kafka.instance_id": f"slot-{slot}"}) for slot in range(2)]
        _judge(witness, await _killed_again_and_again(job, witness, workers, times=40, seed=seed))


async def test_what_a_kill_repeats_is_bounded_although_one_request_waits_long(make_job):
    bound = 500
    settings = {
        "kafka.max_uncommitted": bound,
        "kafka.instance_id": "slot-0",
        "lanes.l.linger": "60s",
        "models.slow.path": "model.onnx",
        "lanes.l.models": ["m", "slow"],
    }
    async with make_job(**settings) as (job, witness):
        # It waits for company that never comes, and holds back the commit of all behind it.
        await witness.publish([pair(0)], partition=0, headers=[("model", b"slow")])
        await witness.publish((pair(number) for number in range(1, 4_001)), partition=0)
        worker = await job.start()
        await witness.until_answered(bound // 2)
        kill = await kills.kill(job, witness, worker)

        await start(job.worker(**{"lanes.l.linger": "20ms"}))
        await witness.until_all_answered()
        assert witness.verdict().at_least_once, witness.verdict()
        assert 0 < kills.span(witness.log, kill) <= bound
