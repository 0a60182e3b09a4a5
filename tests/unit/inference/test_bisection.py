"""Who is blamed for a batch that fails, and what it costs to find out."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.batching.ladder import EXACT, Ladder
from daemon.inference.bisection import Bisection, parts_of
from daemon.inference.runs import RunLimits
from daemon.values.errors import Code
from runtime import ModelFailed, ModelTimeout, OutputInvalid
from tests.ledgers import make_ledger
from tests.requests import make_request, make_requests
from tests.unit.inference.suspects import FAILS, GOOD, HUNGRY, LOOPS, RUN_S, SEARCH_S, World

FULL = RunLimits(run_s=30.0, full_s=30.0, max_rows=64)
SHORT = FULL._replace(run_s=1.0)
NATURES = st.sampled_from([GOOD] * 6 + [FAILS, LOOPS, HUNGRY, 3.0])
CODES = {
    FAILS: Code.INFERENCE_FAILED,
    LOOPS: Code.MODEL_TIMEOUT,
    HUNGRY: Code.OVERLOADED,
}


@given(
    st.lists(NATURES, min_size=1, max_size=64),
    st.integers(1, 64),
    st.integers(1, 64),
    st.sampled_from([EXACT, Ladder.to(64)]),
)
def test_exactly_the_guilty_are_blamed_and_everybody_else_has_a_result(
    natures, memory, company, ladder
):
    world = World(memory_rows=memory, company=company, ladder=ladder)

    world.batch(*natures)
    world.search()

    blamed = [failure.request for failure in world.blamed]
    answered = sorted(request.record.offset for request in [*world.results, *blamed])
    assert answered == list(range(len(natures)))
    assert sorted(world.natures(blamed)) == sorted(each for each in natures if each in CODES)
    assert [each.code for each in world.blamed] == [CODES[each] for each in world.natures(blamed)]


@given(st.lists(NATURES, min_size=1, max_size=64))
def test_who_loops_has_had_the_full_limit_alone(natures):
    world = World()

    world.batch(*natures)
    world.search()

    by_time = {
        each.request.record.offset for each in world.blamed if each.code is Code.MODEL_TIMEOUT
    }
    judged = {
        batch.requests[0].record.offset
        for batch, limits, failure, _ in world.runs
        if isinstance(failure, ModelTimeout) and len(batch.requests) == 1 and limits.are_full
    }
    assert by_time == judged


@given(st.lists(NATURES, min_size=1, max_size=64), st.sampled_from([0.002, 0.5]))
@example([LOOPS] * 64, 0.5)
def test_an_answer_comes_within_the_time_of_a_search_and_one_run(natures, base_s):
    world = World(base_s=base_s)

    world.batch(*natures)
    world.search()

    assert world.longest_silence_s <= SEARCH_S + RUN_S + 1e-6


@given(
    st.lists(st.sampled_from([GOOD, FAILS, LOOPS]), min_size=1, max_size=64),
    st.sampled_from([0.0001, 0.002, 0.1]),
)
def test_what_a_search_takes_is_within_its_formula(natures, base_s):
    world = World(base_s=base_s)

    world.batch(*natures)
    world.search()

    n, guilty = len(natures), natures.count(FAILS) + natures.count(LOOPS)
    good_s = sum(run_s for _, _, failure, run_s in world.runs[1:] if failure is None)
    shorts = [limits.run_s for _, limits, _, _ in world.runs[1:] if not limits.are_full]
    short_s = max(shorts, default=0.0)
    levels = math.ceil(math.log2(n)) if n > 1 else 0
    most_s = world.runs[0][3] + good_s + guilty * ((levels + 1) * max(short_s, base_s))
    most_s += natures.count(LOOPS) * RUN_S
    assert world.now_s - 1000.0 <= most_s + 1e-6


@pytest.mark.parametrize("size", [2, 7, 64])
@pytest.mark.parametrize("nature", [FAILS, LOOPS])
def test_one_culprit_costs_at_most_two_log_n_runs_or_one_for_each_request(size, nature):
    for place in range(size):
        world = World()

        world.batch(*[nature if each == place else GOOD for each in range(size)])
        world.search()

        most = 2 * math.ceil(math.log2(size)) if nature is FAILS else size + 1
        assert len(world.runs) - 1 <= most


def test_one_that_loops_among_64_costs_two_full_runs_and_little_more():
    for place in range(64):
        world = World()

        world.batch(*[LOOPS if each == place else GOOD for each in range(64)])
        world.search()

        assert world.now_s - 1000.0 < 2 * RUN_S + 2.0
        assert len(world.results) == 63


def test_a_batch_that_fails_by_its_company_gets_its_results():
    world = World(company=5)

    world.batch(*[GOOD] * 64)
    world.search()

    assert len(world.results) == 64


def test_one_that_is_only_slow_gets_its_result_though_shorter_runs_were_ended():
    world = World()

    world.batch(*[GOOD] * 20, LOOPS, 25.0, *[GOOD] * 10)
    world.search()

    assert len(world.results) == 31


def test_a_batch_without_memory_fails_once_for_each_time_it_is_halved_and_once_more():
    world = World(memory_rows=7)

    world.batch(*[GOOD] * 64)
    world.search()

    assert len(world.results) == 64
    assert sum(failure is not None for _, _, failure, _ in world.runs) == 5


def test_a_lone_request_without_memory_runs_in_ever_smaller_slices():
    world = World(memory_rows=3)

    (request,) = world.batch(GOOD, rows=40)
    world.search()

    assert world.results == [request]
    assert [limits.max_rows for _, limits, _, _ in world.runs] == [64, 20, 10, 5, 2]


@pytest.mark.parametrize("memory_rows", [1, 2, 7, 8, 63])
@pytest.mark.parametrize("requests", [1, 3, 64])
def test_rows_that_fit_are_not_refused_for_those_that_fill_them_up(memory_rows, requests):
    world = World(memory_rows=memory_rows, ladder=Ladder.to(64))

    world.batch(*[GOOD] * requests)
    world.search()

    assert len(world.results) == requests


def test_what_memory_is_short_for_is_filled_up_no_further():
    world = World(memory_rows=20, ladder=Ladder.to(64))

    for _ in range(20):
        world.batch(*[GOOD] * 12)
        world.search()

    ran = [world.rows_at_once(batch, limits) for batch, limits, *_ in world.runs]
    assert ran.count(64) <= 3
    assert set(ran) <= {64, 32, 16, 8}


def test_without_memory_for_a_single_row_its_request_may_be_sent_again():
    world = World(memory_rows=0)

    world.batch(GOOD, GOOD)
    world.search()

    assert [each.code for each in world.blamed] == [Code.OVERLOADED] * 2
    assert Code.OVERLOADED.retriable


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ModelFailed, Code.INFERENCE_FAILED),
        (ModelTimeout, Code.MODEL_TIMEOUT),
        (OutputInvalid, Code.INVALID_OUTPUT),
    ],
)
def test_a_culprit_gets_the_code_of_its_failure(failure, code):
    (request,) = requests = make_requests(1)
    bisection = Bisection(requests, max_rows=64)

    blamed = bisection.failed(bisection.first, failure("why"), FULL, parts=2)

    assert (blamed.request, blamed.code, blamed.detail) == (request, code, "why")
    assert bisection.is_over


def test_a_time_out_under_a_short_limit_is_no_proof():
    bisection = Bisection(make_requests(1), max_rows=64)

    assert bisection.failed(bisection.first, ModelTimeout("why"), SHORT, parts=2) is None
    assert bisection.next().alone


def test_the_part_that_is_left_when_all_others_succeeded_is_split_without_a_run():
    bisection = Bisection(make_requests(8), max_rows=64)
    bisection.failed(bisection.first, ModelFailed("why"), FULL, parts=2)

    bisection.succeeded(bisection.next())

    assert [each.record.offset for each in bisection.next().requests] == [4, 5]


def test_suspects_who_are_lost_or_expired_are_not_run():
    mine, lost = make_ledger("standard", 0, 0), make_ledger("standard", 0, 1)
    requests = [
        make_request(offset=0, ledger=mine),
        make_request(offset=1, ledger=lost),
        make_request(offset=2, ledger=mine, expires_s=5.0),
        make_request(offset=3, ledger=mine),
    ]
    bisection = Bisection(requests, max_rows=64)
    bisection.failed(bisection.first, ModelFailed("why"), FULL, parts=2)

    assert bisection.drop([lost]) == [requests[1]]
    assert bisection.expire(5.0) == [requests[2]]

    assert list(bisection.waiting) == [requests[0], requests[3]]
    assert [each.record.offset for each in bisection.next().requests] == [0]


@given(st.integers(2, 100), st.floats(1e-4, 1.0), st.floats(0.0, 40.0))
def test_parts_cost_no_more_than_the_run_that_failed_or_are_two(count, good_s, failing_s):
    parts = parts_of(make_requests(count), lambda rows: good_s * rows**0.5, failing_s)

    assert 2 <= parts <= count
    assert parts == 2 or parts / 2 * good_s <= failing_s
