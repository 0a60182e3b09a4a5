"""Pauses between a worker's end and its next start."""

from daemon.slots.slot import Backoff


def test_failures_in_a_row_double_the_pause_up_to_a_minute():
    backoff = Backoff()

    assert [backoff.failed(0.0, now=0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_it_never_overflows():
    backoff = Backoff()
    for _ in range(5_000):
        assert backoff.failed(0.0, now=0.0) <= 60


def test_a_worker_that_served_longer_than_was_waited_begins_anew():
    backoff = Backoff()
    for _ in range(5):
        backoff.failed(0.0, now=0.0)

    assert backoff.failed(15.9, now=0.0) == 32
    assert backoff.failed(32.0, now=0.0) == 1


def test_a_moment_of_service_proves_nothing():
    backoff = Backoff()
    backoff.failed(0.0, now=0.0)

    assert backoff.failed(4.9, now=0.0) == 2
    assert backoff.failed(5.0, now=0.0) == 1


def test_the_pause_counts_from_the_end():
    backoff = Backoff()
    backoff.failed(0.0, now=100.0)

    assert backoff.until_s == 101.0
