"""Work that is given up: what it was told, what it leaves behind."""

import asyncio
import threading

import pytest

from daemon.loop.cancellable import in_thread, left_behind, unless


class Refused(Exception):
    pass


@pytest.fixture
def stop():
    return asyncio.Event()


async def test_work_that_is_done_first_is_returned(stop):
    assert await unless(stop, asyncio.sleep(0, "done")) == "done"


async def test_work_that_fails_first_is_raised(stop):
    async def fail():
        raise Refused

    with pytest.raises(Refused):
        await unless(stop, fail())


async def test_work_ends_at_the_stop_and_is_let_tidy_up(stop):
    tidied = []

    async def work():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            tidied.append(True)

    asyncio.get_running_loop().call_soon(stop.set)
    assert await unless(stop, work()) is None
    assert tidied


async def test_work_that_is_done_at_the_stop_all_the_same_is_not_lost(stop):
    async def work():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "done"  # as asyncio.wait_for does when its work is done at that moment

    asyncio.get_running_loop().call_soon(stop.set)
    assert await unless(stop, work()) == "done"


async def test_a_thread_returns_and_raises_and_leaves_nothing_behind():
    def fail():
        raise Refused

    assert await in_thread(lambda: 7) == 7
    with pytest.raises(Refused):
        await in_thread(fail)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(5)  # its last steps
    assert not left_behind()


def test_a_thread_that_hangs_is_left_behind_and_not_waited_for():
    let_go = threading.Event()
    try:
        with pytest.raises(TimeoutError), asyncio.Runner() as runner:
            runner.run(asyncio.wait_for(in_thread(let_go.wait), 0.1))
        assert left_behind()
    finally:
        let_go.set()
