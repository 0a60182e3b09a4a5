from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Histogram as Reference
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.telemetry import metric_names
from daemon.telemetry.histograms import Histogram
from daemon.telemetry.lane_work import LaneWork
from daemon.telemetry.metrics import Gauges, Metrics
from daemon.values.errors import Code
from daemon.values.messages import Answer
from daemon.values.ports import Suspected
from daemon.windows.window import WindowEnd
from tests.fakes import FakeRecord
from tests.ledgers import make_ledger
from tests.signatures import one_to_one

LEDGER = make_ledger("requests", 0, 0)


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"tidemill_{name}", labels)


def records(*timestamps):
    return [FakeRecord("requests", 0, n, timestamp=ms) for n, ms in enumerate(timestamps)]


def answer(lane="urgent", code=None, *, dead=False, timestamp=1_000):
    record = FakeRecord("requests", 0, 0, timestamp=timestamp)
    return Answer(record, LEDGER, lane, code, dead, "replies", 0, None, b"", [], 1)


def gauges(**changed):
    quiet = Gauges(lambda: 0, lambda: 0, dict, dict, dict)
    return quiet._replace(**changed)


@pytest.fixture
def metrics():
    return Metrics()


def test_received_records_are_counted_by_lane(metrics):
    metrics.received("urgent", records(1_000, 1_000), unreadable=1, wall_s=1.0)
    metrics.received("urgent", records(1_000), wall_s=1.0)

    assert value(metrics, "records_total", lane="urgent") == 4


def test_time_in_the_broker_is_seen_when_records_are_received(metrics):
    metrics.received("urgent", records(1_000, 3_000), wall_s=5.0)

    assert value(metrics, "stage_seconds_sum", lane="urgent", stage="broker") == 6.0


def test_the_largest_is_told_beside_the_histogram_that_has_it(metrics):
    metrics.stage("urgent", "run", [0.25, 0.5])
    metrics.settled("urgent", "ok", 1, [7.0])

    assert value(metrics, "longest_stage_seconds", lane="urgent", stage="run") == 0.5
    assert value(metrics, "longest_request_seconds", lane="urgent") == 7.0


def test_a_record_without_a_timestamp_is_counted_but_not_timed(metrics):
    metrics.received("urgent", records(-1), wall_s=5.0)

    assert value(metrics, "records_total", lane="urgent") == 1
    assert value(metrics, "stage_seconds_count", lane="urgent", stage="broker") == 0


def test_answers_are_counted_by_lane_and_outcome(metrics):
    metrics.answered("standard", [answer("standard")], wall_s=2.0)
    metrics.answered(
        "urgent",
        [
            answer(),
            answer(),
            answer(code=Code.TOO_LARGE),
            answer(code=Code.REPLY_TOPIC_DENIED, dead=True),
        ],
        wall_s=2.0,
    )

    assert value(metrics, "requests_total", lane="urgent", outcome="ok") == 2
    assert value(metrics, "requests_total", lane="urgent", outcome="too_large") == 1
    assert value(metrics, "requests_total", lane="urgent", outcome="dead_letter") == 1
    assert value(metrics, "requests_total", lane="standard", outcome="ok") == 1


def test_answers_are_timed_from_the_record_s_timestamp(metrics):
    metrics.answered("urgent", [answer(timestamp=1_000), answer(timestamp=1_500)], wall_s=2.0)

    assert value(metrics, "request_seconds_sum", lane="urgent") == 1.5


def test_a_clock_behind_the_producer_s_counts_as_no_time(metrics):
    metrics.answered("urgent", [answer(timestamp=9_000)], wall_s=2.0)

    assert value(metrics, "request_seconds_sum", lane="urgent") == 0.0


def test_an_answer_is_progress(metrics):
    metrics.answered("urgent", [answer()], wall_s=1234.5)

    assert value(metrics, "last_progress_timestamp_seconds") == 1234.5


def test_suspects_have_series_while_there_are_any(metrics):
    suspected = {("documents", 3): Suspected(offsets=16, deaths=5)}
    metrics.bind(gauges(suspected=lambda: suspected))
    place = {"topic": "documents", "partition": "3"}

    assert value(metrics, "suspect_requests", **place) == 16
    assert value(metrics, "suspect_crashes", **place) == 5

    suspected.clear()
    assert value(metrics, "suspect_requests", **place) is None
    assert value(metrics, "suspect_crashes", **place) is None


def test_dead_letters_are_counted_by_code(metrics):
    metrics.answered("urgent", [answer(code=Code.UNDECODABLE_RECORD, dead=True)] * 3, wall_s=2.0)

    assert value(metrics, "dead_letters_total", code="undecodable_record") == 3


def test_an_error_reply_is_no_dead_letter(metrics):
    metrics.answered("urgent", [answer(code=Code.TOO_LARGE)], wall_s=2.0)

    assert value(metrics, "dead_letters_total", code="too_large") is None


@given(st.lists(st.sampled_from(["ok", "error", "dead", "handed back", "held"]), max_size=50))
def test_what_comes_in_is_results_errors_dead_letters_and_what_is_still_held(fates):
    metrics = Metrics()
    metrics.received("urgent", records(*[0] * len(fates)), wall_s=0.0)
    metrics.bind(gauges(inflight_requests=lambda: fates.count("held")))
    metrics.answered("urgent", [answer()] * fates.count("ok"), wall_s=0.0)
    metrics.answered("urgent", [answer(code=Code.INVALID_JSON)] * fates.count("error"), wall_s=0.0)
    metrics.answered(
        "urgent",
        [answer(code=Code.REPLY_TOPIC_DENIED, dead=True)] * fates.count("dead"),
        wall_s=0.0,
    )
    metrics.handed_back("urgent", fates.count("handed back"))

    samples = [sample for family in metrics.collect() for sample in family.samples]
    out = sum(
        sample.value
        for sample in samples
        if sample.name
        in {
            "tidemill_requests_total",
            "tidemill_handed_back_total",
            "tidemill_inflight_requests",
        }
    )

    assert out == value(metrics, "records_total", lane="urgent")


def test_a_batch_shows_its_rows_fill_and_cause(metrics):
    metrics.batch("mlp", "urgent", rows=6, fill_ratio=0.75, cause="linger")

    assert value(metrics, "batch_rows_bucket", model="mlp", le="4.0") == 0
    assert value(metrics, "batch_rows_bucket", model="mlp", le="8.0") == 1
    assert value(metrics, "batch_fill_ratio_sum", model="mlp") == 0.75
    assert value(metrics, "flushes_total", lane="urgent", cause="linger") == 1


def test_a_batch_that_was_cut_counts_once_in_what_was_done_for_its_lane(metrics):
    for cause in ("slice", "slice", "full"):
        metrics.batch("mlp", "urgent", rows=2, fill_ratio=0.25, cause=cause)

    assert value(metrics, "flushes_total", lane="urgent", cause="slice") == 2
    assert metrics.work("urgent").batches == 1
    assert metrics.work("urgent").fill_ratio == 0.75


def test_a_lone_request_of_many_slices_counts_as_full(metrics):
    metrics.batch("mlp", "urgent", rows=640, fill_ratio=10.0, cause="full")

    assert value(metrics, "batch_fill_ratio_sum", model="mlp") == 1.0


def test_what_padding_fills_up_is_counted_beside_all_elements(metrics):
    metrics.padded("mlp", 64, 10)
    metrics.padded("mlp", 32, 5)

    assert value(metrics, "input_elements_total", model="mlp") == 96
    assert value(metrics, "padding_elements_total", model="mlp") == 15


def test_executor_time_adds_up(metrics):
    metrics.executor_busy("mlp", 0.25)
    metrics.executor_busy("mlp", 0.5)

    assert value(metrics, "executor_busy_seconds_total", model="mlp") == 0.75


def test_plain_counters_are_there_before_anything_happens(metrics):
    for name in ("rebalances_total", "replays_total", "requests_lost_total"):
        assert value(metrics, name) == 0


def test_what_happens_to_the_worker_is_counted(metrics):
    metrics.rebalance()
    metrics.replayed(3)
    metrics.lost(5)
    metrics.skewed("urgent", 2)

    assert value(metrics, "rebalances_total") == 1
    assert value(metrics, "replays_total") == 3
    assert value(metrics, "requests_lost_total") == 5
    assert value(metrics, "clock_skew_total", lane="urgent") == 2


def model(digest, *, degraded=False, alone=False):
    provider = "CPUExecutionProvider" if degraded else "CUDAExecutionProvider"
    return SimpleNamespace(
        session=SimpleNamespace(
            digest=digest,
            provider=provider,
            degraded=degraded,
            signature=replace(one_to_one(), alone=alone),
        )
    )


def digests(metrics):
    return [
        sample.labels["digest"]
        for family in metrics.collect()
        if family.name == "tidemill_model_info"
        for sample in family.samples
    ]


def test_a_reloaded_model_replaces_the_one_before(metrics):
    models = {"mlp": model("aaa")}
    metrics.bind_models(models)
    before = digests(metrics)

    models["mlp"] = model("bbb")

    assert (before, digests(metrics)) == (["aaa"], ["bbb"])


def test_models_whose_rows_run_alone_are_told(metrics):
    metrics.bind_models({"a": model("aaa", alone=True), "b": model("bbb")})

    assert value(metrics, "runs_alone", model="a") == 1
    assert value(metrics, "runs_alone", model="b") == 0


def test_one_degraded_model_degrades_the_worker(metrics):
    models = {"a": model("aaa", degraded=True), "b": model("bbb")}
    metrics.bind_models(models)
    assert value(metrics, "degraded") == 1

    models["a"] = model("aaa")
    assert value(metrics, "degraded") == 0


def test_gauges_are_asked_at_each_scrape(metrics):
    held = [3]
    metrics.bind(gauges(inflight_requests=lambda: held[0]))
    assert value(metrics, "inflight_requests") == 3

    held[0] = 4
    assert value(metrics, "inflight_requests") == 4


def test_a_topic_that_was_given_up_has_no_lag_any_more(metrics):
    lag = {"requests": 7}
    metrics.bind(gauges(lag_records=lambda: lag))
    assert value(metrics, "lag_records", topic="requests") == 7

    lag.clear()
    assert value(metrics, "lag_records", topic="requests") is None


def ended(outcome="on_time", moment_s=900.0, delay_s=0.5, open_s=42.0):
    return WindowEnd(moment_s, outcome, delay_s, open_s)


def test_moments_of_a_lane_that_opens_by_the_clock_are_counted_from_zero_on(metrics):
    metrics.opens_by_clock("documents")

    for outcome in ("on_time", "late", "overran", "missed"):
        assert value(metrics, "window_openings_total", lane="documents", outcome=outcome) == 0


def test_a_window_is_counted_with_how_late_how_long_and_how_full_it_was(metrics):
    metrics.window_ended("documents", ended(), 0.75)
    metrics.window_ended("documents", ended("overran", 1_800.0, 5.5, 900.0), None)

    assert value(metrics, "window_openings_total", lane="documents", outcome="overran") == 1
    assert value(metrics, "window_delay_seconds_sum", lane="documents") == 6.0
    assert value(metrics, "window_seconds_sum", lane="documents") == 942.0
    assert value(metrics, "window_fill_ratio_sum", lane="documents") == 0.75
    assert value(metrics, "window_fill_ratio_count", lane="documents") == 1
    last = {"lane": "documents", "outcome": "overran"}
    assert value(metrics, "last_window_timestamp_seconds", **last) == 1_800.0


def test_a_window_that_was_missed_took_no_time(metrics):
    metrics.window_ended("documents", ended("missed", delay_s=3_600.0), None)

    assert value(metrics, "window_openings_total", lane="documents", outcome="missed") == 1
    assert value(metrics, "window_seconds_count", lane="documents") is None


def test_the_next_opening_is_told_for_each_topic_as_long_as_there_is_one(metrics):
    opening = {("documents", "a"): 900.0, ("documents", "b"): 900.0}
    metrics.bind(gauges(next_openings=lambda: opening))
    assert value(metrics, "next_opening_timestamp_seconds", lane="documents", topic="b") == 900.0

    del opening["documents", "b"]
    assert value(metrics, "next_opening_timestamp_seconds", lane="documents", topic="b") is None


def test_by_when_a_lane_is_to_be_ready_and_what_is_left_of_it_is_told(metrics):
    metrics.bind(gauges(ready_by=lambda: {"l": 900.0}, ready_by_slack=lambda: {"l": -3.0}))

    assert value(metrics, "ready_by_timestamp_seconds", lane="l") == 900.0
    assert value(metrics, "ready_by_slack_seconds", lane="l") == -3.0


def test_what_waits_for_an_opening_is_told_while_it_waits(metrics):
    waiting = {"a": 5}
    metrics.bind(gauges(waiting_records=lambda: waiting, waiting_seconds=lambda: {"a": 60.0}))
    assert value(metrics, "waiting_records", topic="a") == 5
    assert value(metrics, "waiting_seconds", topic="a") == 60

    waiting.clear()
    assert value(metrics, "waiting_records", topic="a") is None


def test_what_was_done_for_a_lane_is_read_from_what_was_counted(metrics):
    metrics.received("urgent", records(1_000, 1_000, 1_000), wall_s=1.0)
    metrics.batch("mlp", "urgent", rows=6, fill_ratio=0.75, cause="linger")
    before = metrics.work("urgent")
    metrics.received("urgent", records(*[1_000] * 12), wall_s=1.0)
    metrics.batch("mlp", "urgent", rows=8, fill_ratio=1.0, cause="full")
    metrics.batch("mlp", "urgent", rows=4, fill_ratio=0.5, cause="drain")
    metrics.stage("urgent", "run", 0.25)
    metrics.answered("urgent", [answer()] * 10, wall_s=2.0)
    metrics.answered("urgent", [answer(code=Code.INVALID_JSON)] * 2, wall_s=2.0)
    metrics.batch("mlp", "other", rows=1, fill_ratio=0.1, cause="drain")

    done = metrics.work("urgent").since(before)
    assert done == LaneWork(records=12, results=10, errors=2, batches=2, filled=1.5, run_s=0.25)
    assert done.fill_ratio == 0.75
    assert metrics.work("none") == LaneWork()
    assert LaneWork().fill_ratio is None


def test_the_page_is_what_prometheus_reads():
    metrics = Metrics(lambda: {"commit.failed": 2})
    metrics.bind(gauges())
    metrics.answered("urgent", [answer()], wall_s=2.0)
    metrics.batch("mlp", "urgent", rows=6, fill_ratio=0.75, cause="linger")

    page = generate_latest(metrics.registry).decode()

    families = {each.name: each for each in text_string_to_metric_families(page)}
    assert families["tidemill_request_seconds"].type == "histogram"
    assert families["tidemill_requests"].type == "counter"
    assert "process_resident_memory_bytes" in families


def test_every_metric_of_the_table_is_on_the_page_and_no_other(metrics):
    page = {family.name for family in metrics.collect()}

    assert page == {
        "tidemill_" + metric.name.removesuffix("_total") for metric in metric_names.WORKER_METRICS
    }


def test_two_workers_in_one_process_do_not_share_counts():
    one, other = Metrics(), Metrics()
    one.rebalance()

    assert value(other, "rebalances_total") == 0


bounds = st.lists(st.floats(0, 100), min_size=1, max_size=8, unique=True).map(sorted)


@given(bounds, st.lists(st.lists(st.floats(0, 200), max_size=20), max_size=5))
def test_a_histogram_counts_as_the_client_library_does(limits, batches):
    ours, theirs = Histogram(limits), Reference("x", "x", buckets=limits, registry=None)

    for batch in batches:
        ours.observe(batch)
        for each in batch:
            theirs.observe(each)

    expected = [s.value for s in theirs.collect()[0].samples if s.name == "x_bucket"]
    assert [count for _, count in ours.cumulated()] == expected
    assert ours.total == pytest.approx(sum(map(sum, batches)))


def test_a_value_on_a_bound_belongs_to_its_bucket():
    histogram = Histogram([1.0, 2.0])
    histogram.observe([1.0])

    assert histogram.cumulated()[0] == (1.0, 1)


def test_unknown_values_are_not_observed():
    histogram = Histogram([1.0])
    histogram.observe(np.array([np.nan, 0.5]))

    assert histogram.cumulated()[-1][1] == 1
    assert histogram.total == 0.5


def test_what_waits_to_be_counted_is_little_however_large_batches_are():
    histogram, values = Histogram([1.0]), np.zeros(4_096)
    histogram.observe(values)
    values += 9.0  # which nobody does; here it shows what was counted before

    assert histogram.total == 0.0
