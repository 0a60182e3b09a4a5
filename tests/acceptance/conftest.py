"""Jobs and witnesses for tests that see the daemon as its users do: a process on a real Kafka."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import numpy as np
import onnxruntime
import pytest

from tests import models
from tests.acceptance.jobs import Job, same, trips
from tests.acceptance.submitted import submitted
from tests.acceptance.witness import Witness
from tests.conftest import Topics

_PARTITIONS = {"requests": 4, "replies": 2, "dead": 1}
_SAMPLE_TRIPS = 5_000


@pytest.fixture
def make_job(kafka, topics, tmp_path):
    """Returns a context of a job and its witness, on the Kafka of all tests."""
    return job_maker(kafka, topics, tmp_path)


@pytest.fixture
def make_spare_job(spare, spare_topics, tmp_path):
    """The same on the spare broker."""
    return job_maker(spare.bootstrap, spare_topics, tmp_path)


def job_maker(bootstrap, topics, folder):
    """Returns a context of a job and its witness."""

    @asynccontextmanager
    async def make(model=None, *, answer=same, partitions=None, **settings):
        names = await topics(**{**_PARTITIONS, **(partitions or {})})
        job = Job(bootstrap, topics, names, folder, model, **settings)
        witness = Witness(bootstrap, names.requests, [names.replies, names.dead], answer=answer)
        async with job, witness:
            yield job, witness

    return make


@pytest.fixture(scope="module")
def served(kafka, tmp_path_factory):
    """A job with a worker, for all tests of a file: each of them has a loop of its own."""
    with serving(kafka, tmp_path_factory.mktemp("job")) as (job, _):
        yield job


@contextmanager
def serving(bootstrap, folder, **settings):
    """A job and its worker, which is ready; neither needs the loop of whoever uses them."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        topics = runner.run(stack.enter_async_context(Topics(bootstrap)))
        names = runner.run(topics(requests=4, replies=3, dead=1))
        job = Job(bootstrap, topics, names, folder, **settings)
        runner.run(stack.enter_async_context(job))
        worker = runner.run(job.start())
        yield job, worker
        runner.run(stack.aclose())


@pytest.fixture
async def submit(tmp_path):
    """submit(job, *arguments): a process of `tidemill submit` that is started; it is killed with the test.

    `before` is called in it first.
    """
    started = []

    async def start(job, *arguments, before=None):
        started.append(await submitted(tmp_path / "submit.toml", job, *arguments, before=before))
        return started[-1]

    yield start
    for each in started:
        if each.process.returncode is None:
            each.process.kill()
            await each.process.communicate()


@pytest.fixture
def record_figure(record_property):
    """record_figure(text): shown at the end of the test run."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter):
    figures = [
        text
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == "figure" and report.when == "call"
    ]
    if figures:
        terminalreporter.section("measured")
    for text in figures:
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def busy():
    """busy(s): a request that makes models.loop() run for about so long on this machine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(models.loop().SerializeToString(), options)
    inputs = {"x": np.array([_SAMPLE_TRIPS], dtype=np.int64)}
    trip_s = min(_timed(session.run, None, inputs) for _ in range(3)) / _SAMPLE_TRIPS
    return lambda run_s: trips(round(run_s / trip_s))


def _timed(function, *arguments):
    began_s = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began_s
