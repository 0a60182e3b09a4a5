"""A worker that does not move its work says so and ends itself; the work is left to others."""

import asyncio

from daemon.values.errors import Exit
from tests import models
from tests.acceptance.jobs import events, pair

_PATIENCE_S = 60
"""How long a worker may take to end; the machine may be busy."""
_HANGS = """
import time

class Hangs:
    cheap = {cheap}

    def preprocess(self, body, headers):
        time.sleep(600)

    def postprocess(self, outputs):
        raise NotImplementedError
"""
_MORE_THAN_THREADS = 20
_STALL = {
    "limits.stall": "3s",
    "limits.bisect": "1s",
    "limits.publish": "1s",
    "limits.drain": "2s",
    "models.m.run_limit": "500ms",
    "models.m.transform": "hangs.py:Hangs",
    "models.m.transform_limit": "500ms",
    "lanes.l.content_type": "application/json",  # the default: a transform takes any body
}


async def test_more_calls_that_hang_than_there_are_threads_end_the_worker(make_job, tmp_path):
    """Each call that never returns costs a thread, and there are so many threads and no more."""
    (tmp_path / "hangs.py").write_text(_HANGS.format(cheap=False))
    async with make_job(models.identity(), **_STALL) as (job, witness):
        worker = await job.start()
        await witness.publish([pair(value) for value in range(_MORE_THAN_THREADS)])

        assert await asyncio.to_thread(worker.wait, _PATIENCE_S) == Exit.WORK_LEFT

        assert "have not come back" in events(worker, "worker.failed")[0]["reason"]
        await witness.catch_up()
        assert set(witness.verdict().codes) == {"transform_failed"}
        assert 0 < len(witness.log) < _MORE_THAN_THREADS
        assert sum((await job.committed()).values()) <= len(witness.log)


async def test_a_loop_that_hangs_ends_the_worker_and_shows_where(make_job, tmp_path):
    (tmp_path / "hangs.py").write_text(_HANGS.format(cheap=True))
    async with make_job(models.identity(), **_STALL) as (job, witness):
        worker = await job.start()
        await witness.publish([pair(1)])

        assert await asyncio.to_thread(worker.wait, _PATIENCE_S) == Exit.INTERNAL

        assert "the transform of model m" in events(worker, "worker.stalled")[0]["reason"]
        assert "in preprocess" in worker.log.read_text()
