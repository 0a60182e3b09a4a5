"""Side tasks: none dies unseen, none outlives its owner."""

import asyncio

import pytest

from daemon.loop.tasks import Tasks


class Broken(Exception):
    pass


async def fails():
    raise Broken


async def succeeds():
    return "done"


async def lasts():
    await asyncio.Event().wait()


async def test_a_task_that_fails_is_raised_to_who_waits_for_another():
    tasks = Tasks()
    work = tasks.start(lasts(), name="work")
    tasks.start(fails(), name="side")

    with pytest.raises(Broken):
        await tasks.until(work)
    await tasks.close()


async def test_finishing_lets_end_what_ends_and_ends_the_rest():
    tasks = Tasks()
    ends = tasks.start(asyncio.sleep(1, "done"), name="ends")
    stays = tasks.start(lasts(), name="stays")

    await tasks.finish(2.0)

    assert ends.result() == "done"
    assert stays.cancelled()


async def test_a_task_of_a_part_fails_the_whole():
    whole = Tasks()
    work = whole.start(lasts(), name="work")
    Tasks(whole).start(fails(), name="side")

    with pytest.raises(Broken):
        await whole.until(work)
    await whole.close()


async def test_a_failure_is_kept_for_who_waits_later():
    tasks = Tasks()
    tasks.start(fails(), name="side")
    await asyncio.sleep(1)

    with pytest.raises(Broken):
        await tasks.until(tasks.start(lasts(), name="work"))
    await tasks.close()


async def test_the_first_failure_counts():
    tasks = Tasks()
    tasks.fail(Broken("first"))
    tasks.fail(Broken("second"))

    with pytest.raises(Broken, match="first"):
        await tasks.until(tasks.start(lasts(), name="work"))
    await tasks.close()


async def test_what_ends_as_it_should_is_no_failure():
    tasks = Tasks()
    side = tasks.start(succeeds(), name="side")
    cancelled = tasks.start(lasts(), name="cancelled")
    cancelled.cancel()

    await tasks.until(side)

    assert side.result() == "done"
    await asyncio.sleep(0)
    assert tasks.running == 0


async def test_closing_ends_this_part_and_no_other():
    whole = Tasks()
    part = Tasks(whole)
    mine, others = part.start(lasts(), name="mine"), whole.start(lasts(), name="other")

    await part.close()

    assert mine.cancelled()
    assert not others.done()
    assert part.running == 0
    await whole.close()


async def test_closing_waits_for_what_tasks_do_last():
    ended = []

    async def tidies():
        try:
            await lasts()
        finally:
            await asyncio.sleep(3)
            ended.append(True)

    tasks = Tasks()
    tasks.start(tidies(), name="side")
    await asyncio.sleep(0)

    await tasks.close()

    assert ended == [True]
