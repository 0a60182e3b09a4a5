"""What a worker does not start with: the exit code for programs, the reason for people."""

import asyncio
import socket
from contextlib import closing

import pytest

from daemon.values.errors import Exit
from loadtest.processes.worker import Worker
from runtime import cuda
from tests.acceptance.jobs import END_S, events, metric


async def _refusal(worker):
    """Start `worker`; return its exit code and the reason in its log."""
    worker.start()
    code = await asyncio.to_thread(worker.wait, END_S)
    return code, [event["reason"] for event in events(worker, "worker.failed")]


@pytest.fixture
def missing_library():
    """What keeps this machine from CUDA."""
    obstacle = cuda.obstacle()
    if obstacle is None:
        pytest.skip("CUDA works here; what happens then is tested under tests/gpu")
    return obstacle.reason


async def test_cuda_is_never_replaced_by_the_cpu_unasked(make_job, missing_library):
    async with make_job() as (job, _):
        code, (reason,) = await _refusal(job.worker(**{"models.m.device": "cuda"}))

        assert code == Exit.MODEL_REFUSED
        assert missing_library in reason


async def test_a_worker_that_was_allowed_to_do_without_cuda_shows_it(make_job, missing_library):
    async with make_job() as (job, _):
        worker = await job.start(**{"models.m.device": "auto"})

        assert await metric(worker, "degraded") == 1
        assert missing_library in events(worker, "model.degraded")[0]["reason"]


@pytest.mark.long  # a topic may take a while to get around
async def test_a_missing_topic_is_named_and_not_created(make_job):
    async with make_job(**{"kafka.start_timeout": "5s"}) as (job, _):
        missing = job.topics.prefix + "nowhere"
        code, (reason,) = await _refusal(job.worker(**{"lanes.l.topics": [missing]}))

        assert code == Exit.SETTINGS
        assert missing in reason
        assert missing not in await job.topics.admin.list_topics()


async def test_settings_that_cannot_hold_together_are_refused_with_both_named(make_job):
    async with make_job() as (job, _):
        worker = job.worker(**{"limits.drain": "1s"})
        code, _ = await _refusal(worker)

        assert code == Exit.SETTINGS
        log = worker.log.read_text()
        assert "limits.drain (1s) is shorter than models.m.run_limit (30s)" in log


@pytest.mark.parametrize("command", ["run", "supervise", "scaler"])
async def test_a_port_that_somebody_has_is_a_matter_of_time(make_job, command):
    """A unit tries again: it may be the process before this one that still ends."""
    async with make_job() as (job, _):
        job.worker()  # writes the configuration
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            taken = {"http.port": str(port)}
            config = job.folder / "worker-0.toml"
            with closing(Worker(config, taken, does=command)) as process:
                code, (reason,) = await _refusal(process)
                log = process.log.read_text()

        assert code == Exit.WORK_LEFT
        assert f"127.0.0.1:{port}" in reason
        assert "Unclosed" not in log
