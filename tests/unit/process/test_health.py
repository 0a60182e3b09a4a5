import asyncio
from math import inf

import pytest

from daemon.process.health import HealthCheck
from daemon.values.errors import Exit, Fatal


class Worker:
    """What the vitals look at."""

    def __init__(self):
        self.held = 1
        self.due_s = 0.0
        self.outage = ""
        self.trouble = ""
        self.beats = 0
        self.vitals = HealthCheck(
            60.0,
            held=lambda: self.held,
            due_s=lambda _: self.due_s,
            outage=lambda: self.outage,
            trouble=lambda: self.trouble,
            beat=self.beat,
            clock=asyncio.get_running_loop().time,
        )

    def beat(self):
        self.beats += 1


@pytest.fixture
async def worker():
    return Worker()


async def run(worker, seconds):
    """Let the vitals look for so long; return when they raised, None if they did not."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        async with asyncio.timeout(seconds):
            await worker.vitals.run()
    except TimeoutError:
        return None
    except Fatal:
        return loop.time() - began_s


async def test_a_stalled_worker_ends_itself(worker):
    assert await run(worker, 100.0) == 60.0


async def test_the_end_of_a_stalled_worker_is_an_internal_error(worker):
    with pytest.raises(Fatal, match="1 requests are held") as raised:
        await worker.vitals.run()

    assert raised.value.exit_code is Exit.INTERNAL


async def test_a_stalled_worker_is_not_live(worker):
    await run(worker, 100.0)

    assert worker.vitals.live()[0] is False


async def test_a_worker_that_answers_goes_on(worker):
    loop = asyncio.get_running_loop()
    for second in range(0, 600, 30):
        loop.call_later(second, worker.vitals.moved)

    assert await run(worker, 600.0) is None


async def test_an_outage_of_the_broker_ends_nothing(worker):
    worker.outage = "no broker answers"

    assert await run(worker, 600.0) is None
    assert worker.vitals.live()[0] is True


async def test_what_is_missing_outside_is_no_stall_and_is_said_once(worker):
    worker.outage = worker.trouble = "not allowed to write to replies"

    assert await run(worker, 600.0) is None
    assert worker.vitals.live() == (True, "not allowed to write to replies; nothing can move")


async def test_an_idle_worker_goes_on(worker):
    worker.held, worker.due_s = 0, inf

    assert await run(worker, 600.0) is None


async def test_the_watchdog_is_fed_at_each_look(worker):
    await run(worker, 9.5)

    assert worker.beats == 10


async def test_a_stall_says_why_no_answer_could_leave(worker):
    worker.trouble = "this host's clock is wrong"

    with pytest.raises(Fatal, match="this host's clock is wrong"):
        await worker.vitals.run()
