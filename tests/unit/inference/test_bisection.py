import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.inference.bisection import IsolationLimits, SessionSick, run_isolated
from daemon.values.errors import Code
from daemon.wire.assemble import assemble
from runtime import ModelFailed, ModelTimeout, OutputInvalid, Signature, TensorSpec
from tests.requests import make_request

SIGNATURE = Signature(
    inputs=(TensorSpec("x", np.dtype("f4"), "FP32", (1,)),),
    outputs=(TensorSpec("y", np.dtype("f4"), "FP32", (1,)),),
    fixed_rows=None,
)
POISON = -1.0
LIMITS = IsolationLimits(run_s=1.0, search_s=100.0, max_rows=64)


class FakeEngine:
    """Doubles its input; any batch with a poisoned row fails whole, as onnxruntime does."""

    signature = SIGNATURE

    def __init__(self, *, failure=ModelFailed, sick=False):
        self.failure = failure
        self.sick = sick
        self.runs = []
        self.probes = 0

    def run(self, inputs, *, limit_s):
        rows = inputs["x"]
        self.runs.append(len(rows))
        if (rows == POISON).any():
            raise self.failure("no such thing")
        return {"y": rows * 2}

    def probe(self, *, limit_s):
        self.probes += 1
        if self.sick:
            raise ModelFailed("sick")


class Clock:
    def __init__(self, step_s=0.0):
        self.now_s = 0.0
        self.step_s = step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


def unsound_rows(outputs):
    unsound = np.isnan(outputs["y"]).ravel()
    return unsound if unsound.any() else None


def requests_of(*values, rows=1):
    return [
        make_request(offset=i, rows=rows, inputs=np.full(rows, value, "<f4").tobytes())
        for i, value in enumerate(values)
    ]


def run(engine, requests, *, limits=LIMITS, clock=None):
    inputs = assemble(requests, SIGNATURE)
    return run_isolated(
        engine, requests, inputs, unsound=unsound_rows, limits=limits, clock=clock or Clock()
    )


def test_a_batch_that_runs_is_run_once():
    engine = FakeEngine()

    outcome = run(engine, requests_of(1, 2, 3))

    assert engine.runs == [3]
    assert engine.probes == 0
    (part,) = outcome.parts
    assert part.outputs["y"].ravel().tolist() == [2, 4, 6]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_every_culprit_stands_alone_and_every_other_request_is_answered(poisoned):
    engine = FakeEngine()
    requests = requests_of(*[POISON if bad else 1.0 for bad in poisoned])

    outcome = run(engine, requests)

    failed = [failure.request for failure in outcome.failures]
    answered = [request for part in outcome.parts for request in part.requests]
    assert sorted(r.record.offset for r in failed) == [i for i, bad in enumerate(poisoned) if bad]
    assert sorted(r.record.offset for r in answered) == [
        i for i, bad in enumerate(poisoned) if not bad
    ]
    for part in outcome.parts:
        assert part.outputs["y"].shape[0] == len(part.requests)


@pytest.mark.parametrize("size", [2, 7, 64])
def test_one_culprit_costs_at_most_two_log_n_further_runs(size):
    for place in range(size):
        engine = FakeEngine()

        run(engine, requests_of(*[POISON if i == place else 1.0 for i in range(size)]))

        assert len(engine.runs) - 1 <= 2 * math.ceil(math.log2(size))


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ModelFailed, Code.INFERENCE_FAILED),
        (ModelTimeout, Code.MODEL_TIMEOUT),
        (OutputInvalid, Code.INVALID_OUTPUT),
    ],
)
def test_a_culprit_gets_the_code_of_its_failure(failure, code):
    outcome = run(FakeEngine(failure=failure), requests_of(1, POISON))

    assert [each.code for each in outcome.failures] == [code]


def test_the_models_own_sample_is_tried_once_before_any_request_is_blamed():
    engine = FakeEngine()

    run(engine, requests_of(1, POISON, 1, POISON))

    assert engine.probes == 1


def test_a_session_that_fails_on_its_own_sample_is_sick():
    with pytest.raises(SessionSick):
        run(FakeEngine(sick=True), requests_of(1, POISON))


def test_rows_that_are_no_result_are_marked_and_no_others():
    outcome = run(FakeEngine(), requests_of(1.0, math.nan, 3.0))

    (part,) = outcome.parts
    assert part.unsound.tolist() == [False, True, False]


def test_when_the_search_takes_too_long_what_is_not_cleared_fails():
    engine = FakeEngine()
    limits = LIMITS._replace(search_s=2.0)

    outcome = run(engine, requests_of(*([POISON] * 8), 1.0), limits=limits, clock=Clock(step_s=1.0))

    assert len(outcome.failures) + sum(len(part.requests) for part in outcome.parts) == 9
    assert len(engine.runs) < 9


def test_a_lone_request_with_more_rows_than_n_runs_in_slices_and_is_one_part():
    engine = FakeEngine()
    values = np.arange(10, dtype="<f4")
    request = make_request(rows=10, inputs=values.tobytes())

    outcome = run(engine, [request], limits=LIMITS._replace(max_rows=4))

    assert engine.runs == [4, 4, 2]
    assert outcome.parts[0].outputs["y"].ravel().tolist() == (values * 2).tolist()


def test_inputs_of_a_retried_half_are_its_own_rows():
    engine = FakeEngine()

    outcome = run(engine, requests_of(POISON, 3.0))

    (part,) = outcome.parts
    assert part.outputs["y"].ravel().tolist() == [6.0]
