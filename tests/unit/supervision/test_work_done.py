"""What all workers did together, although they come and go."""

import pytest
from prometheus_client.samples import Sample

from daemon.scaling.own_rate import ModelWork, Work
from daemon.supervision.gathering import WorkDone


def counters(worker, *, records, batches=0, rows=0, busy_s=0.0):
    labels = {"worker": worker}
    model = {**labels, "model": "m"}
    return [
        Sample("tidemill_requests_total", {**labels, "lane": "l", "outcome": "ok"}, records - 1),
        Sample("tidemill_requests_total", {**labels, "lane": "l", "outcome": "too_large"}, 1),
        Sample("tidemill_batch_rows_bucket", {**model, "le": "+Inf"}, 99),
        Sample("tidemill_batch_rows_count", model, batches),
        Sample("tidemill_batch_rows_sum", model, rows),
        Sample("tidemill_executor_busy_seconds_total", model, busy_s),
    ]


@pytest.fixture
def done():
    return WorkDone("worker")


def test_the_work_of_all_workers_is_added_up(done):
    one = counters("0", records=10, batches=2, rows=10, busy_s=0.5)
    other = counters("1", records=5, batches=1, rows=4, busy_s=0.25)

    assert done.see([*one, *other]) == Work(15, {"m": ModelWork(3, 14, 0.75)})


def test_a_worker_that_ended_takes_nothing_back(done):
    done.see([*counters("0", records=10), *counters("1", records=5)])

    assert done.see(counters("0", records=12)).records == 17


def test_a_worker_that_was_started_anew_begins_at_zero(done):
    done.see(counters("0", records=10))

    assert done.see(counters("0", records=3)).records == 13


def test_a_worker_that_did_not_answer_once_is_not_counted_twice(done):
    done.see(counters("0", records=10))
    done.see([])

    assert done.see(counters("0", records=11)).records == 11


def test_what_the_supervisor_says_of_itself_is_no_work(done):
    assert done.see([Sample("tidemill_requests_total", {"lane": "l"}, 7)]) == Work(0, {})
