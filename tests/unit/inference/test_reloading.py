"""SIGHUP beside a line at work: threads load and run, so these tests run on a plain loop."""

import asyncio
import threading

import numpy as np
import pytest

from config.errors import SettingsError
from daemon.inference.reloading import Reloading
from daemon.inference.runner import Runner
from daemon.inference.runs import RunLimits
from daemon.loop.tasks import Tasks
from daemon.telemetry.events import Event
from daemon.values.messages import Batch, Bucket
from tests.requests import make_request
from tests.unit.inference.warm_models import NAME, Files, settings

BUCKET = Bucket("l", NAME)
LIMITS = RunLimits(run_s=1.0, full_s=1.0, max_rows=2)


class Job:
    """A worker's models, its runner and its reloads; `told` has what the log would say."""

    def __init__(self, files, monkeypatch):
        self.files = files
        self.models = files.models()
        self.tasks = Tasks()
        self.served, self.failures, self.told, self.phases = [], [], [], []
        self.refusal = None
        self.news = asyncio.Event()
        for module in ("models", "reloading"):
            monkeypatch.setattr(f"daemon.inference.{module}.log", self._tell)
        self.runner = Runner(
            self.models.serving,
            failed=lambda error: self._note(self.failures, error),
            rebuild=self.models.rebuild,
        )
        self.reloading = Reloading(
            self.models,
            self._reread,
            self.tasks,
            began=lambda: self.phases.append("began"),
            ended=lambda: self._note(self.phases, "ended"),
        )
        self._loop = asyncio.get_running_loop()

    retire = property(lambda self: self.runner.retire)
    """What the line does with a replaced model."""

    @property
    def serving(self):
        return self.models.serving[NAME]

    def hangup(self):
        self.reloading.begin(self.retire)

    def submit(self, *values):
        requests = [
            make_request(offset=i, inputs=np.full(1, value, "<f4").tobytes(), bucket=BUCKET)
            for i, value in enumerate(values)
        ]
        batch = Batch(BUCKET, requests, len(requests), "full")
        self.runner.submit(batch, LIMITS, done=lambda served: self._note(self.served, served))

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                self.news.clear()
                await self.news.wait()

    def told_of(self, event):
        return [fields for each, fields in self.told if each is event]

    def _note(self, to, what):
        to.append(what)
        self.news.set()

    def _reread(self):
        if self.refusal is not None:
            raise self.refusal
        return settings(2)

    def _tell(self, event, **fields):
        self.told.append((event, fields))
        self._loop.call_soon_threadsafe(self.news.set)


@pytest.fixture
def play(monkeypatch):
    """Plays a scenario with a Job on a plain loop, and ends the job."""

    def play(scenario):
        async def whole():
            job = Job(Files(monkeypatch), monkeypatch)
            try:
                await scenario(job)
            finally:
                await job.tasks.close()
                job.runner.close()

        asyncio.run(whole())

    return play


async def begun(load):
    assert await asyncio.to_thread(load.begun.wait, 10)


def test_what_the_settings_ask_for_now_serves_and_is_told(play):
    async def scenario(job):
        old = job.serving
        job.files.digest = "B"
        job.hangup()
        await job.until(lambda: job.phases == ["began", "ended"])
        job.submit(1)
        await job.until(lambda: job.served)

        assert job.served[0].model is job.serving is job.files.made[1]
        assert job.told_of(Event.MODEL_RELOADED) == [{"model": NAME, "digest": "B"}]
        await closed(old)
        assert job.serving.closed == 0

    play(scenario)


async def closed(model):
    """Return when the model's thread has closed it."""
    async with asyncio.timeout(10):
        while not model.closed:  # noqa: ASYNC110 - a thread closes it
            await asyncio.sleep(0.001)


def test_a_reload_that_ends_while_a_sick_session_is_built_anew_is_not_undone(play):
    async def scenario(job):
        sick = job.serving
        sick.session.sick = True
        rebuild = job.files.hold_next()
        job.submit(21)
        await begun(rebuild)

        job.hangup()
        await job.until(lambda: job.phases == ["began", "ended"])
        reloaded = job.serving
        rebuild.end()
        await job.until(lambda: job.served)
        await closed(sick)

        (told,) = job.told_of(Event.MODEL_RELOADED)
        assert reloaded is job.serving is job.served[0].model
        assert told["digest"] == job.serving.session.digest
        assert job.told_of(Event.SESSION_REBUILT) == []
        assert job.served[0].outcome.outputs["y"].ravel().tolist() == [42]
        closes = job.files.closes(job.models.serving)
        assert (closes.serving, closes.others) == ([0], [1, 1])

    play(scenario)


def test_what_waited_for_a_sick_session_runs_on_what_was_swapped_in(play):
    async def scenario(job):
        sick = job.serving
        sick.session.sick = True
        rebuild = job.files.hold_next()
        job.submit(1)
        await begun(rebuild)
        job.submit(2)  # assembled for the sick one

        job.hangup()
        await job.until(lambda: job.phases == ["began", "ended"])
        rebuild.end()
        await job.until(lambda: len(job.served) == 2)
        await closed(sick)

        assert [served.model for served in job.served] == [job.serving] * 2
        assert (sick.session.runs, sick.closed) == (1, 1)

    play(scenario)


def test_a_session_built_anew_while_a_reload_loads_is_replaced_by_it(play):
    async def scenario(job):
        sick = job.serving
        sick.session.sick = True
        reload = job.files.hold_next()
        job.hangup()
        await begun(reload)

        job.submit(1)
        await job.until(lambda: job.served)
        rebuilt = job.serving
        reload.end()
        await job.until(lambda: job.phases == ["began", "ended"])
        await closed(rebuilt)

        assert job.served[0].model is rebuilt
        assert len(job.told_of(Event.SESSION_REBUILT)) == 1
        closes = job.files.closes(job.models.serving)
        assert (closes.serving, closes.others) == ([0], [1, 1])

    play(scenario)


def test_batches_wait_while_a_reload_has_no_memory_for_both(play):
    async def scenario(job):
        old, loads, may_end = job.serving, threading.Event(), threading.Event()
        job.files.most_open = 1
        job.files.before_load = lambda: (loads.set(), may_end.wait(10))
        job.hangup()
        assert await asyncio.to_thread(loads.wait, 10)

        job.submit(21)
        job.submit(22)
        may_end.set()
        await job.until(lambda: len(job.served) == 2 and job.phases == ["began", "ended"])

        assert [served.model for served in job.served] == [job.serving] * 2
        assert job.served[0].outcome.outputs["y"].ravel().tolist() == [42]
        assert (old.closed, job.serving.closed, job.failures) == (1, 0, [])
        assert job.told_of(Event.SESSION_REBUILT) == []

    play(scenario)


def test_reloads_without_memory_for_both_lose_no_batch_of_two_executors(play):
    async def scenario(job):
        job.runner.close()
        job.runner = Runner(
            job.models.serving,
            failed=lambda error: job._note(job.failures, error),
            rebuild=job.models.rebuild,
            executors=2,
        )
        job.files.most_open = 1
        for step in range(600):
            job.submit(step)
            if step % 30 == 0:
                job.hangup()
            await asyncio.sleep(0)
        await job.until(lambda: len(job.served) == 600 and len(job.phases) % 2 == 0)

        doubled = sorted(served.outcome.outputs["y"].item() for served in job.served)
        assert doubled == [2.0 * step for step in range(600)]
        assert job.failures == []
        assert len(job.files.made) > 2

    play(scenario)


def test_a_reload_asked_for_while_one_is_under_way_follows_it(play):
    async def scenario(job):
        first = job.files.hold_next()
        job.hangup()
        await begun(first)
        job.files.digest = "B"  # the first has read the file
        job.hangup()
        job.hangup()
        first.end()
        await job.until(lambda: job.phases == ["began", "ended"] * 2)

        assert job.serving.session.digest == "B"
        assert len(job.files.made) == 3

    play(scenario)


def test_one_after_another_each_reload_is_done(play):
    async def scenario(job):
        for digest in ("B", "C"):
            job.files.digest = digest
            before = len(job.phases)
            job.hangup()
            await job.until(lambda before=before: len(job.phases) == before + 2)
            await asyncio.sleep(0)
            assert job.serving.session.digest == digest

    play(scenario)


@pytest.mark.parametrize("refusal", ["settings", "model"])
def test_what_cannot_serve_is_said_and_changes_nothing(play, refusal):
    async def scenario(job):
        if refusal == "settings":
            job.refusal = SettingsError(["nonsense"])
        else:
            job.files.refused = True
        serving = job.serving

        job.hangup()
        await job.until(lambda: job.phases == ["began", "ended"])

        (told,) = job.told_of(Event.MODEL_REFUSED)
        assert told["reason"] == (
            "nonsense" if refusal == "settings" else "model m: another file; put it back"
        )
        assert job.serving is serving
        assert serving.closed == 0

    play(scenario)


def test_while_the_worker_starts_it_says_to_send_it_later(play):
    async def scenario(job):
        job.reloading.begin(None)

        (told,) = job.told_of(Event.MODEL_REFUSED)
        assert "still starting" in told["reason"]
        assert job.phases == []

    play(scenario)


def test_a_fault_in_a_reload_ends_the_worker(play):
    async def scenario(job):
        job.refusal = ZeroDivisionError("a fault")
        job.hangup()

        async with asyncio.timeout(10):
            with pytest.raises(ZeroDivisionError, match="a fault"):
                await job.tasks.until(asyncio.get_running_loop().create_future())
        assert job.phases == ["began", "ended"]

    play(scenario)
