"""How a run went over time."""

import numpy as np
import pytest

from loadtest.verdict.course import courses, interval_s
from tests.unit.loadtest.runs import answer, made_plan, recorded


def course(latencies_s, duration_s=60.0, **options):
    made = made_plan(len(latencies_s), duration_s=duration_s)
    recorder = recorded(made)
    answer(recorder, np.array(latencies_s), **options)
    return courses(recorder.records(), ["a"])["a"]


@pytest.mark.parametrize(
    ("length_s", "interval"),
    [(3, 0.1), (10, 0.2), (30, 0.5), (60, 1), (600, 1), (601, 2), (1_800, 5), (86_400, 300)],
)
def test_intervals_are_a_second_unless_a_run_is_very_short_or_long(length_s, interval):
    assert interval_s(length_s) == interval


def test_latencies_belong_to_the_time_of_sending_and_replies_to_their_own():
    seen = course([0.25] * 600 + [2.25] * 600 + [0.25] * 600)
    assert seen.interval_s == 1
    assert (seen.p50_s[10], seen.p99_s[25], seen.longest_s[45]) == (0.25, 2.25, 0.25)
    assert seen.planned[:3] == seen.sent[:3] == [30, 30, 30]
    assert (seen.results[19], seen.results[21], seen.results[22]) == (30, 0, 23)
    assert sum(seen.results) == sum(seen.planned) == 1800


def test_what_waits_is_counted_at_the_end_of_each_interval():
    seen = course([0.01] * 300 + [1.51] * 300)
    assert (seen.waiting[10], seen.waiting[45]) == (0, 15)
    assert seen.waiting[-1] == 0


def test_a_request_without_reply_is_infinite_in_its_interval_alone():
    latencies_s = np.full(6000, 0.1)
    latencies_s[1000:1002] = np.nan
    seen = course(latencies_s)
    assert (seen.missing[10], sum(seen.missing)) == (2, 2)
    assert (seen.p50_s[10], seen.p99_s[10], seen.longest_s[10]) == (0.1, None, None)
    assert seen.longest_s[11] == 0.1


def test_errors_are_failures_and_no_latencies():
    seen = course([0.1] * 60, status="error", error_code="x")
    assert sum(seen.failures) == 60
    assert set(seen.p50_s) == {None}


def test_a_class_that_sent_nothing_has_a_course_of_nothing():
    made = made_plan(100, names=("a", "b"))
    recorder = recorded(made)
    rows = recorder.records()
    assert sum(courses(rows.rows(rows.stream == 0), ["a", "b"])["b"].planned) == 0
