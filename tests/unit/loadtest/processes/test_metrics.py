"""Questions to one scrape of a daemon's metrics."""

import pytest

from loadtest.processes.metrics import Metrics

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
