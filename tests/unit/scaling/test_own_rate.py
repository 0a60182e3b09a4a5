"""What one worker could serve, by its own counters."""

import pytest

from daemon.scaling.own_rate import ModelWork, OwnRate, Work
from tests.unit.scaling.sights import settings

FIXED_S, ROW_S, FULL = 0.1, 0.001, 100
TRUE_RATE = FULL / (FIXED_S + ROW_S * FULL)


class Worker:
    """Runs batches that take FIXED_S and ROW_S a row; one row a record unless told."""

    def __init__(self, rows_a_record=1):
        self.own = OwnRate(settings(lane={"max_rows": FULL}))
        self._rows_a_record = rows_a_record
        self._batches = self._rows = self._busy_s = 0.0
        self.tell()

    def run(self, *sizes):
        for rows in sizes:
            self._batches += 1
            self._rows += rows
            self._busy_s += FIXED_S + ROW_S * rows
        self.tell()

    def tell(self):
        model = ModelWork(self._batches, self._rows, self._busy_s)
        self.own.see(Work(self._rows / self._rows_a_record, {"m": model}))


def test_nothing_is_known_before_anything_was_run():
    assert Worker().own.rate is None


def test_full_batches_tell_it_as_it_is():
    worker = Worker()
    worker.run(FULL, FULL, FULL)

    assert worker.own.rate == pytest.approx(TRUE_RATE)


def test_batches_that_are_not_full_tell_it_once_their_sizes_differ():
    worker = Worker()
    for size in (1, 5, 20, 2, 10):
        worker.run(size, size)

    assert worker.own.rate == pytest.approx(TRUE_RATE)


def test_batches_alike_in_size_tell_it_too_low_rather_than_too_high():
    worker = Worker()
    worker.run(10, 10)
    worker.run(10)

    assert worker.own.rate == pytest.approx(10 / (FIXED_S + ROW_S * 10))


def test_records_of_several_rows_are_counted_as_records():
    worker = Worker(rows_a_record=4)
    worker.run(FULL, FULL)

    assert worker.own.rate == pytest.approx(TRUE_RATE / 4)


def test_a_model_that_became_slower_is_believed_in_time():
    worker = Worker()
    for _ in range(100):
        worker.run(FULL)
    worker._busy_s += 0.0
    for _ in range(200):
        worker._batches += 1
        worker._rows += FULL
        worker._busy_s += 2 * FULL / TRUE_RATE
        worker.tell()

    assert worker.own.rate == pytest.approx(TRUE_RATE / 2, rel=0.05)
