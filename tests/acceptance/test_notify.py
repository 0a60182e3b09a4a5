"""What a service manager is told of a worker, by the protocol of systemd."""

import asyncio
import contextlib
import re
import signal

import pytest

from tests import models
from tests.acceptance.jobs import END_S, events, pair, until
from tests.service_manager import ServiceManager

_HANGS = """
import time

class Hangs:
    cheap = True  # on the event loop

    def preprocess(self, body, headers):
        time.sleep(600)

    def postprocess(self, outputs):
        raise NotImplementedError
"""


@pytest.fixture
def manager(monkeypatch):
    """One that every process is told of which is started from here on."""
    with ServiceManager(watchdog_s=30) as listening:
        for name, value in listening.environment.items():
            monkeypatch.setenv(name, value)
        yield listening


async def hears(manager, start):
    return await asyncio.to_thread(manager.wait_for, start)


async def silence(manager):
    """Return when it has not been fed for longer than a worker that moves leaves it unfed."""
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.to_thread(manager.wait_for, "WATCHDOG=1", 3.0)


def fed(messages):
    return messages.count("WATCHDOG=1")


async def test_a_worker_is_ready_when_it_has_joined_and_is_fed_until_it_stops(make_job, manager):
    async with make_job() as (job, witness):
        worker = job.worker()
        worker.start()
        await hears(manager, "READY=1")
        assert events(worker, "group.joined"), "it said so too early"
        assert not any("in flight" in message for message in manager.messages)

        await witness.publish(pair(number) for number in range(500))
        await witness.until_all_answered()
        status = "serving \\(lag 0, [1-9][0-9.]* requests/s, 0 in flight\\)"
        while not re.search(status, await hears(manager, "STATUS=")):
            pass
        assert fed(manager.messages) >= 3
        assert not events(worker, "watchdog.mismatched")

        worker.send(signal.SIGTERM)
        await hears(manager, "STOPPING=1")
        # 60 s of limits.drain, the session of 2 s, 15 s to leave.
        await hears(manager, "EXTEND_TIMEOUT_USEC=77000000")
        assert await asyncio.to_thread(worker.wait, END_S) == 0
        assert manager.messages.count("READY=1") == 1


async def test_a_reload_is_told_whether_it_succeeds_or_not(make_job, manager):
    async with make_job() as (job, _):
        worker = await job.start()
        await hears(manager, "READY=1")

        worker.send(signal.SIGHUP)
        await hears(manager, "RELOADING=1\nMONOTONIC_USEC=")
        await hears(manager, "READY=1")
        await until(lambda: events(worker, "model.reloaded"))

        (job.folder / "model.onnx").write_bytes(b"not a model")
        worker.send(signal.SIGHUP)
        await hears(manager, "RELOADING=1")
        await hears(manager, "READY=1")
        await until(lambda: events(worker, "model.refused"))


async def test_a_worker_whose_loop_hangs_is_no_longer_fed(make_job, manager, tmp_path):
    (tmp_path / "hangs.py").write_text(_HANGS)
    hangs = {"models.m.transform": "hangs.py:Hangs", "lanes.l.content_type": "application/json"}
    async with make_job(models.identity(), **hangs) as (job, witness):
        await job.start()
        await witness.publish([pair(1)])
        await silence(manager)
