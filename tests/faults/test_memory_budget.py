"""A worker stays within the memory it has announced, whatever its requests unpack to."""

import asyncio
import struct
import time
from contextlib import asynccontextmanager

import pytest

from loadtest.kafka.proxy import PRODUCE, Proxy
from loadtest.wire import CORRELATION_ID
from tests import models, raw_batches
from tests.acceptance.jobs import Job, events, same, terminate, until
from tests.acceptance.witness import Witness
from tests.faults.memory_group import memory_group, most_resident_bytes

pytestmark = [pytest.mark.faults, pytest.mark.timeout(540)]

_PARTITIONS = 24
_BATCHES = {"zstd": (4, 50), "gzip": (1, 50), "lz4": (1, 50), "snappy": (1, 16)}
"""By codec: batches of each partition and requests of each batch. Snappy packs to a twentieth, and
topics take 1 MiB."""
_COLUMNS = 250_000
_BODY = bytes(4 * _COLUMNS)
"""1 MB that packs to 40 bytes: a batch of fifty of them is 2.2 KB of zstd."""
_MEAN = bytes(4)
_WIDENING = """
import numpy as np

class Widening:
    def preprocess(self, body, headers):
        return {{"x": np.repeat(np.frombuffer(body, "<f4"), {columns}).reshape(1, -1)}}

    def postprocess(self, outputs):
        return "application/octet-stream", outputs["y"].tobytes()
"""
"""Makes a large row of 4 bytes; the mean of four million integers below 4 is exact."""
_GREEDY = """
import numpy as np

class Greedy:
    def preprocess(self, body, headers):
        taken = []
        while body == b"all!" and len(taken) < 250:
            taken.append(np.ones(1_000_000))
        return {"x": np.frombuffer(body, "<f4").reshape(1, -1)}

    def postprocess(self, outputs):
        return "application/octet-stream", outputs["y"].tobytes()
"""
"""Takes 2 GB for one body, all there is in the group."""
_GIVING = f"""
from runtime import Done

class Giving:
    def preprocess(self, body, headers):
        return Done("application/octet-stream", body * {_COLUMNS})

    def postprocess(self, outputs):
        raise AssertionError("the model has run")
"""
"""Answers with 1 MB of 4 bytes."""
_MIB = 2**20


def _mean(_body):
    return _MEAN


def _transform(name):
    return {
        "models.m.transform": name,
        "lanes.l.content_type": "application/json",  # the default: a transform takes every body
    }


@pytest.fixture
def job_in_a_group(spare, spare_topics, tmp_path):
    @asynccontextmanager
    async def make(model, answer, **settings):
        names = await spare_topics(requests=_PARTITIONS, replies=2, dead=1)
        job = Job(spare.bootstrap, spare_topics, names, tmp_path, model, **settings)
        witness = Witness(
            spare.bootstrap, names.requests, [names.replies, names.dead], answer=answer
        )
        with memory_group() as group:
            async with job, witness:
                yield job, witness, group

    return make


async def _publish(job, witness, codec, batches, requests):
    """Write `batches` batches that are small in the log to each partition."""
    for number in range(batches * _PARTITIONS):
        names = [witness.expect(_BODY) for _ in range(requests)]
        raw = raw_batches.batch(
            *[_BODY] * requests,
            headers=[[(CORRELATION_ID, name)] for name in names],
            codec=codec,
            timestamp_ms=int(time.time() * 1000),
        )
        await raw_batches.publish(job.bootstrap, job.names.requests, number % _PARTITIONS, raw)


async def _start(job, group, **settings):
    """Start a worker that may become as large as it announces, and no larger."""
    worker = job.worker(program=("-m", "daemon") if group is None else group.program, **settings)
    worker.start()
    await asyncio.to_thread(worker.wait_until_ready, 60)
    await until(lambda: events(worker, "memory.budgeted"))
    (budget,) = events(worker, "memory.budgeted")
    if group is not None:
        group.limit(budget["total_bytes"])
    return worker, budget["total_bytes"]


@pytest.mark.fault_row(
    "decompression bombs", "zstd, gzip, lz4, snappy, in as much memory as announced", promise=1
)
@pytest.mark.parametrize("codec", ["zstd", "gzip", "lz4", "snappy"])
async def test_requests_that_unpack_ten_thousandfold_stay_within_the_budget(
    job_in_a_group, fault_row, codec
):
    model = models.mean(_COLUMNS)
    async with job_in_a_group(model, _mean) as (job, witness, group):
        await _publish(job, witness, codec, *_BATCHES[codec])
        worker, budget_bytes = await _start(job, group)
        began_s = time.monotonic()
        await witness.until_all_answered()
        took_s = time.monotonic() - began_s
        resident_bytes = most_resident_bytes(worker.pid)
        print(  # noqa: T201 - shown by pytest -rP
            f"{codec}: {resident_bytes // _MIB} MiB of {budget_bytes // _MIB},"
            f" {len(witness.answered)} answers in {took_s:.0f} s",
        )
        verdict = witness.verdict()
        fault_row(lost=len(verdict.lost), repeated=verdict.repeated.total())
        assert verdict.exactly_once, verdict
        assert resident_bytes < budget_bytes
        assert not events(worker, "partitions.lost") + events(worker, "lease.expired")
        assert await terminate(worker) == 0


@pytest.mark.fault_row(
    "a transform makes much of little",
    "1 MB of 4 bytes, in as much memory as announced",
    promise=1,
)
@pytest.mark.parametrize(
    ("axis", "columns", "count", "workers"),
    [
        (_COLUMNS, _COLUMNS, 2_400, "threads"),
        ("length", 16 * _COLUMNS, 200, "threads"),
        ("length", 16 * _COLUMNS, 200, "process:2"),
    ],
    ids=["known", "free", "processes"],
)
async def test_what_transforms_make_stays_within_the_budget(
    job_in_a_group, fault_row, tmp_path, axis, columns, count, workers
):
    (tmp_path / "widening.py").write_text(_WIDENING.format(columns=columns), encoding="utf-8")
    widening = _transform("widening.py:Widening") | {"models.m.transform_workers": workers}
    async with job_in_a_group(models.mean(axis), same, **widening) as (job, witness, group):
        await witness.publish([struct.pack("<f", number % 4) for number in range(count)])
        worker, budget_bytes = await _start(job, group)
        assert budget_bytes < 1_200 * _MIB, "less than what lies in the topic would take"
        await witness.until_all_answered()
        resident_bytes = most_resident_bytes(worker.pid)
        print(  # noqa: T201 - shown by pytest -rP
            f"transforms, {columns} columns, {axis}: {resident_bytes // _MIB} MiB of {budget_bytes // _MIB}"
        )
        verdict = witness.verdict()
        fault_row(lost=len(verdict.lost), repeated=verdict.repeated.total())
        assert verdict.exactly_once, verdict
        assert resident_bytes < budget_bytes
        assert await terminate(worker) == 0


@pytest.mark.fault_row(
    "a transform takes all memory", "in a process of its own, in as much as announced", promise=3
)
async def test_a_transform_that_takes_all_memory_in_a_process_fails_its_own_request(
    job_in_a_group, fault_row, tmp_path
):
    (tmp_path / "greedy.py").write_text(_GREEDY, encoding="utf-8")
    greedy = _transform("greedy.py:Greedy") | {"models.m.transform_workers": "process:2"}
    async with job_in_a_group(models.mean(1), same, **greedy) as (job, witness, group):
        if group is None:
            pytest.skip("the kernel ends nobody here: no cgroup may be made")
        bodies = [struct.pack("<f", number) for number in range(200)]
        worker, _ = await _start(job, group)
        await witness.publish([*bodies[:100], b"all!", b"all!", *bodies[100:]])
        await witness.until_all_answered()
        verdict = witness.verdict()
        fault_row(lost=len(verdict.lost), repeated=verdict.repeated.total())
        assert verdict.codes == {"transform_failed": 2}
        assert not verdict.lost
        assert not verdict.repeated
        assert group.kills == 2
        assert {event["reason"] for event in events(worker, "transform.process_ended")} == {
            "signal SIGKILL"
        }
        assert await terminate(worker) == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
async def test_replies_as_large_as_their_requests_stay_within_the_budget(job_in_a_group, delivery):
    model = models.identity(shape=("n", _COLUMNS))
    async with job_in_a_group(model, same) as (job, witness, group):
        await _publish(job, witness, "zstd", 1, 50)
        worker, budget_bytes = await _start(job, group, **{"kafka.delivery": delivery})
        await witness.until_all_answered()
        resident_bytes = most_resident_bytes(worker.pid)
        print(  # noqa: T201 - shown by pytest -rP
            f"large replies, {delivery}: {resident_bytes // _MIB} MiB of {budget_bytes // _MIB}"
        )
        assert witness.verdict().exactly_once, witness.verdict()
        assert resident_bytes < budget_bytes
        assert await terminate(worker) == 0


@pytest.mark.parametrize("made_by", ["model", "transform"])
async def test_replies_that_cannot_leave_stay_within_the_budget(
    job_in_a_group, spare, tmp_path, made_by
):
    """Each is 250,000 times as large as its request, and 1,000 of them are asked for."""
    (tmp_path / "giving.py").write_text(_GIVING, encoding="utf-8")
    settings = {} if made_by == "model" else _transform("giving.py:Giving")
    made = job_in_a_group(models.spread(_COLUMNS), lambda body: body * _COLUMNS, **settings)
    async with made as (job, witness, group), Proxy(spare.ports) as proxy:
        worker, budget_bytes = await _start(
            job, group, **{"kafka.bootstrap_servers": proxy.bootstrap}
        )
        proxy.hold(PRODUCE)
        await witness.publish([struct.pack("<f", number) for number in range(1_000)])
        await until(lambda: proxy.waiting)
        await asyncio.sleep(5)  # for all that runs before nothing more does
        resident_bytes = most_resident_bytes(worker.pid)
        proxy.release()
        await witness.until_all_answered()
        print(  # noqa: T201 - shown by pytest -rP
            f"held replies of a {made_by}: {resident_bytes // _MIB} MiB, then"
            f" {most_resident_bytes(worker.pid) // _MIB} of {budget_bytes // _MIB}"
        )
        assert witness.verdict().exactly_once, witness.verdict()
        assert most_resident_bytes(worker.pid) < budget_bytes
        assert await terminate(worker) == 0
