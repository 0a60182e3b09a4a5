"""A worker whose transform runs in processes: what hangs or crashes there fails alone."""

import signal

import psutil

from tests import models
from tests.acceptance.jobs import events, pair, terminate, until

_TRANSFORM = """
import os, time
import numpy as np
from runtime import Prepared

class Trying:
    def preprocess(self, body, headers):
        if body == b"hang":
            time.sleep(600)
        if body == b"kill":
            os.kill(os.getpid(), 9)
        if body == b"abort":
            os.abort()
        return Prepared({"x": np.frombuffer(body, "<f4").reshape(1, -1)}, context=os.getpid())

    def postprocess(self, outputs, context):
        assert isinstance(context, int)
        return "application/octet-stream", outputs["y"].tobytes()
"""
_BAD = [b"hang", b"kill", b"abort"] * 2
_SETTINGS = {
    "models.m.transform": "trying.py:Trying",
    "models.m.transform_workers": "process:2",
    "models.m.transform_limit": "1s",
    "lanes.l.content_type": "application/json",  # the default: a transform takes any body
}


async def test_what_hangs_or_crashes_in_a_process_fails_alone(make_job, tmp_path):
    (tmp_path / "trying.py").write_text(_TRANSFORM, encoding="utf-8")
    async with make_job(models.identity(), **_SETTINGS) as (job, witness):
        worker = await job.start()
        good = [pair(value) for value in range(200)]
        await witness.publish([*good[:100], *_BAD, *good[100:]])
        await witness.until_all_answered()

        verdict = witness.verdict()
        assert verdict.codes == {"transform_failed": len(_BAD)}
        assert not verdict.lost
        assert not verdict.repeated
        assert {event["reason"] for event in events(worker, "transform.process_ended")} == {
            "a call took longer than 1 s",
            "signal SIGKILL",
            "signal SIGABRT",
        }
        assert [event["lost_threads"] for event in events(worker, "transform.abandoned")] == [0, 0]
        process = psutil.Process(worker.pid)
        await until(lambda: len(process.children()) == 2)
        children = process.children()

        worker.send(signal.SIGHUP)
        await until(lambda: not any(child.is_running() for child in children))
        await witness.publish(good)
        await witness.until_all_answered()
        children = process.children()
        assert len(children) == 2
        assert await terminate(worker) == 0
        await until(lambda: not any(child.is_running() for child in children))
