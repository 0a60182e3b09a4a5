"""What is told at the end adds up and says what the metrics say."""

import pytest

from daemon.one_shot.summary import RunOutcome, summary
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Code, Exit

DONE = RunOutcome(Exit.CLEAN, "caught up", due=9, left=0, lost=0, wall_s=1.23456)


@pytest.fixture
def metrics():
    return Metrics()


def told(metrics, outcome=DONE):
    return summary(outcome, metrics)


def test_requests_are_results_errors_and_dead_letters_of_all_lanes(metrics):
    metrics.settled("a", "ok", 5, [0.1] * 5)
    metrics.settled("b", "ok", 2, [0.1] * 2)
    metrics.settled("a", Code.INVALID_JSON, 3, [0.1] * 3)
    metrics.settled("b", Code.INVALID_JSON, 1, [0.1])
    metrics.settled("a", Code.TOO_LARGE, 1, [0.1])
    metrics.settled("a", "dead_letter", 4, [0.1] * 4)

    made = told(metrics)

    assert (made.requests, made.results, made.dead_letters) == (16, 7, 4)
    assert made.errors == {"invalid_json": 4, "too_large": 1}


def test_batches_have_their_number_mean_fill_and_busy_time(metrics):
    metrics.batch("m", "a", 8, 1.0, "full")
    metrics.batch("n", "a", 4, 0.5, "drain")
    metrics.executor_busy("m", 1.5)
    metrics.executor_busy("n", 0.25)

    made = told(metrics)

    assert (made.batches, made.mean_fill, made.busy_s) == (2, 0.75, 1.75)


def test_a_run_that_did_nothing_has_no_means(metrics):
    made = told(metrics)

    assert (made.requests, made.batches, made.mean_fill, made.p99_s) == (0, 0, None, None)
    assert made.errors == {}


def test_how_it_ended_is_told(metrics):
    made = told(
        metrics, RunOutcome(Exit.WORK_LEFT, "told to stop", due=9, left=3, lost=1, wall_s=2.0)
    )

    assert (made.exit_code, made.reason) == (75, "told to stop")
    assert (made.due, made.left, made.lost, made.wall_s) == (9, 3, 1, 2.0)


def test_the_p99_counts_all_lanes(metrics):
    metrics.settled("a", "ok", 98, [0.001] * 98)
    metrics.settled("b", "ok", 2, [40.0] * 2)

    assert told(metrics).p99_s == pytest.approx(35.0)


def test_the_p99_is_never_above_what_took_longest(metrics):
    metrics.settled("a", "ok", 100, [11.0] * 100)

    assert told(metrics).p99_s == pytest.approx(11.0, abs=0.02)


def test_the_p99_is_known_however_long_requests_took(metrics):
    metrics.settled("a", "ok", 1, [90_000.0])

    assert told(metrics).p99_s == pytest.approx(90_000.0, rel=0.01)
