import pytest
from prometheus_client.samples import Sample

from daemon.telemetry import metric_names as names
from daemon.telemetry.status.window import Window

RECORDS = "tidemill_records_total"
LAG = "tidemill_lag_records"


def records(count, lane="l", **labels):
    return Sample(RECORDS, {"lane": lane, **labels}, count)


def lag(count, topic="t", **labels):
    return Sample(LAG, {"topic": topic, **labels}, count)


def bucket(bound, count, stage="wait"):
    labels = {"lane": "l", "stage": stage, "le": bound}
    return Sample("tidemill_stage_seconds_bucket", labels, count)


def seen(*looks, **kinds):
    """A window that has seen `looks`: pairs of time and samples."""
    window = Window(**kinds)
    for at_s, *samples in looks:
        window.observe(samples, at_s)
    return window


def test_a_rate_is_what_came_over_the_time_it_took():
    window = seen((100, records(50)), (110, records(80)))

    assert window.rate(names.RECORDS, "lane") == {("l",): 3.0}


def test_there_is_no_rate_before_there_are_two_looks():
    assert Window().rate(names.RECORDS) == {}
    assert seen((100, records(50))).rate(names.RECORDS) == {}


def test_what_is_older_than_the_window_no_longer_counts():
    looks = [(at_s, records(1_000 if at_s >= 20 else 0)) for at_s in range(0, 101, 10)]

    window = seen(*looks)

    assert window.increase(names.RECORDS) == {(): 0.0}
    assert window.seconds == 60
    assert window.total(names.RECORDS) == {(): 1_000}


def test_many_looks_are_kept_as_few_snapshots():
    looks = [(tick / 10, records(tick)) for tick in range(3_000)]

    window = seen(*looks, span_s=60, grain_s=5)

    assert len(window._snapshots) <= 14
    assert window.rate(names.RECORDS)[()] == pytest.approx(10.0)


def test_what_was_there_at_the_first_look_did_not_come_in_the_window():
    window = seen((0, records(10_000)), (5, records(10_001)))

    assert window.increase(names.RECORDS) == {(): 1.0}


def test_a_lane_that_appears_later_came_as_a_whole():
    window = seen((0, records(1, "a")), (5, records(1, "a"), records(7, "b")))

    assert window.increase(names.RECORDS, "lane") == {("a",): 0.0, ("b",): 7.0}


def test_workers_are_added_up():
    window = seen(
        (0, records(10, worker="0"), records(20, worker="1")),
        (10, records(15, worker="0"), records(40, worker="1")),
    )

    assert window.increase(names.RECORDS, "lane") == {("l",): 25.0}
    assert window.total(names.RECORDS, "lane") == {("l",): 55.0}


def test_a_histogram_is_counted_like_any_counter():
    name, labels = "tidemill_batch_rows", {"model": "m"}
    window = seen((0, *(Sample(name + end, labels, 3) for end in ("_count", "_sum"))))

    assert window.total(names.BATCH_ROWS, "model", suffix="_count") == {("m",): 3}
    assert window.total(names.BATCH_ROWS, "model", suffix="_sum") == {("m",): 3}


def test_gauges_of_workers_are_added_up_or_the_largest_taken():
    window = seen((0, lag(10, worker="0"), lag(5, worker="1")))

    assert window.gauge(names.LAG_RECORDS, "topic") == {("t",): 15.0}
    assert window.gauge(names.LAG_RECORDS, "topic", of=max) == {("t",): 10.0}


def test_the_gauge_of_the_whole_group_stands_for_those_of_its_workers():
    window = seen((0, lag(20), lag(10, worker="0"), lag(5, worker="1")))

    assert window.gauge(names.LAG_RECORDS) == {(): 20.0}


def test_a_gauge_that_went_away_is_forgotten():
    assert seen((0, lag(10)), (1,)).gauge(names.LAG_RECORDS) == {}


def test_quantiles_are_of_the_window_alone():
    window = seen(
        (0, bucket("0.1", 1_000), bucket("1.0", 1_000), bucket("+Inf", 1_000)),
        (10, bucket("0.1", 1_000), bucket("1.0", 1_100), bucket("+Inf", 1_100)),
    )

    spread = window.distribution(names.STAGE_SECONDS, "lane", "stage")["l", "wait"]

    assert spread.observations == 100
    assert spread.quantile(0.5) == pytest.approx(0.55)


def test_no_quantile_is_above_the_largest_of_any_worker_that_ever_was():
    def longest(seconds, worker):
        labels = {"lane": "l", "stage": "wait", "worker": worker}
        return Sample("tidemill_longest_stage_seconds", labels, seconds)

    window = seen(
        (0, bucket("30.0", 0), bucket("60.0", 100), longest(42.0, "0"), longest(35.0, "1")),
        (10, bucket("30.0", 0), bucket("60.0", 200), longest(31.0, "0")),  # it started anew
    )

    spread = window.distribution(names.STAGE_SECONDS, "lane", "stage")["l", "wait"]

    assert spread.quantile(1.0) == 42.0


def test_stages_that_are_not_shown_are_not_kept():
    window = seen((0, bucket("+Inf", 3, stage="commit")))

    assert window.distribution(names.STAGE_SECONDS, "stage") == {}


def test_metrics_of_others_are_passed_over():
    window = seen((0, Sample("process_cpu_seconds_total", {}, 1.0)))

    assert window._totals == {}


def test_workers_are_counted_on_average_over_the_window():
    def held(worker):
        return Sample("tidemill_inflight_requests", {"worker": worker}, 0)

    window = seen((0, held("0")), (5, held("0"), held("1"), held("2")))

    assert window.workers == pytest.approx(2)


def test_nothing_seen_yet_is_no_time():
    assert Window().at_s is None
    assert Window().seconds == 0
