"""The runner has a thread, which virtual time cannot wait for: these tests run on a plain loop."""

import asyncio
import threading
import weakref

import numpy as np
import pytest

from config.settings import Model as Settings
from daemon.inference.runner import Runner
from daemon.inference.runs import Part, RunLimits
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Batch
from runtime import ModelFailed, ModelOutOfMemory, ModelRefused, load_model
from runtime.sample import Sample
from tests import models
from tests.requests import BUCKET, make_request
from tests.unit.inference.engines import POISON, FakeEngine

LIMITS = RunLimits(run_s=1.0, full_s=1.0, max_rows=8)


class GatedEngine(FakeEngine):
    """Waits at the gate before each run, so that a test sees what happens meanwhile."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def run(self, inputs, *, limit_s):
        self.entered.release()
        assert self.gate.acquire(timeout=10)
        return super().run(inputs, limit_s=limit_s)


class FakeModel:
    def __init__(self, session):
        self.session = session
        self.transform = None
        self.closed = False

    def unsound_rows(self, outputs):
        return None

    def close(self, *, wait=False):
        self.closed = True


def batch_of(*values):
    requests = [
        make_request(offset=i, inputs=np.full(1, value, "<f4").tobytes())
        for i, value in enumerate(values)
    ]
    return Batch(BUCKET, requests, len(requests), "full")


class Bench:
    def __init__(self, model, rebuild=None):
        self.models = {BUCKET.model: model}
        self.served = []
        self.failures = []
        self.news = asyncio.Event()
        self.runner = Runner(
            self.models,
            failed=lambda error: self._add(self.failures, error),
            rebuild=rebuild or self._never,
        )

    def submit(self, batch, **options):
        self.runner.submit(
            batch, LIMITS, done=lambda served: self._add(self.served, served), **options
        )

    def _add(self, to, what):
        to.append(what)
        self.news.set()

    @staticmethod
    def _never(*_):
        raise ModelRefused("no", "none")

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                self.news.clear()
                await self.news.wait()


def on_a_plain_loop(coroutine):
    asyncio.run(coroutine)


async def entered(engine):
    assert await asyncio.to_thread(engine.entered.acquire, timeout=10)


def test_batches_run_in_the_order_handed_over_and_come_back_on_the_loop():
    async def scenario():
        engine = FakeEngine()
        bench = Bench(FakeModel(engine))
        first, second = batch_of(1), batch_of(2, 3)

        bench.submit(first)
        bench.submit(second)
        await bench.until(lambda: len(bench.served) == 2)

        assert [served.batch for served in bench.served] == [first, second]
        assert bench.runner.in_flight == 0
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_an_urgent_batch_overtakes_the_one_that_waits_not_the_one_that_runs():
    async def scenario():
        engine = GatedEngine()
        bench = Bench(FakeModel(engine))
        running, ahead, urgent = batch_of(1), batch_of(2), batch_of(3)
        bench.submit(running)
        await entered(engine)
        bench.submit(ahead)
        assert bench.runner.ahead is ahead

        bench.submit(urgent, first=True)
        engine.gate.release(3)
        await bench.until(lambda: len(bench.served) == 3)

        assert [served.batch for served in bench.served] == [running, urgent, ahead]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_sick_session_is_built_anew_once_and_the_batch_runs_on_the_new_one():
    async def scenario():
        sound = FakeModel(FakeEngine())

        def rebuild(name, _sick, _reason):
            bench.models[name] = sound
            return sound

        sick = FakeModel(FakeEngine(sick=True))
        sick.session.run = fail
        bench = Bench(sick, rebuild)

        bench.submit(batch_of(1))
        await bench.until(lambda: bench.served)

        assert bench.served[0].model is sound
        assert bench.failures == []
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_sick_session_s_memory_is_free_before_another_is_made(tmp_path):
    async def scenario():
        path = models.save(models.lookup(10), tmp_path)
        sick = load_model(
            Settings(path=str(path), device="cpu"), base=tmp_path, on_stuck=pytest.fail
        )
        sick.session._sample = Sample({"x": ((), np.int64(99))})
        loaded = weakref.ref(sick.session._session)
        left = []

        def rebuild(_name, model, _reason):
            model.close(wait=True)
            left.append(loaded())
            raise ModelRefused("gone", "put it back")

        bench = Bench(sick, rebuild)
        request = make_request(inputs=np.array([99]).tobytes())
        bench.submit(Batch(BUCKET, [request], 1, "full"))
        await bench.until(lambda: bench.failures)

        assert left == [None]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_session_that_is_closed_before_its_run_is_not_taken_for_one_built_anew_in_vain():
    """As when reloads have to unload what serves, again and again."""

    async def scenario():
        closed = [FakeModel(FakeEngine(sick=True)) for _ in range(3)]
        for model in closed:
            model.session.run, model.session.closed = fail, True
        next_ones = iter([*closed[1:], FakeModel(FakeEngine())])
        bench = Bench(closed[0], lambda *_: next(next_ones))

        bench.submit(batch_of(1))
        await bench.until(lambda: bench.served)

        assert isinstance(bench.served[0].outcome, Part)
        assert bench.failures == []
        bench.runner.close()

    on_a_plain_loop(scenario())


@pytest.mark.parametrize("refused", [False, True])
def test_a_session_that_stays_sick_ends_the_process_and_answers_nothing(refused):
    async def scenario():
        def rebuild(name, _sick, _reason):
            if refused:
                raise ModelRefused("gone", "put it back")
            return bench.models[name]

        sick = FakeModel(FakeEngine(sick=True))
        sick.session.run = fail
        bench = Bench(sick, rebuild)

        bench.submit(batch_of(1))
        await bench.until(lambda: bench.failures)

        (failure,) = bench.failures
        assert isinstance(failure, Fatal)
        assert failure.exit_code == Exit.INTERNAL
        assert bench.served == []
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_replaced_model_is_closed_only_when_the_batches_handed_over_have_run():
    async def scenario():
        engine = GatedEngine()
        old, new = FakeModel(engine), FakeModel(FakeEngine())
        bench = Bench(old)
        bench.submit(batch_of(1))
        await entered(engine)
        bench.submit(batch_of(2))

        bench.models[BUCKET.model] = new
        bench.runner.retire(old)
        bench.submit(batch_of(3))
        assert not old.closed
        engine.gate.release(2)
        await bench.until(lambda: len(bench.served) == 3)

        assert [served.model for served in bench.served] == [old, old, new]
        bench.runner.close()
        assert old.closed

    on_a_plain_loop(scenario())


def test_a_batch_that_fails_comes_back_with_its_failure():
    async def scenario():
        bench = Bench(FakeModel(FakeEngine()))

        bench.submit(batch_of(1, POISON, 2))
        await bench.until(lambda: bench.served)

        (served,) = bench.served
        assert isinstance(served.outcome, ModelFailed)
        assert served.limits is LIMITS
        bench.runner.close()

    on_a_plain_loop(scenario())


class WhereEngine(FakeEngine):
    """Notes in which threads it ran."""

    def __init__(self):
        super().__init__()
        self.ran_in = []

    def run(self, inputs, *, limit_s):
        self.ran_in.append(threading.current_thread().name)
        return super().run(inputs, limit_s=limit_s)


def short(bench, rows):
    """Let the runner know runs of the model with so many rows as short ones."""
    model = bench.models[BUCKET.model]
    bench.runner._short_runs.ran_in_thread(model, rows, cpu_s=0.0, wall_s=0.0)


def test_a_short_run_is_made_on_the_loop():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        short(bench, 2)
        batches = [batch_of(1, 2), batch_of(3)]

        for batch in batches:
            bench.submit(batch)
        assert (bench.runner.in_flight, bench.served) == (2, [])
        await bench.until(lambda: len(bench.served) == 2)

        assert [served.batch for served in bench.served] == batches
        assert engine.ran_in == ["MainThread", "MainThread"]
        assert bench.runner.in_flight == 0
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_no_run_on_a_gpu_is_made_on_the_loop_however_short_it_looks():
    async def scenario():
        engine = WhereEngine()
        engine.on_cpu = False
        bench = Bench(FakeModel(engine))
        short(bench, 1)

        for value in (1, 2):
            bench.submit(batch_of(value))
        await bench.until(lambda: len(bench.served) == 2)

        assert engine.ran_in == ["executor", "executor"]
        assert [served.work_s for served in bench.served] == [None, None]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_what_a_run_waits_for_is_no_work():
    async def scenario():
        engine = GatedEngine()
        bench = Bench(FakeModel(engine))
        bench.submit(batch_of(1))
        await entered(engine)
        engine.gate.release()
        await bench.until(lambda: bench.served)

        assert 0.0 <= bench.served[0].work_s < bench.served[0].run_s
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_model_s_first_run_is_made_in_the_thread():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        bench.submit(batch_of(1))
        await bench.until(lambda: bench.served)
        assert engine.ran_in == ["executor"]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_long_run_takes_the_short_one_before_it_along_into_the_thread():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        short(bench, 1)
        batches = [batch_of(1), batch_of(2, 3)]

        for batch in batches:
            bench.submit(batch)
        await bench.until(lambda: len(bench.served) == 2)

        assert [served.batch for served in bench.served] == batches
        assert engine.ran_in == ["executor", "executor"]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_short_run_waits_for_the_one_in_the_thread():
    async def scenario():
        engine = GatedEngine()
        bench = Bench(FakeModel(engine))
        first, second = batch_of(1), batch_of(2)
        bench.submit(first)
        await entered(engine)
        short(bench, 1)

        bench.submit(second)
        await asyncio.sleep(0)
        assert bench.runner.ahead is second
        engine.gate.release(2)
        await bench.until(lambda: len(bench.served) == 2)

        assert [served.batch for served in bench.served] == [first, second]
        bench.runner.close()

    on_a_plain_loop(scenario())


@pytest.mark.parametrize("long", [False, True])
def test_an_urgent_batch_overtakes_a_short_run_that_waits(long):
    async def scenario():
        engine = GatedEngine()
        bench = Bench(FakeModel(engine))
        running, ahead, urgent = batch_of(1), batch_of(2), batch_of(3, 4) if long else batch_of(3)
        bench.submit(running)
        await entered(engine)
        short(bench, 1)
        bench.submit(ahead)

        bench.submit(urgent, first=True)
        engine.gate.release(3)
        await bench.until(lambda: len(bench.served) == 3)

        assert [served.batch for served in bench.served] == [running, urgent, ahead]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_short_runs_leave_the_thread_although_a_batch_is_always_ahead():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        short(bench, 1)
        bench.submit(batch_of(1, 2))

        for _ in range(3):
            bench.submit(batch_of(1))
            seen = len(bench.served)
            await bench.until(lambda seen=seen: len(bench.served) > seen)

        await bench.until(lambda: bench.runner.in_flight == 0)
        assert engine.ran_in == ["executor", "MainThread", "MainThread", "MainThread"]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_run_on_the_loop_is_ended_soon_and_one_in_the_thread_has_its_full_limit():
    async def scenario():
        engine = WhereEngine()
        limits_s = []
        engine.probe = lambda *, limit_s: limits_s.append(limit_s)
        run = engine.run
        engine.run = lambda inputs, *, limit_s: (
            limits_s.append(limit_s),
            run(inputs, limit_s=limit_s),
        )[1]
        bench = Bench(FakeModel(engine))
        short(bench, 1)

        bench.submit(batch_of(POISON))
        await bench.until(lambda: bench.served)

        assert limits_s[0] <= 0.05
        assert set(limits_s[1:]) == {1.0}
        bench.runner.close()

    on_a_plain_loop(scenario())


@pytest.mark.parametrize("where", ["runner.assemble", "executor.run_batch"])
def test_a_batch_for_whose_arrays_there_is_no_memory_comes_back_with_that_failure(
    monkeypatch, where
):
    async def scenario():
        bench = Bench(FakeModel(FakeEngine()))
        with monkeypatch.context() as patch:
            patch.setattr(f"daemon.inference.{where}", no_memory)
            bench.submit(batch_of(1))
            await bench.until(lambda: bench.served)
        bench.submit(batch_of(2))
        await bench.until(lambda: len(bench.served) == 2)

        assert isinstance(bench.served[0].outcome, ModelOutOfMemory)
        assert isinstance(bench.served[1].outcome, Part)
        assert bench.runner.in_flight == 0
        bench.runner.close()

    on_a_plain_loop(scenario())


def no_memory(*_args, **_options):
    raise MemoryError


def test_a_batch_that_is_to_run_in_the_thread_does_however_short_it_is():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        short(bench, 1)

        bench.submit(batch_of(1), in_thread=True)
        await bench.until(lambda: bench.served)

        assert engine.ran_in == ["executor"]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_what_fails_on_the_loop_is_run_again_in_the_thread():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        short(bench, 3)

        bench.submit(batch_of(1, POISON, 2))
        await bench.until(lambda: bench.served)

        assert isinstance(bench.served[0].outcome, ModelFailed)
        assert engine.ran_in[0] == "MainThread"
        assert set(engine.ran_in[1:]) == {"executor"}
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_replaced_model_is_closed_after_its_short_runs():
    async def scenario():
        old, new = FakeModel(FakeEngine()), FakeModel(FakeEngine())
        bench = Bench(old)
        short(bench, 1)
        bench.submit(batch_of(1))

        bench.models[BUCKET.model] = new
        bench.runner.retire(old)
        bench.submit(batch_of(2))
        await bench.until(lambda: len(bench.served) == 2)

        assert [served.model for served in bench.served] == [old, new]
        assert all(isinstance(served.outcome, Part) for served in bench.served)
        bench.runner.close()
        assert old.closed

    on_a_plain_loop(scenario())


def test_a_short_run_that_waits_for_a_session_built_anew_is_made_on_that_one():
    async def scenario():
        rebuilt = []

        def rebuild(name, _sick, _reason):
            rebuilt.append(name)
            bench.models[name] = sound
            return sound

        sick, sound = FakeModel(GatedEngine(sick=True)), FakeModel(FakeEngine())
        bench = Bench(sick, rebuild)
        bench.submit(batch_of(POISON))
        await entered(sick.session)
        short(bench, 1)
        bench.submit(batch_of(2))

        sick.session.gate.release()
        await bench.until(lambda: len(bench.served) == 2)

        assert [served.model for served in bench.served] == [sound, sound]
        assert rebuilt == [BUCKET.model]
        bench.runner.close()

    on_a_plain_loop(scenario())


def test_a_closed_runner_makes_no_run_on_the_loop():
    async def scenario():
        engine = WhereEngine()
        bench = Bench(FakeModel(engine))
        short(bench, 1)
        bench.submit(batch_of(1))
        bench.runner.close()
        await asyncio.sleep(0)
        assert engine.ran_in == []
        assert bench.served == []

    on_a_plain_loop(scenario())


def fail(*_, **__):
    raise ModelFailed("broken")
