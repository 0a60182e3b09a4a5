import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.batching.ladder import Ladder
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


def test_others_may_run_between_its_slices_and_nowhere_else():
    engine, met = FakeEngine(), []
    request = make_request(rows=10, inputs=np.ones(10, "<f4").tobytes())

    def in_between():
        met.append(list(engine.runs))

    for requests in ([request], requests_of(1, 2, 3, 4, 5)):
        limits = LIMITS._replace(max_rows=4)
        run_batch(
            engine, requests, None, unsound=unsound_rows, limits=limits, in_between=in_between
        )

    assert met == [[4], [4, 4]]


@given(st.integers(1, 80), st.integers(1, 20), st.sampled_from([1, 8, 64, 100]))
def test_rows_that_fill_a_run_up_are_no_part_of_what_comes_back(rows, requests, top):
    engine = FakeEngine()
    batch = requests_of(*range(requests), rows=rows)
    limits = LIMITS._replace(max_rows=top, ladder=Ladder.to(top))

    part = run(engine, batch, limits=limits)

    assert part.requests is batch
    assert part.outputs["y"].ravel().tolist() == [
        2.0 * each for each in range(requests) for _ in range(rows)
    ]
    assert part.unsound is None
    assert all(each in limits.ladder.rungs for each in engine.runs if each <= top)


def test_a_row_that_is_no_result_is_marked_once_though_copies_of_it_fill_the_run_up():
    limits = LIMITS._replace(ladder=Ladder.to(8))

    part = run(FakeEngine(), requests_of(math.nan, 1.0), limits=limits)

    assert part.unsound.tolist() == [True, False]


@pytest.mark.parametrize(("ladder", "most_changes"), [(Ladder.to(64), 120), (Ladder(), 900)])
def test_a_model_meets_another_number_of_rows_far_less_often(ladder, most_changes):
    """As a lane that is rarely full has them: mostly some rows, now and then many."""
    engine, random_rows = FakeEngine(), random.Random(5)
    sizes = [min(1 + int(random_rows.expovariate(0.4)), 64) for _ in range(1_000)]

    for rows in sizes:
        run(engine, requests_of(*[1.0] * rows), limits=LIMITS._replace(ladder=ladder))

    changes = sum(before != after for before, after in itertools.pairwise(engine.runs))
    assert most_changes / 2 < changes <= most_changes
    assert len(set(engine.runs)) == (2 if ladder.rungs else len(set(sizes)))


def test_a_batch_with_one_bad_row_fails_whole():
    with pytest.raises(ModelFailed):
        run(FakeEngine(), requests_of(1, POISON))


def test_a_session_that_fails_on_its_own_sample_is_sick():
    require_healthy(FakeEngine(), limit_s=1.0)
    with pytest.raises(SessionSick):
        require_healthy(FakeEngine(sick=True), limit_s=1.0)
