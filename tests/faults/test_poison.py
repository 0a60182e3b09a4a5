"""Requests that kill or hang their worker: everybody else is answered, exactly they are blamed."""

import asyncio
import random
import signal
import struct
import time
from contextlib import ExitStack

import pytest

from daemon.isolation.suspect_range import most_deaths
from daemon.values.errors import Exit
from loadtest.wire import OK
from tests import models
from tests.acceptance.jobs import events, pair
from tests.acceptance.supervised import spawned, until_serving
from tests.checker import DEAD
from tests.fault_table import EXACTLY_ONCE
from tests.faults.memory_group import memory_group
from tests.faults.poisoned import (
    POISON,
    SETTINGS,
    all_answered,
    blamed_exactly,
    bodies,
    kept_running,
    kill_one,
    transform,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

_PARTITIONS = {"requests": 6}
_COUNT = 5_000
_KILLERS = {
    "abort": "os.abort()",
    "exit": "os._exit(3)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
}
_HOARDS = "hoard = [b'x' * (2**20 + number) for number in range(2**20)]"
"""Takes a terabyte, if it is let: what is written to is there."""
_ROOM_BYTES = 512 * 2**20
"""Three times what such a worker takes when it has nothing to do."""


@pytest.fixture
def poisoned(make_job, record_figure, fault_row):
    """poisoned(name, poison, ...): publish, let workers die, check who was blamed and what it cost."""

    async def run(
        name, poison, *, workers=1, programs=None, model=None, answer=None, sent=None, **settings
    ):
        programs = programs or [("-m", "daemon")] * workers
        given = {} if answer is None else {"answer": answer}
        async with make_job(
            model or models.identity(), partitions=_PARTITIONS, **given, **settings
        ) as (job, witness):
            lives = [
                job.worker(program=program, **{"kafka.instance_id": f"w{number}"})
                for number, program in enumerate(programs)
            ]
            async with kept_running(lives) as restarts:
                await witness.publish(sent or bodies(_COUNT, poison))
                await all_answered(witness)
                await blamed_exactly(witness, poison)
            offsets = max(len(each) for each in witness.answered_offsets().values())
            cost = restarts.cost(poison, offsets)
            record_figure(f"{name}, {workers} workers, {cost}")
            repeated = sum(witness.verdict().repeated.values())
            fault_row(repeated=max(0, repeated - poison), recovery_s=cost.seconds)
            return restarts.codes

    return run


@pytest.mark.fault_row(
    "requests kill their worker",
    "a transform aborts, exits, or kills: 1, 3, 10 of 5,000 in 6 partitions, 1 and 2 workers",
    promise=3,
)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("poison", [1, 3, 10])
@pytest.mark.parametrize("does", _KILLERS)
async def test_exactly_the_poison_is_blamed(tmp_path, poisoned, does, poison, workers):
    transform(tmp_path, _KILLERS[does])
    await poisoned(does, poison, workers=workers, **SETTINGS)


@pytest.mark.fault_row(
    "requests take all memory",
    "a transform takes memory until the kernel kills the worker, in a cgroup of 512 MiB:"
    " 1 and 3 of 5,000 in 6 partitions, 1 and 2 workers",
    promise=3,
)
@pytest.mark.parametrize(("poison", "workers"), [(1, 1), (3, 2)])
async def test_what_the_kernel_kills_a_worker_for_is_blamed(tmp_path, poisoned, poison, workers):
    transform(tmp_path, _HOARDS)
    with ExitStack() as stack:
        made = [stack.enter_context(memory_group(f"w{number}")) for number in range(workers)]
        groups = [group for group in made if group is not None]
        if len(groups) < workers:
            pytest.skip("this process may make no memory cgroups")
        for group in groups:
            group.limit(_ROOM_BYTES)
        programs = [group.program for group in groups]
        codes = await poisoned("out of memory", poison, programs=programs, **SETTINGS)

        assert set(codes) == {-signal.SIGKILL}
        assert sum(group.kills for group in groups) == len(codes)


@pytest.mark.fault_row(
    "requests kill their worker", "a transform aborts: 3 of 5,000 in 6 partitions", promise=3
)
@pytest.mark.parametrize("delivery", [EXACTLY_ONCE])
async def test_exactly_once_blames_the_same(tmp_path, poisoned, delivery):
    transform(tmp_path, "os.abort()")
    await poisoned("abort, exactly once", 3, **SETTINGS, **{"kafka.delivery": delivery})


@pytest.mark.fault_row(
    "requests kill their worker", "SIGFPE in a division of ONNX Runtime's", promise=3
)
@pytest.mark.parametrize("poison", [1, 3])
async def test_a_division_that_the_processor_refuses_is_blamed(poisoned, poison):
    chosen = random.Random(poison).sample(range(_COUNT), poison)
    sent = [POISON if n in chosen else struct.pack("<2q", 2 * n, 0) for n in range(_COUNT)]
    await poisoned("SIGFPE", poison, model=models.quotient(), answer=_half, sent=sent)


def _half(body):
    return struct.pack("<q", struct.unpack("<2q", body)[0] // 2)


@pytest.mark.fault_row("requests hang their worker", "a cheap transform sleeps", promise=3)
async def test_a_call_on_the_loop_that_never_returns_is_blamed(tmp_path, poisoned):
    transform(tmp_path, "time.sleep(600)", cheap=True)
    await poisoned("sleep", 1, **SETTINGS | {"models.m.transform_limit": "500ms"})


@pytest.mark.fault_row("requests hang their worker", "a transform sleeps in a thread", promise=3)
async def test_calls_in_threads_that_never_return_fail_by_themselves(
    make_job,
    tmp_path,
    record_figure,
    fault_row,
):
    """More than there are threads to lose: the worker begins anew, and nobody else is suspect."""
    transform(tmp_path, "time.sleep(600)")
    limit = {"models.m.transform_limit": "500ms"}
    async with make_job(models.identity(), partitions=_PARTITIONS, **SETTINGS | limit) as (
        job,
        witness,
    ):
        async with kept_running([job.worker(**{"kafka.instance_id": "w0"})]) as restarts:
            await witness.publish(bodies(_COUNT, 10))
            await all_answered(witness)
        failed = {e.request for e in witness.log if e.reply.code == "transform_failed"}
        asked = {e.request for e in witness.log if witness.body_of(e) == POISON}
        assert failed == asked
        assert len(asked) == 10
        assert all(e.reply.status == OK for e in witness.log if e.request not in asked)
        record_figure(f"10 sleep in threads: {len(restarts.codes)} ends, {set(restarts.codes)}")
        fault_row(repeated=sum(witness.verdict().repeated.values()))


@pytest.mark.fault_row(
    "a worker is killed again and again",
    "SIGKILL from outside at any moment, eight times",
    promise=3,
)
@pytest.mark.parametrize("workers", [1, 2])
async def test_kills_from_outside_blame_nobody(
    make_job,
    tmp_path,
    record_figure,
    fault_row,
    workers,
):
    transform(tmp_path, "pass")
    chance = random.Random(workers)
    async with make_job(models.identity(), partitions=_PARTITIONS, **SETTINGS) as (job, witness):
        lives = [job.worker(**{"kafka.instance_id": f"w{number}"}) for number in range(workers)]
        async with kept_running(lives) as restarts, witness.load(300, pair):
            for _ in range(8):
                await asyncio.sleep(chance.uniform(0.2, 4.0))
                kill_one(chance.choice(lives))
            await witness.until_answered(1_000)
        async with kept_running(lives):
            await all_answered(witness)
        assert {entry.reply.status for entry in witness.log} == {OK}
        assert not any(entry.reply.status == DEAD for entry in witness.log)
        record_figure(f"{len(restarts.codes)} kills from outside, {workers} workers: nobody blamed")
        fault_row(repeated=sum(witness.verdict().repeated.values()))


@pytest.mark.fault_row(
    "requests kill their worker",
    "a transform aborts, under supervise with two workers: 3 of 5,000 in 6 partitions",
    promise=3,
)
async def test_under_a_supervisor_the_poison_does_not_wander(
    make_job, tmp_path, record_figure, fault_row
):
    """A slot that looks for a killer is started at once, so its partitions stay with it."""
    transform(tmp_path, "os.abort()")
    two = {"scaling.min_workers": 2, "scaling.max_workers": 2}
    async with make_job(models.identity(), partitions=_PARTITIONS, **SETTINGS) as (job, witness):
        supervisor = await job.supervise(**two)
        await until_serving(supervisor, 2)
        began_s = time.monotonic()
        await witness.publish(bodies(_COUNT, 3))
        await all_answered(witness)
        await blamed_exactly(witness, 3)

        ends = events(supervisor, "worker.lost")
        isolated = [event for event in ends if event["cause"] == "isolated"]
        assert isolated
        assert {event["pause_s"] for event in isolated} == {0.0}
        took_s = time.monotonic() - began_s
        offsets = max(len(each) for each in witness.answered_offsets().values())
        assert len(ends) <= most_deaths(3, offsets)
        record_figure(f"abort under supervise, 3 poison: {len(ends)} crashes, {took_s:.1f} s")
        fault_row(repeated=sum(witness.verdict().repeated.values()) - 3, recovery_s=took_s)


_DIES_AT_IMPORT = "import os\nos.abort()\n"


async def test_what_kills_the_start_ends_with_65_after_three_tries(make_job, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "poisoned.py").write_text(_DIES_AT_IMPORT, encoding="utf-8")
    async with make_job(models.identity(), **SETTINGS) as (job, _):
        worker, codes = job.worker(), []
        for _ in range(4):
            await asyncio.to_thread(worker.start)
            codes.append(await asyncio.to_thread(worker.wait, 60))

        assert codes == [-signal.SIGABRT] * 3 + [Exit.MODEL_REFUSED]
        assert "died 3 times" in events(worker, "worker.failed")[0]["reason"]


async def test_what_kills_each_start_closes_its_slot(make_job, tmp_path):
    (tmp_path / "poisoned.py").write_text(_DIES_AT_IMPORT, encoding="utf-8")
    one = {"scaling.min_workers": 1, "scaling.max_workers": 1}
    async with make_job(models.identity(), **SETTINGS) as (job, _):
        supervisor = job.supervisor(**one)
        await asyncio.to_thread(supervisor.start)

        assert await asyncio.to_thread(supervisor.wait, 120) == Exit.MODEL_REFUSED
        assert len(spawned(supervisor)) == 3
