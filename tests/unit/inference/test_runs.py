import math

import numpy as np
import pytest

from daemon.inference.runs import RunLimits, SessionSick, require_healthy, run_batch
from runtime import ModelFailed
from tests.requests import make_request
from tests.unit.inference.engines import POISON, FakeEngine, requests_of, unsound_rows

LIMITS = RunLimits(run_s=1.0, full_s=1.0, max_rows=64)


def run(engine, requests, *, limits=LIMITS):
    return run_batch(engine, requests, None, unsound=unsound_rows, limits=limits)


def test_a_batch_runs_once_and_has_its_rows_in_order():
    engine = FakeEngine()

    part = run(engine, requests_of(1, 2, 3))

    assert engine.runs == [3]
    assert part.outputs["y"].ravel().tolist() == [2, 4, 6]


def test_rows_that_are_no_result_are_marked_and_no_others():
    part = run(FakeEngine(), requests_of(1.0, math.nan, 3.0))

    assert part.unsound.tolist() == [False, True, False]


def test_a_lone_request_with_more_rows_than_n_runs_in_slices_and_is_one_part():
    engine = FakeEngine()
    values = np.arange(10, dtype="<f4")
    request = make_request(rows=10, inputs=values.tobytes())

    part = run(engine, [request], limits=LIMITS._replace(max_rows=4))

    assert engine.runs == [4, 4, 2]
    assert part.outputs["y"].ravel().tolist() == (values * 2).tolist()


def test_a_batch_with_one_bad_row_fails_whole():
    with pytest.raises(ModelFailed):
        run(FakeEngine(), requests_of(1, POISON))


def test_a_session_that_fails_on_its_own_sample_is_sick():
    require_healthy(FakeEngine(), limit_s=1.0)
    with pytest.raises(SessionSick):
        require_healthy(FakeEngine(sick=True), limit_s=1.0)
