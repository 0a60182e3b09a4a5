"""What was decided, as Prometheus reads it."""

import pytest

from daemon.scaling.observation import Offsets
from daemon.scaling.scaler import Scaler
from daemon.telemetry import metric_names as names
from daemon.telemetry.scaling_metrics import ScalingMetrics
from tests.unit.scaling.clocked_group import Group
from tests.unit.scaling.ready_fleet import TIME_S, Fleet
from tests.unit.scaling.sights import settings, sight


@pytest.fixture
def metrics():
    return ScalingMetrics(lambda: {"scaling.paused": 2})


def _report(*sights):
    scaler = Scaler(settings(scaling={"service_rate": 100.0}), 10)
    return [scaler.take(each, 1) for each in sights][-1]


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"tidemill_{name}", labels)


def test_before_the_first_report_nothing_is_known(metrics):
    assert value(metrics, "scaling_known") == 0
    assert value(metrics, "desired_workers") is None


def test_a_report_is_shown(metrics):
    metrics.report = _report(sight(0, (0, 0)), sight(10, (50, 20)))

    assert value(metrics, "scaling_known") == 1
    assert value(metrics, "desired_workers") == 1
    assert value(metrics, "service_rate") == 100
    assert value(metrics, "arrival_rate", lane="standard") == 5
    assert value(metrics, "lag_records", topic="requests") == 30
    assert value(metrics, "lag_seconds", topic="requests") == pytest.approx(6)
    assert value(metrics, "stuck_partitions", topic="requests") == 0


def test_what_is_unknown_is_left_out(metrics):
    metrics.report = _report(sight(0, Offsets(0, 10, None)))

    assert value(metrics, "scaling_known") == 0
    assert value(metrics, "desired_workers") == 1
    assert value(metrics, "lag_records", topic="requests") is None


def test_stuck_partitions_are_counted(metrics):
    metrics.report = _report(*[sight(float(at_s), (10, 5)) for at_s in range(0, 300, 10)])

    assert value(metrics, "stuck_partitions", topic="requests") == 1


def test_what_waits_for_a_lane_to_open_is_no_lag(metrics):
    group = Group(partitions=2)
    group.add(30)
    metrics.report = group.take(group.scaler())

    assert value(metrics, "waiting_records", topic="requests") == 60
    assert value(metrics, "waiting_seconds", topic="requests") == 0
    assert value(metrics, "lag_records", topic="requests") == 0
    assert value(metrics, "lag_seconds", topic="requests") == 0


def test_when_lanes_open_is_told_though_no_worker_is_up():
    metrics = ScalingMetrics(dict, lambda: {("documents", "a"): 900.0})

    assert value(metrics, "next_opening_timestamp_seconds", lane="documents", topic="a") == 900


def test_by_when_a_lane_is_to_be_ready_and_what_is_left_of_it_is_told(metrics):
    fleet = Fleet()
    fleet.add(4_000)
    fleet.at_s = TIME_S - 1_000
    fleet.until(TIME_S - 900)
    metrics.report = fleet.report

    assert value(metrics, "ready_by_timestamp_seconds", lane="documents") == TIME_S
    assert value(metrics, "ready_by_slack_seconds", lane="documents") == 900 - 50 - 10


def test_while_it_is_not_known_what_a_worker_serves_no_slack_is_told(metrics):
    fleet = Fleet(known=False)
    fleet.add(1)
    fleet.until(fleet.at_s + 1)
    metrics.report = fleet.report

    assert value(metrics, "ready_by_slack_seconds", lane="documents") is None


def test_events_are_counted(metrics):
    assert value(metrics, "events_total", event="scaling.paused") == 2


def test_every_metric_of_the_table_is_on_the_page(metrics):
    metrics.report = _report(sight(0, (0, 0)))

    page = {family.name for family in metrics.collect()}

    known = {
        *names.SCALING_METRICS,
        *(
            names.LAG_RECORDS,
            names.LAG_SECONDS,
            names.WAITING_RECORDS,
            names.WAITING_SECONDS,
            names.NEXT_OPENING,
            names.READY_BY,
            names.READY_BY_SLACK,
        ),
        names.EVENTS,
    }
    assert page == {"tidemill_" + metric.name.removesuffix("_total") for metric in known}
