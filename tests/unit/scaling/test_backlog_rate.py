"""What one worker serves, by the progress of commits under a backlog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.backlog_rate import BacklogRate, Sight, all_busy
from daemon.scaling.observation import Offsets

PLENTY = 10**9


def _sight(at_s, served, workers=1, *, others=()):
    """A partition whose lag never ends, and `others`."""
    partitions = [Offsets(0, PLENTY, served), *others] * workers
    seen = {("t", number): offsets for number, offsets in enumerate(partitions)}
    return Sight(float(at_s), served, workers, seen, by_design=0.0)


def _run(rate, seconds, *, batch=1, workers=1, since=0, served=0, backlog=None):
    """Workers that commit whole batches, looked at once a second."""
    backlog = backlog or BacklogRate()
    for second in range(since, since + seconds):
        batches = int(rate * workers * (second - since) / batch)
        backlog.see(_sight(second, served + batches * batch, workers))
    return backlog


def test_it_is_known_after_a_while_and_not_before():
    assert _run(100, 15).rate is None
    assert _run(100, 20).rate == pytest.approx(100)


def test_it_is_per_worker():
    assert _run(100, 30, workers=4).rate == pytest.approx(100)


@pytest.mark.parametrize("batch", [64, 300, 1_000])
def test_whole_batches_do_not_mislead_it(batch):
    assert _run(100, 120, batch=batch).rate == pytest.approx(100, rel=0.1)


def test_later_measurements_are_smoothed():
    backlog = _run(100, 30)
    _run(200, 20, since=100, served=10_000, backlog=backlog)

    assert 100 < backlog.rate < 140


def test_an_interruption_does_not_count():
    backlog = _run(100, 14)
    backlog.interrupt()
    for second in range(100, 103):
        backlog.see(_sight(second, 1_400))

    assert backlog.rate is None


def test_a_look_without_a_backlog_interrupts():
    backlog = BacklogRate()
    for second in range(60):
        seen = {("t", 0): Offsets(0, 100 * second if second % 8 == 0 else PLENTY, 100 * second)}
        backlog.see(Sight(float(second), 100 * second, 1, seen, by_design=0.0))

    assert backlog.rate is None


def test_another_number_of_workers_begins_a_new_stretch():
    backlog = BacklogRate()
    for second in range(60):
        backlog.see(_sight(second, 100 * second, 1 + (second // 8) % 2))

    assert backlog.rate is None


def test_a_rebalance_at_the_beginning_does_not_count():
    backlog = BacklogRate()
    for second in range(30):
        backlog.see(_sight(second, 100 * max(0, second - 4), 2))

    assert backlog.rate == pytest.approx(50)


def test_a_partition_that_stands_still_proves_nobody_busy():
    """One has lag and does not move, the other is served as its few records come."""
    backlog = BacklogRate()
    for second in range(60):
        seen = {("t", 0): Offsets(0, PLENTY, 5), ("t", 1): Offsets(0, second, second)}
        backlog.see(Sight(float(second), second, 1, seen, by_design=0.0))

    assert backlog.rate is None


def test_it_says_when_it_was_measured():
    assert _run(100, 20).at_s == pytest.approx(15, abs=4)


def test_one_topic_that_keeps_all_workers_busy_is_enough():
    backlog = BacklogRate()
    for second in range(30):
        lagging = {("documents", number): Offsets(0, PLENTY, 50 * second) for number in range(4)}
        quiet = {("urgent", number): Offsets(0, second, second) for number in range(4)}
        sight = Sight(float(second), 201 * second, 2, lagging | quiet, by_design=100.0)
        backlog.see(sight)

    assert backlog.rate == pytest.approx(201 / 2)


def test_workers_are_busy_when_none_can_have_drawn_only_idle_partitions():
    assert all_busy([100, 100, 100, 0], 2, share=10)
    assert not all_busy([100, 100, 0, 0], 2, share=10)
    assert all_busy([100, 0, 0, 0], 1, share=10)
    assert not all_busy([100, 100], 3, share=0)
    assert not all_busy([100], 0, share=0)
    assert not all_busy([], 1, share=0)


def test_what_is_in_flight_by_design_makes_nobody_busy():
    assert not all_busy([10, 10], 1, share=10)
    assert all_busy([11, 10], 1, share=10)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 12), st.randoms())
def test_whichever_partitions_a_busy_worker_has_one_of_them_has_a_backlog(lags, workers, random):
    """Partitions are dealt out evenly, in any order."""
    if all_busy(lags, workers, share=0):
        dealt = random.sample(lags, len(lags))

        assert all(any(dealt[worker::workers]) for worker in range(workers))
