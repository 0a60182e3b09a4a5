"""Figures equal an independent computation, and count what must be counted."""

import math

import numpy as np
import pytest

from loadtest.deployment.look import Look
from tests.unit.loadtest.runs import answer, found, made_plan, recorded, reply


def _run(latencies_s, *, count=1000, **options):
    made = made_plan(count)
    recorder = recorded(made)
    answer(recorder, latencies_s)
    return found(made, recorder, **options)


def test_the_recorder_is_exact_to_hdr_precision_on_synthetic_times():
    latencies_s = np.random.default_rng(1).exponential(1.5, 1000)
    latencies = _run(latencies_s).whole.latencies
    for percent in (50, 90, 99, 99.9):
        exact = np.sort(latencies_s)[math.ceil(10 * percent) - 1]
        assert exact <= latencies.percentile(percent) + 1e-6 <= exact * 1.001 + 3e-6


def test_a_missing_reply_is_infinite_in_the_percentiles():
    latencies_s = np.full(1000, 0.1)
    latencies_s[:11] = np.nan
    figures = _run(latencies_s).whole
    assert (figures.results, figures.missing) == (989, 11)
    assert figures.latencies.percentile(98.9) == pytest.approx(0.1, rel=1e-3)
    assert figures.latencies.percentile(99) == math.inf
    assert figures.drain_s == math.inf


def test_what_was_never_sent_is_not_missing():
    made = made_plan(10)
    recorder = recorded(made)
    answer(recorder, np.where(np.arange(10) < 7, 0.1, np.nan))
    recorder.records().acknowledged_s[8:] = np.nan
    figures = found(made, recorder).whole
    assert (figures.planned, figures.sent, figures.missing) == (10, 8, 1)


def test_the_warm_up_is_cut_by_intended_time():
    latencies_s = np.full(1000, 0.01)
    latencies_s[:200] = 9.0  # all meant to leave before 2 s, answered long after
    run = _run(latencies_s, warm_up_s=2.0)
    assert run.whole.latencies.longest_s == pytest.approx(0.01, rel=1e-3)
    assert (run.whole.planned, run.warm_up.planned) == (800, 200)


def test_errors_are_counted_by_code_and_are_no_latencies():
    made = made_plan(100)
    recorder = recorded(made)
    early = np.where(np.arange(100) < 10, 0.001, np.nan)
    answer(recorder, early, status="error", error_code="deadline_exceeded")
    answer(recorder, np.where(np.arange(100) >= 20, 0.5, np.nan))
    answer(recorder, np.where(np.arange(100) == 15, 0.5, np.nan), status="error", error_code="x")
    figures = found(made, recorder).whole
    assert figures.errors == {"deadline_exceeded": 10, "x": 1}
    assert (figures.expired, figures.results, figures.missing) == (10, 80, 9)
    assert figures.latencies.samples == 89
    assert figures.latencies.percentile(50) == pytest.approx(0.5, rel=1e-3)


def test_duplicates_are_replies_beyond_the_first():
    made = made_plan(10)
    recorder = recorded(made)
    answer(recorder, np.full(10, 0.1))
    recorder.receive([reply(b"run-3")] * 2 + [reply(b"run-4")], 9.0)
    assert found(made, recorder).whole.duplicates == 3


def test_bad_requests_must_be_refused():
    made = made_plan(10)
    recorder = recorded(made)
    recorder.records().bad[:4] = True
    refused = np.where(np.arange(10) < 3, 0.1, np.nan)
    answer(recorder, refused, status="error", error_code="invalid_shape")
    answer(recorder, np.where(np.arange(10) >= 3, 0.2, np.nan))
    figures = found(made, recorder).whole
    assert (figures.refused, figures.wrong, figures.errors.total()) == (3, 1, 0)
    assert (figures.asked, figures.latencies.samples) == (6, 6)


def test_throughput_is_results_over_the_time_to_the_last_reply():
    throughput = _run(np.full(1000, 0.01)).whole.throughput
    assert throughput.value == pytest.approx(1000 / (9.99 + 0.01), rel=1e-6)
    low, high = throughput.interval
    assert low < 100 < high


def test_the_lag_of_a_daemon_that_keeps_up_has_no_slope():
    slope = _run(np.full(1000, 0.5), warm_up_s=1.0).whole.lag_slope
    # Fifty wait at any time, at the start of the window those of the warm-up.
    assert abs(slope.value) < 0.1


def test_the_lag_of_a_daemon_with_half_the_pace_grows_by_the_other_half():
    latencies_s = np.arange(1000) / 100.0  # request i leaves at i/100 s and is answered at i/50 s
    slope = _run(latencies_s).whole.lag_slope
    assert slope.value == pytest.approx(50, rel=0.02)
    assert slope.interval.low > 0


def test_send_delay_and_acknowledgement_are_figures_of_their_own():
    figures = _run(np.full(1000, 0.1)).whole
    assert figures.lateness.percentile(99) == pytest.approx(0.0005, abs=2e-6)
    assert figures.acknowledgement.percentile(99) == pytest.approx(0.0015, abs=2e-6)


def test_classes_are_told_apart():
    made = made_plan(100, names=("a", "b"))
    recorder = recorded(made)
    answer(recorder, np.where(np.arange(200) < 100, 0.1, 0.2))
    by_class = found(made, recorder).by_class
    assert by_class["a"].latencies.longest_s == pytest.approx(0.1, rel=1e-3)
    assert by_class["b"].latencies.percentile(1) == pytest.approx(0.2, rel=1e-3)


def test_slices_show_when_it_happened():
    latencies_s = np.full(1000, 0.1)
    latencies_s[500:550] = 5.0
    latencies_s[900:950] = np.nan
    slices = _run(latencies_s).series["a"]
    assert len(slices) == 20
    assert [number for number, each in enumerate(slices) if each.p50_s > 1] == [10, 18]
    assert [each.missing for each in slices] == [0] * 18 + [50, 0]
    assert sum(each.sent for each in slices) == 1000


def _looks(count, memory_bytes=lambda _n: 100.0, descriptors=lambda _n: 10.0):
    return [Look(n + 0.5, 0.9 * n, memory_bytes(n), descriptors(n)) for n in range(count)]


def test_the_daemon_is_seen_by_its_metrics():
    looks = _looks(10, lambda n: 100.0 + n, lambda n: 10.0 + (n > 7))
    daemon = _run(np.full(1000, 0.1), looks=looks).daemon
    assert daemon.utilisation == pytest.approx(0.9)
    assert daemon.memory_growth == pytest.approx(108.5 / 101 - 1)
    assert daemon.descriptor_growth == 1


def test_several_executors_are_busy_together():
    looks = [each._replace(executors=2) for each in _looks(10)]
    assert _run(np.full(1000, 0.1), looks=looks).daemon.utilisation == pytest.approx(0.45)


def test_looks_outside_the_window_do_not_count():
    daemon = _run(np.full(1000, 0.1), looks=_looks(30), warm_up_s=8.0).daemon
    assert daemon is None
