"""A broker that cannot be reached is not the worker's fault: it waits, says so, and goes on."""

import asyncio

import pytest

from tests.acceptance.jobs import READY_S, SESSION_S, Job, events, pair, same, terminate
from tests.acceptance.witness import Witness


@pytest.fixture
async def job(broker, private_topics, tmp_path):
    """A worker's job on a broker of its own, and its witness."""
    names = await private_topics(requests=4, replies=2, dead=1)
    job = Job(broker.bootstrap, private_topics, names, tmp_path)
    witness = Witness(broker.bootstrap, names.requests, [names.replies, names.dead], answer=same)
    async with job, witness:
        yield job, witness


async def becomes(worker, path, status):
    """Return when `path` answers with `status`."""
    async with asyncio.timeout(READY_S):
        seen, _ = await asyncio.to_thread(worker.get, path)
        while seen != status:
            await asyncio.sleep(0.1)
            seen, _ = await asyncio.to_thread(worker.get, path)


async def test_a_worker_outlives_a_broker_that_is_silent_past_the_session(broker, job):
    job, witness = job
    worker = await job.start()
    await witness.publish(pair(number) for number in range(100))
    await witness.until_all_answered()

    broker.pause()
    try:
        await becomes(worker, "/readyz", 503)
        await asyncio.sleep(2 * SESSION_S)

        assert (await asyncio.to_thread(worker.get, "/livez"))[0] == 200
        assert (await asyncio.to_thread(worker.get, "/readyz"))[0] == 503
    finally:
        broker.resume()
    await becomes(worker, "/readyz", 200)
    await witness.publish(pair(number) for number in range(100, 200))
    await witness.until_all_answered()

    assert witness.verdict().at_least_once, witness.verdict()
    assert events(worker, "broker.lost")
    assert events(worker, "broker.recovered")
    assert await terminate(worker) == 0
