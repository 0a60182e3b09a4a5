"""What threads for transforms promise, be they real, real with processes that do the work, or the fakes
of virtual time.

Work takes as long as its value says: a number of seconds, infinity for a call that never returns.
"""

import asyncio
import itertools
import threading
import time
from contextlib import closing
from functools import partial
from math import inf

import pytest

from daemon.preparing.time_slices import GROUP_BYTES, Late
from daemon.preparing.transform_threads import MOST_LOST, THREADS, TransformThreads
from daemon.values.errors import Exit
from runtime import ModelFacts, TransformLate
from runtime.processes import Load
from runtime.processes.frames import Preprocess
from runtime.processes.pool import TransformPool
from runtime.processes.process import TransformProcess
from tests.fake_threads import FakeTransformThreads
from tests.signatures import one_to_one

WEIGHTS = {"standard": 1, "urgent": 8}
LIMIT_S = 0.1
LONG_S = 60.0


_SLEEPER = """
import time
from runtime import Done

class Sleeper:
    def preprocess(self, body, headers):
        time.sleep(min(float(body), 3600))
        return Done("text/plain", b"")

    def postprocess(self, outputs):
        return "text/plain", b""
"""


class Bench:
    """Some threads, and the order in which values were worked on; in `pool`, if there is one."""

    def __init__(self, kind, pool=None):
        self.real = kind is TransformThreads
        self.pool = pool
        self.may_return = threading.Event()
        self.worked, self.back = [], []
        self.failures = []
        seconds = {} if self.real else {"seconds": lambda value: value}
        self.threads = kind(WEIGHTS, failed=self.failures.append, **seconds)

    def work(self, value):
        if value == inf:
            self.may_return.wait(20)
        elif self.real:
            time.sleep(value)
        self.worked.append(value)
        return -value

    def work_in_process(self, value, limit_s):
        try:
            self.pool.call(Preprocess(str(value).encode(), {}), limit_s=limit_s)
        except TransformLate as late:
            return Late(late.limit_s)
        self.worked.append(value)
        return -value

    async def run_once(self, values, *, lane="standard", limit_s=LONG_S, work=None, size=None):
        if work is None and self.pool is not None:
            work, limit_s = partial(self.work_in_process, limit_s=limit_s), inf
        size = size or (lambda _: 0)
        return await self.threads.run(lane, work or self.work, values, limit_s=limit_s, size=size)

    async def run(self, values, *, lane="standard", limit_s=LONG_S, work=None):
        """Hand over anew what is behind a late value, as steps do."""
        results = []
        while len(results) < len(values):
            rest = values[len(results) :]
            results += await self.run_once(rest, lane=lane, limit_s=limit_s, work=work)
        self.back.append(lane)
        return results

    def close(self):
        self.may_return.set()
        self.threads.close()


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sleeper")
    (folder / "sleeper.py").write_text(_SLEEPER, encoding="utf-8")
    load = Load(
        "sleeper.py:Sleeper", folder, ModelFacts(folder / "m.onnx", one_to_one("FP32", (1,)), {})
    )
    made = TransformPool(partial(TransformProcess, load), THREADS, ended=print)
    yield made
    made.close()


def made(request):
    if request.param == "fake":
        return Bench(FakeTransformThreads)
    in_processes = request.param == "processes"
    return Bench(TransformThreads, request.getfixturevalue("pool") if in_processes else None)


@pytest.fixture(params=["threads", "processes", "fake"])
async def bench(request):
    with closing(made(request)) as bench:
        yield bench


@pytest.fixture(params=["threads", "fake"])
async def losing(request):
    """A bench whose late calls cost threads: a process that is late is killed instead."""
    with closing(made(request)) as bench:
        yield bench


def values(count, seconds=0.0):
    """So many values that take so long, no two alike."""
    return [seconds + place * 1e-9 for place in range(count)]


async def test_results_come_back_together_in_the_order_of_their_values(bench):
    given = values(40, 0.001)

    assert await bench.run(given) == [-value for value in given]


async def test_groups_are_worked_on_side_by_side(bench):
    long = asyncio.ensure_future(bench.run([inf] if bench.pool is None else [2.0]))

    assert await bench.run([0.001]) == [-0.001]
    assert not long.done()
    if bench.pool is not None:  # others are to use it
        await long


async def test_too_many_lost_threads_are_a_failure_also_where_a_group_is_not_over(losing):
    """They may all be lost at the same moment, and then no group comes back any more."""
    others = [asyncio.ensure_future(losing.run([inf], limit_s=LIMIT_S)) for _ in range(MOST_LOST)]
    await asyncio.gather(*others)
    assert losing.failures == []

    stuck = asyncio.ensure_future(losing.run([inf, 0.001], limit_s=LIMIT_S))
    stuck_too = asyncio.ensure_future(losing.run([inf, 0.002], limit_s=LIMIT_S))
    while not losing.failures:  # noqa: ASYNC110 - a watch tells
        await asyncio.sleep(0.01)

    assert losing.failures[0].exit_code is Exit.WORK_LEFT
    stuck.cancel()
    stuck_too.cancel()


async def test_what_work_raises_is_raised_to_who_waits(bench):
    def fails(value):
        raise ZeroDivisionError(value)

    with pytest.raises(ZeroDivisionError):
        await bench.run([0.001, 0.002], work=fails)

    assert await bench.run([0.003]) == [-0.003]


async def test_a_lane_that_comes_new_does_not_wait_for_all_that_others_have(bench):
    many = [asyncio.ensure_future(bench.run(values(16, 0.004))) for _ in range(20)]
    await asyncio.sleep(0.002)
    before = len(bench.worked)

    await bench.run([0.001], lane="urgent")

    assert bench.worked.index(0.001) - before <= (20 * 16 - before) / 2
    await asyncio.gather(*many)


async def test_a_group_that_gives_its_thread_away_loses_nothing(bench):
    given = values(16, 0.005)

    results = await asyncio.gather(*[bench.run(given, lane=lane) for lane in WEIGHTS])

    assert results == [[-value for value in given]] * 2


async def test_a_group_comes_back_with_the_result_by_which_its_results_are_large(bench):
    given = values(40, 0.0001)

    results = await bench.run_once(given, size=lambda _: GROUP_BYTES // 2)

    assert results == [-value for value in given[:2]]


async def test_a_call_past_its_limit_is_late_and_what_is_behind_it_is_not(bench):
    results = await bench.run([0.001, inf, 0.002], limit_s=LIMIT_S)

    assert results == [-0.001, Late(LIMIT_S), -0.002]
    assert bench.threads.lost == (bench.pool is None)


async def test_what_is_known_of_a_group_comes_back_with_its_first_late_call(bench):
    """Else one with more such calls than there are threads would take them all, and have no answer."""
    given = [0.001, *[inf] * (THREADS + MOST_LOST)]

    results = await bench.run_once(given, limit_s=LIMIT_S)

    assert results == [-0.001, Late(LIMIT_S)]
    assert bench.threads.lost == (bench.pool is None)


async def test_a_group_s_last_call_may_be_the_late_one(bench):
    assert await bench.run([0.001, inf], limit_s=LIMIT_S) == [-0.001, Late(LIMIT_S)]


async def test_lost_threads_are_replaced(losing):
    calls = [losing.run([inf], limit_s=LIMIT_S) for _ in range(MOST_LOST)]

    assert await asyncio.gather(*calls) == [[Late(LIMIT_S)]] * MOST_LOST
    assert losing.threads.lost == MOST_LOST
    assert await losing.run([0.001], limit_s=LIMIT_S) == [-0.001]


async def test_where_processes_are_killed_any_number_may_be_late(pool):
    bench = Bench(TransformThreads, pool)
    calls = [bench.run([inf, 0.001], limit_s=LIMIT_S) for _ in range(THREADS + 1)]

    assert await asyncio.gather(*calls) == [[Late(LIMIT_S), -0.001]] * (THREADS + 1)
    assert (bench.threads.lost, bench.failures) == (0, [])
    bench.close()


async def test_a_lost_thread_whose_call_returns_is_back_and_its_result_is_nobody_s(losing):
    late = inf if losing.real else 2 * LIMIT_S
    results = await losing.run([late, 0.001], limit_s=LIMIT_S)
    losing.may_return.set()
    async with asyncio.timeout(10):
        while losing.threads.lost:  # noqa: ASYNC110 - a thread comes back
            await asyncio.sleep(0.01)

    assert results == [Late(LIMIT_S), -0.001]
    again = [losing.run([0.001]) for _ in range(2 * THREADS)]
    assert await asyncio.gather(*again) == [[-0.001]] * len(again)


async def test_when_too_many_threads_are_lost_what_waits_goes_on_once_one_returns():
    bench = Bench(TransformThreads)  # in virtual time such a call never returns
    lost = THREADS + MOST_LOST
    await asyncio.gather(*[bench.run([inf], limit_s=LIMIT_S) for _ in range(lost)])
    waiting = asyncio.ensure_future(bench.run([0.001]))
    await asyncio.sleep(2 * LIMIT_S)
    before = (bench.threads.lost, waiting.done())

    bench.may_return.set()

    assert before == (lost, False)
    assert await waiting == [-0.001]
    bench.close()


async def test_nobody_works_for_who_has_gone_away(bench):
    busy = [asyncio.ensure_future(bench.run(values(4, 0.03))) for _ in range(THREADS)]
    gone = asyncio.ensure_future(bench.run([0.5], lane="standard"))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.gather(*busy)

    assert await bench.run([0.001]) == [-0.001]
    assert 0.5 not in bench.worked


async def test_nothing_begins_after_the_end(bench):
    for place in range(8):
        asyncio.ensure_future(bench.run([0.02 + place]))  # noqa: RUF006 - cancelled with the loop
    await asyncio.sleep(0.01)

    bench.close()
    await asyncio.sleep(0.1)

    assert len(bench.worked) <= THREADS


async def test_a_thread_that_is_back_is_one_of_so_many():
    bench = Bench(TransformThreads)
    await asyncio.gather(*[bench.run([inf], limit_s=LIMIT_S) for _ in range(MOST_LOST)])
    bench.may_return.set()
    while bench.threads.lost:  # noqa: ASYNC110 - threads come back
        await asyncio.sleep(0.01)
    at_once, most = set(), []

    def counts(value):
        at_once.add(value)
        most.append(len(at_once))
        time.sleep(0.02)
        at_once.discard(value)

    await asyncio.gather(*[bench.run([place], work=counts) for place in range(4 * MOST_LOST)])
    bench.close()

    assert max(most) <= THREADS


async def test_threads_are_made_when_they_are_needed():
    before = set(threading.enumerate())
    threads = TransformThreads(WEIGHTS, failed=print)
    without = set(threading.enumerate()) - before
    await threads.run("standard", abs, [1], limit_s=LONG_S, size=lambda _: 0)
    made = {each for each in set(threading.enumerate()) - before if each.name == "transform"}
    threads.close()
    for each in made:
        await asyncio.to_thread(each.join, 10)

    assert not without
    assert len(made) == THREADS
    assert not any(each.is_alive() for each in made)


@pytest.mark.parametrize("long", [1, 3])
async def test_a_call_that_begins_after_a_look_is_late_in_its_own_time(long):
    """The watch knows the limit of the group, not when each of its calls begins."""
    made = Bench(TransformThreads)
    before = [LIMIT_S * 0.7] * long
    results = await made.run([*before, inf, 0.001], limit_s=LIMIT_S)
    made.close()

    assert results == [*itertools.repeat(-before[0], long), Late(LIMIT_S), -0.001]
