"""Jobs whose process or workers are killed: each item has its one end all the same."""

import asyncio
import random
import signal
import time

import pytest

from tests.acceptance.jobs import until
from tests.acceptance.submitted import ended, ends, folder_of, lines, replies_of, sent
from tests.faults.poisoned import CODE, POISON, SETTINGS, kept_running, transform

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.mark.fault_row(
    "who submits a job is killed",
    "kill -9 ten times, and of the worker ten times: 10,000 items",
    promise=5,
)
async def test_kills_of_both_sides_leave_each_item_its_first_reply(
    make_job, submit, tmp_path, fault_row
):
    moments = random.Random(16)
    documents = folder_of(tmp_path / "documents", 10_000, bad={*range(0, 10_000, 50)})
    out = tmp_path / "results"
    async with make_job(**{"lanes.l.linger": "100ms", "kafka.instance_id": "slot-0"}) as (job, _):
        worker = job.worker()
        submitting = await submit(job, documents, "--out", out, "--ahead", 50)
        await until(lambda: sent(out / "job.sqlite") > 0)
        for _ in range(10):
            worker.start()
            await asyncio.sleep(moments.uniform(0.5, 3))
            submitting.process.kill()
            code, _, said = await submitting.end()
            assert code == -signal.SIGKILL, f"it was over before it was killed: {said}"
            submitting = await submit(job, "--resume", out, "--ahead", 50)
            await asyncio.sleep(moments.uniform(0, 2))
            worker.kill()
        killed_s = time.monotonic()
        await job.start()

        code, _, said = await submitting.end()

        assert code == 1, said
        recovery_s = time.monotonic() - killed_s
        replies = await replies_of(job)
    assert ends(out) == sorted(f"{number}.bin" for number in range(10_000))
    told = {each["custom_id"]: each["request_id"] for each in lines(out / "results.jsonl")}
    assert (
        told.keys() | {each["custom_id"] for each in lines(out / "failed.jsonl")} == replies.keys()
    )
    assert [name for name, request_id in told.items() if replies[name][0] != request_id] == []
    assert len(told) == 9_800
    repeated = sum(map(len, replies.values())) - len(replies)
    fault_row(repeated=repeated, recovery_s=recovery_s)


@pytest.mark.fault_row(
    "a broker dies under a job", "kill -9 three times, 1 to 12 s away: 3,000 items", promise=2
)
async def test_a_broker_that_dies_and_comes_back_costs_no_item_its_end(
    make_spare_job, submit, spare, tmp_path, fault_row
):
    documents, out = folder_of(tmp_path / "documents", 3_000, bad={7}), tmp_path / "results"
    async with make_spare_job(**{"lanes.l.linger": "100ms"}) as (job, _):
        await job.start()
        submitting = await submit(job, documents, "--out", out, "--ahead", 20)
        await until(lambda: sent(out / "job.sqlite") > 0)
        for away_s in (1, 6, 12):
            least = ended(out / "job.sqlite") + 100
            await until(lambda least=least: ended(out / "job.sqlite") >= least, 60)
            spare.kill()
            await asyncio.sleep(away_s)
            await asyncio.to_thread(spare.start)
        back_s = time.monotonic()

        code, _, said = await submitting.end()

        assert code == 1, said
        recovery_s = time.monotonic() - back_s
        replies = await replies_of(job)
    assert ends(out) == sorted(f"{number}.bin" for number in range(3_000))
    assert [each["code"] for each in lines(out / "failed.jsonl")] == ["invalid_shape"]
    repeated = sum(map(len, replies.values())) - len(replies)
    fault_row(repeated=repeated, recovery_s=recovery_s)


@pytest.mark.fault_row(
    "requests kill their worker", "a transform aborts: 1 of 40 items of a job", promise=3
)
async def test_an_item_that_kills_its_worker_is_the_only_one_to_fail(
    make_job, submit, tmp_path, fault_row
):
    transform(tmp_path, "os.abort()")
    documents, out = folder_of(tmp_path / "documents", 40), tmp_path / "results"
    (documents / "7.bin").write_bytes(POISON)
    async with make_job(partitions={"requests": 1}, **SETTINGS) as (job, _):
        began_s = time.monotonic()
        async with kept_running([job.worker(**{"kafka.instance_id": "w0"})]) as restarts:
            code, _, said = await (await submit(job, documents, "--out", out)).end()
        recovery_s = time.monotonic() - began_s
        replies = await replies_of(job)

    assert code == 1, said
    assert [
        (each["custom_id"], each["end"], each["code"]) for each in lines(out / "failed.jsonl")
    ] == [("7.bin", "error", CODE)]
    assert ends(out) == sorted(f"{number}.bin" for number in range(40))
    restarts.cost(1, 40)
    repeated = sum(map(len, replies.values())) - len(replies)
    fault_row(repeated=repeated, recovery_s=recovery_s)
