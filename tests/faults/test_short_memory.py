"""A worker that gets no more memory: batches run in parts, and nobody is answered with an error."""

import resource
import struct
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests import models
from tests.acceptance.jobs import Job, events, metric, same, terminate
from tests.acceptance.witness import Witness

pytestmark = pytest.mark.faults

_SWOLLEN = struct.pack("<f", 256.0)
"""A request whose run takes 4 MiB: see models.swollen()."""
_ROOM_BYTES = 200 * 2**20
"""What the worker may still take: a batch of 64 rows wants 256 MiB."""


@pytest.fixture
def swollen_job(kafka, topics, tmp_path):
    @asynccontextmanager
    async def make(**settings):
        names = await topics(requests=2, replies=2, dead=1)
        job = Job(kafka, topics, names, tmp_path, models.swollen(), **settings)
        replies = [names.replies, names.dead]
        async with job, Witness(kafka, names.requests, replies, answer=same) as witness:
            yield job, witness

    return make


def _limit_memory(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    limit_bytes = pages * resource.getpagesize() + _ROOM_BYTES
    resource.prlimit(pid, resource.RLIMIT_AS, (limit_bytes, limit_bytes))


@pytest.mark.fault_row(
    "there is no memory for a batch",
    "RLIMIT_AS of a running worker, 200 MiB above what it has; a batch wants 256",
    promise=3,
)
async def test_batches_for_which_there_is_no_memory_are_answered_in_parts(swollen_job, fault_row):
    async with swollen_job(**{"lanes.l.max_rows": 64, "lanes.l.linger": "1s"}) as (job, witness):
        worker = await job.start()
        _limit_memory(worker.pid)
        began_s = time.monotonic()
        await witness.publish([_SWOLLEN] * 256)
        await witness.until_all_answered()

        verdict = witness.verdict()
        assert verdict.exactly_once, verdict
        assert await metric(worker, "out_of_memory_total") > 0
        assert events(worker, "memory.exhausted")
        fault_row(lost=len(verdict.lost), repeated=0, recovery_s=time.monotonic() - began_s)
        assert await terminate(worker) == 0
