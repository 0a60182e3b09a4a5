"""What the model's thread promises, be it real or the fake of virtual time."""

import asyncio
import threading
import time

import numpy as np
import pytest

from daemon.inference.runner import Runner
from daemon.inference.runs import RunLimits
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Batch
from runtime import Model, ModelFailed, ModelRefused
from tests.fake_threads import FakeRunner
from tests.requests import BUCKET, make_request
from tests.signatures import one_to_one

RUN_S = 0.03
POISON = -1.0
LIMITS = RunLimits(run_s=1.0, full_s=1.0, max_rows=8)


class Doubling:
    """Doubles its rows; POISON fails the batch it is in. `real`: runs take their time."""

    signature = one_to_one("FP32", (1,))
    digest = "0" * 64
    on_cpu = True
    late_s = 0.0

    def __init__(self, *, real, sick=False):
        self.real = real
        self.sick = sick
        self.closed = False
        self.closed_in_a_run = False
        self.ran = []
        self.entered = threading.Event()

    @staticmethod
    def run_s(inputs):
        return RUN_S

    def run(self, inputs, *, limit_s):
        self.entered.set()
        self.ran += inputs["x"].ravel().tolist()
        if self.real:
            time.sleep(RUN_S)
        self.closed_in_a_run |= self.closed
        if self.sick or (inputs["x"] == POISON).any():
            raise ModelFailed("no such thing")
        return {"y": inputs["x"] * 2}

    def probe(self, *, limit_s):
        if self.sick:
            raise ModelFailed("sick")

    def close(self, *, wait=False):
        self.closed = True


def batch_of(*values):
    requests = [
        make_request(offset=place, inputs=np.full(1, value, "<f4").tobytes())
        for place, value in enumerate(values)
    ]
    return Batch(BUCKET, requests, len(requests), "full")


class Bench:
    """One runner, its model, and what it reported."""

    def __init__(self, kind, executors=1):
        self.real = kind is Runner
        self.models = {BUCKET.model: self.model()}
        self.served, self.failures = [], []
        self.spare = None
        self.broken = False
        self.news = asyncio.Event()
        self.runner = kind(
            self.models,
            failed=lambda error: self._note(self.failures, error),
            rebuild=self._rebuild,
            executors=executors,
        )

    def model(self, *, sick=False):
        return Model(Doubling(real=self.real, sick=sick), None)

    @property
    def session(self):
        return self.models[BUCKET.model].session

    def submit(self, batch, **options):
        self.runner.submit(
            batch, LIMITS, done=lambda served: self._note(self.served, served), **options
        )

    async def running(self, batch):
        """Submit `batch` and return when it runs."""
        self.session.entered.clear()
        self.submit(batch)
        if self.real:
            assert await asyncio.to_thread(self.session.entered.wait, 10)

    async def until(self, count):
        """Wait until so many batches have come back, or a failure."""
        async with asyncio.timeout(10):
            while len(self.served) < count and not self.failures:
                self.news.clear()
                await self.news.wait()

    def _note(self, to, what):
        if self.broken and to is self.served:
            raise ZeroDivisionError
        to.append(what)
        self.news.set()

    def _rebuild(self, name, _sick, _reason):
        if self.spare is None:
            raise ModelRefused("gone", "put it back")
        self.models[name] = self.spare
        return self.spare


@pytest.fixture(params=[Runner, FakeRunner])
async def bench(request):
    made = Bench(request.param)
    yield made
    made.runner.close()


@pytest.fixture(params=[Runner, FakeRunner])
async def pair(request):
    """A bench where two batches run at once."""
    made = Bench(request.param, executors=2)
    yield made
    made.runner.close()


async def test_two_batches_run_at_once_and_a_third_waits(pair):
    batches = [batch_of(1), batch_of(2), batch_of(3)]
    await pair.running(batches[0])
    await pair.running(batches[1])
    pair.submit(batches[2])
    ahead = pair.runner.ahead
    await pair.until(3)

    assert ahead is batches[2]
    first, second, third = sorted(pair.served, key=lambda served: served.started_s)
    assert second.started_s < first.started_s + first.run_s
    assert third.started_s >= min(each.started_s + each.run_s for each in (first, second)) - 1e-6
    assert third.batch is batches[2]
    assert pair.runner.in_flight == 0


async def test_a_batch_that_fails_beside_another_fails_alone(pair):
    good, bad = batch_of(1), batch_of(POISON)
    await pair.running(good)
    await pair.running(bad)
    await pair.until(2)

    outcomes = {id(served.batch): served.outcome for served in pair.served}
    assert isinstance(outcomes[id(bad)], ModelFailed)
    assert outcomes[id(good)].outputs["y"].tolist() == [[2]]


async def test_two_batches_on_a_sick_session_both_run_on_the_one_built_anew(pair):
    pair.models[BUCKET.model] = pair.model(sick=True)
    sound = pair.spare = pair.model()

    for value in range(4):
        pair.submit(batch_of(value))
    await pair.until(4)

    assert [served.model for served in pair.served] == [sound] * 4
    assert not pair.failures


async def test_a_replaced_model_is_closed_once_both_its_batches_have_run(pair):
    old, new = pair.models[BUCKET.model], pair.model()
    await pair.running(batch_of(1))
    await asyncio.sleep(RUN_S / 2)
    await pair.running(batch_of(2))  # goes on when the other has ended

    pair.models[BUCKET.model] = new
    pair.runner.retire(old)
    pair.submit(batch_of(3))
    await pair.until(3)
    async with asyncio.timeout(10):
        while not old.session.closed:  # noqa: ASYNC110 - a thread closes it
            await asyncio.sleep(0.001)

    assert not old.session.closed_in_a_run
    assert sorted(served.model is new for served in pair.served) == [False, False, True]


async def test_with_two_at_once_nothing_runs_after_the_end(pair):
    session = pair.session
    await pair.running(batch_of(1))
    await pair.running(batch_of(2))
    pair.submit(batch_of(3))

    await asyncio.to_thread(pair.runner.close)
    await asyncio.sleep(3 * RUN_S)

    assert sorted(session.ran) == ([1, 2] if pair.real else [])


async def test_a_session_that_stays_sick_under_two_batches_answers_neither(pair):
    pair.models[BUCKET.model] = pair.model(sick=True)

    for value in range(4):
        pair.submit(batch_of(value))
    await pair.until(1)
    await asyncio.sleep(3 * RUN_S)

    assert {type(failure) for failure in pair.failures} == {Fatal}
    assert not pair.served


async def test_batches_come_back_in_the_order_handed_over(bench):
    batches = [batch_of(1), batch_of(2, 3), batch_of(4)]

    for batch in batches:
        bench.submit(batch)
    await bench.until(3)

    assert [served.batch for served in bench.served] == batches
    outputs = [served.outcome.outputs["y"].ravel().tolist() for served in bench.served]
    assert outputs == [[2], [4, 6], [8]]


async def test_runs_follow_one_another_and_take_their_time(bench):
    for value in range(3):
        bench.submit(batch_of(value))
    await bench.until(3)

    for served in bench.served:
        assert served.run_s >= RUN_S * 0.9
    for earlier, later in zip(bench.served, bench.served[1:], strict=False):
        assert later.started_s >= earlier.started_s + earlier.run_s - 1e-6


async def test_batches_handed_over_are_counted_until_they_come_back(bench):
    for value in range(3):
        bench.submit(batch_of(value))
    counts = [bench.runner.in_flight]
    for count in range(3):
        await bench.until(count + 1)
        counts.append(bench.runner.in_flight)

    assert counts == [3, 2, 1, 0]


async def test_what_waits_behind_the_running_batch_is_ahead(bench):
    await bench.running(batch_of(1))
    none = bench.runner.ahead
    waiting = batch_of(2)
    bench.submit(waiting)

    assert none is None
    assert bench.runner.ahead is waiting


async def test_a_batch_to_go_first_overtakes_what_waits_and_not_what_runs(bench):
    running, waiting, urgent = batch_of(1), batch_of(2), batch_of(3)
    await bench.running(running)
    bench.submit(waiting)

    bench.submit(urgent, first=True)
    ahead = bench.runner.ahead
    await bench.until(3)

    assert ahead is urgent
    assert [served.batch for served in bench.served] == [running, urgent, waiting]


def lone(rows):
    """A request of so many rows, which runs in slices of eight."""
    values = np.arange(100, 100 + rows, dtype="<f4")
    return Batch(BUCKET, [make_request(rows=rows, inputs=values.tobytes())], rows, "full")


def doubled(rows):
    return [2.0 * each for each in range(100, 100 + rows)]


async def test_what_is_to_go_first_runs_between_the_slices_of_a_lone_request(bench):
    running, waiting, urgent = lone(24), batch_of(2), batch_of(3)
    began_s = time.monotonic()
    await bench.running(running)
    bench.submit(waiting)
    bench.submit(urgent, first=True)
    await bench.until(3)
    took_s = time.monotonic() - began_s

    assert [served.batch for served in bench.served] == [urgent, running, waiting]
    assert bench.session.ran.index(3) < bench.session.ran.index(123)
    whole = bench.served[1]
    assert whole.outcome.outputs["y"].ravel().tolist() == doubled(24)
    assert whole.run_s >= 3 * RUN_S * 0.9
    assert sum(served.run_s for served in bench.served) < took_s + RUN_S / 2, "a run counted twice"


async def test_what_fails_between_its_slices_is_no_fault_of_a_lone_request(bench):
    failing = batch_of(POISON)
    await bench.running(lone(24))
    bench.submit(failing, first=True)
    await bench.until(2)

    first, second = bench.served
    assert (first.batch, type(first.outcome)) == (failing, ModelFailed)
    assert second.outcome.outputs["y"].ravel().tolist() == doubled(24)


async def test_a_lone_request_whose_session_was_found_sick_in_between_is_served_by_the_new_one(
    bench,
):
    sound = bench.spare = bench.model()
    await bench.running(lone(24))
    bench.session.sick = True
    bench.submit(batch_of(3), first=True)
    await bench.until(2)

    assert not bench.failures
    assert [served.model for served in bench.served] == [sound] * 2
    assert bench.served[1].outcome.outputs["y"].ravel().tolist() == doubled(24)


async def test_a_batch_that_fails_comes_back_with_its_failure(bench):
    bench.submit(batch_of(1, POISON, 2))
    await bench.until(1)

    (served,) = bench.served
    assert isinstance(served.outcome, ModelFailed)
    assert served.limits is LIMITS


async def test_a_sick_session_is_built_anew_and_serves_what_waited_too(bench):
    bench.models[BUCKET.model] = bench.model(sick=True)
    sound = bench.spare = bench.model()

    for value in range(3):
        bench.submit(batch_of(value))
    await bench.until(3)

    assert [served.model for served in bench.served] == [sound] * 3
    assert not bench.failures


@pytest.mark.parametrize("spare", ["refused", "sick"])
async def test_a_session_that_stays_sick_is_reported_once_and_nothing_comes_back(bench, spare):
    bench.models[BUCKET.model] = bench.model(sick=True)
    bench.spare = bench.model(sick=True) if spare == "sick" else None

    for value in range(3):
        bench.submit(batch_of(value))
    await bench.until(1)
    await asyncio.sleep(3 * RUN_S)

    (failure,) = bench.failures
    assert isinstance(failure, Fatal)
    assert failure.exit_code is Exit.INTERNAL
    assert not bench.served


async def test_what_goes_wrong_with_a_verdict_is_reported_and_not_swallowed(bench):
    bench.broken = True

    bench.submit(batch_of(1))
    await bench.until(1)

    assert [type(error) for error in bench.failures] == [ZeroDivisionError]


async def test_a_replaced_model_is_closed_once_its_batches_have_run(bench):
    old, new = bench.models[BUCKET.model], bench.model()
    await bench.running(batch_of(1))
    bench.submit(batch_of(2))

    bench.models[BUCKET.model] = new
    bench.runner.retire(old)
    bench.submit(batch_of(3))
    await bench.until(1)
    closed_between = old.session.closed
    await bench.until(3)

    assert [served.model for served in bench.served] == [old, old, new]
    assert (closed_between, old.session.closed) == (False, True)


async def test_a_model_that_nothing_needs_is_closed_without_further_batches(bench):
    model = bench.model()

    bench.runner.retire(model)
    async with asyncio.timeout(10):
        while not model.session.closed:  # noqa: ASYNC110 - a thread closes it
            await asyncio.sleep(0.001)


async def test_nothing_runs_after_the_run_in_which_the_runner_is_closed(bench):
    session, replaced = bench.session, bench.model()
    await bench.running(batch_of(1))
    bench.submit(batch_of(2))
    bench.runner.retire(replaced)

    await asyncio.to_thread(bench.runner.close)
    await asyncio.sleep(3 * RUN_S)

    assert 2 not in session.ran
    assert replaced.session.closed


async def test_a_model_that_is_replaced_after_the_end_is_closed(bench):
    model = bench.model()
    await asyncio.to_thread(bench.runner.close)

    bench.runner.retire(model)

    assert model.session.closed
