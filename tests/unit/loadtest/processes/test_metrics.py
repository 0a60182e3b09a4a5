"""Questions to one scrape of a daemon's metrics."""

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family

from daemon.slots.totals import Totals, WorkerProcess
from daemon.supervision.gathering import merged
from loadtest.deployment.scrape import Scraper
from loadtest.processes.metrics import Increase, Metrics

_TEXT = """\
# TYPE tidemill_flushes counter
tidemill_flushes_total{lane="standard",cause="full"} 3
tidemill_flushes_total{lane="standard",cause="linger"} 1
tidemill_flushes_total{lane="urgent",cause="linger"} 5
# TYPE tidemill_batch_rows histogram
tidemill_batch_rows_bucket{model="m",le="+Inf"} 4
tidemill_batch_rows_sum{model="m"} 10
tidemill_batch_rows_count{model="m"} 4
"""


@pytest.fixture
def metrics():
    return Metrics(_TEXT)


def test_a_total_adds_what_has_the_labels(metrics):
    assert metrics.total("flushes_total") == 9
    assert metrics.total("flushes_total", lane="standard") == 4
    assert metrics.total("flushes_total", lane="none") == 0


def test_a_breakdown_begins_with_the_largest(metrics):
    assert list(metrics.by("cause", "flushes_total").items()) == [("linger", 6), ("full", 3)]
    assert metrics.by("cause", "flushes_total", lane="urgent") == {"linger": 5}


def test_a_mean_is_of_what_was_observed(metrics):
    assert metrics.mean("batch_rows", model="m") == 2.5
    assert metrics.mean("batch_rows", model="other") == 0


def test_what_is_not_there_is_not_nothing(metrics):
    assert metrics.known("flushes_total") == 9
    assert math.isnan(metrics.known("lag_records"))
    assert math.isnan(metrics.of_group("lag_records"))


# Under a supervisor


def _families(**values):
    for name, value in values.items():
        family = Family(name, "", "gauge")
        family.add_sample(name, {"topic": "t"}, value)
        yield family


def _page(own, *workers):
    """What a supervisor serves, made by the supervisor's own code."""

    class Page:
        def collect(self):
            totals = Totals()
            totals.see(
                {WorkerProcess(slot, 1): _families(**each) for slot, each in enumerate(workers)}
            )
            return merged(_families(**own), totals.families())

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Page())
    return generate_latest(registry).decode()


def _looks(*pages):
    scraper = Scraper("http://127.0.0.1:1/metrics")
    return [scraper._seen(Metrics(page), float(n)) for n, page in enumerate(pages)]


def test_the_lag_of_a_group_is_not_added_to_that_of_its_workers():
    workers = [{"tidemill_lag_records": 30}, {"tidemill_lag_records": 60}]
    (look,) = _looks(_page({"tidemill_lag_records": 100}, *workers))
    assert look.lag_records == 100


def test_the_lag_of_workers_is_added_where_nobody_sees_the_group():
    (look,) = _looks(_page({}, {"tidemill_lag_records": 30}, {"tidemill_lag_records": 60}))
    assert look.lag_records == 90


def test_the_memory_of_all_processes_is_added():
    page = _page({"process_resident_memory_bytes": 1}, {"process_resident_memory_bytes": 10})
    (look,) = _looks(page)
    assert look.memory_bytes == 11


def test_a_page_of_another_service_says_nothing():
    (look,) = _looks("up 1\n")
    assert all(
        map(math.isnan, (look.busy_s, look.memory_bytes, look.descriptors, look.lag_records))
    )
    assert look.executors == 0


BUSY = "tidemill_executor_busy_seconds_total"


def test_an_executor_that_has_not_run_yet_was_not_busy():
    looks = _looks(
        _page({}, {"tidemill_model_info": 1}), _page({}, {"tidemill_model_info": 1, BUSY: 0.5})
    )
    assert [(look.busy_s, look.executors) for look in looks] == [(0.0, 1), (0.5, 1)]


def test_a_worker_that_began_anew_takes_nothing_back():
    looks = _looks(
        _page({}, {BUSY: 100.0}, {BUSY: 7.0}),
        _page({}, {BUSY: 101.0}, {BUSY: 8.0}),
        _page({}, {BUSY: 0.25}, {BUSY: 9.0}),
        _page({}, {BUSY: 0.75}),
    )
    assert [look.busy_s for look in looks] == [0.0, 2.0, 3.25, 3.75]
    assert [look.executors for look in looks] == [2, 2, 2, 1]


def test_what_a_worker_did_before_it_was_seen_does_not_count():
    looks = _looks(_page({}, {BUSY: 1.0}), _page({}, {BUSY: 1.0}, {BUSY: 5000.0}))
    assert looks[-1].busy_s == 0.0


def test_a_cause_that_comes_later_counts_whole():
    increase = Increase("flushes_total")
    increase.saw(Metrics(_TEXT.replace('urgent",cause="linger"} 5', 'urgent",cause="linger"} 4')))
    increase.saw(Metrics(_TEXT + 'tidemill_flushes_total{lane="urgent",cause="idle"} 2\n'))
    assert +increase.by("lane", "cause") == {("urgent", "linger"): 1, ("urgent", "idle"): 2}
