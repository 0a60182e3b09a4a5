"""How windows went, out of what workers tell in metrics."""

import pytest
from prometheus_client.samples import Sample

from daemon.telemetry.status.adherence import Adherence, WindowSeen
from daemon.telemetry.status.window import Window


class Worker:
    """What one worker's metrics show of lane `l`."""

    def __init__(self, slot="0"):
        self._labels = {"lane": "l", "worker": slot}
        self._last, self._sums = {}, dict.fromkeys(["window_seconds", "window_fill_ratio"], (0, 0))

    def ends(self, moment_s, outcome="on_time", seconds=10.0, fill=0.5):
        self._last[outcome] = moment_s
        for name, value in (("window_seconds", seconds), ("window_fill_ratio", fill)):
            total, count = self._sums[name]
            if value is not None:
                self._sums[name] = (total + value, count + 1)

    def samples(self):
        for outcome, moment_s in self._last.items():
            labels = {**self._labels, "outcome": outcome}
            yield Sample("tidemill_last_window_timestamp_seconds", labels, moment_s)
        for name, (total, count) in self._sums.items():
            yield Sample(f"tidemill_{name}_sum", self._labels, total)
            yield Sample(f"tidemill_{name}_count", self._labels, count)


class Page:
    """A look every five seconds."""

    def __init__(self, *workers):
        self.workers = workers
        self._window, self._adherence, self._now_s = Window(), Adherence(), 0.0

    def look(self):
        self._now_s += 5
        samples = [sample for worker in self.workers for sample in worker.samples()]
        self._window.observe(samples, self._now_s)
        self._adherence.observe(self._window)
        return self._adherence.of("l")


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def page(worker):
    page = Page(worker, Worker("1"))
    page.look()
    return page


def test_before_a_window_there_is_nothing(page):
    assert page.look() == []


def test_a_window_is_seen_with_how_long_it_took_and_how_full_it_was(page, worker):
    worker.ends(900, seconds=42.0, fill=0.75)
    assert page.look() == [WindowSeen(900, "on_time", 42.0, 0.75)]

    worker.ends(1_800, "overran", seconds=900.0, fill=1.0)
    page.look()
    assert page.look() == [
        WindowSeen(900, "on_time", 42.0, 0.75),
        WindowSeen(1_800, "overran", 900.0, 1.0),
    ]


def test_a_window_without_a_batch_has_no_fill_and_a_missed_one_took_no_time(page, worker):
    worker.ends(900, seconds=0.0, fill=None)
    page.look()
    worker.ends(1_800, "missed", seconds=None, fill=None)

    assert page.look() == [
        WindowSeen(900, "on_time", 0.0, None),
        WindowSeen(1_800, "missed", None, None),
    ]


def test_workers_tell_their_parts_of_one_window(page, worker):
    other = page.workers[1]
    worker.ends(900, seconds=30.0, fill=0.5)
    page.look()
    other.ends(900, "late", seconds=50.0, fill=1.0)
    assert page.look() == [WindowSeen(900, "late", 50.0, 0.75)]


@pytest.mark.parametrize("late_first", [True, False])
def test_of_the_outcomes_of_one_moment_the_worst_stands(page, worker, late_first):
    for outcome in ("overran", "on_time") if late_first else ("on_time", "overran"):
        worker.ends(900, outcome)
        page.look()

    assert [each.outcome for each in page.look()] == ["overran"]


def test_what_is_told_later_of_the_same_moment_and_outcome_counts_for_it(page, worker):
    worker.ends(900, seconds=30.0, fill=0.5)
    page.look()
    page.workers[1].ends(900, seconds=60.0, fill=1.0)

    assert page.look() == [WindowSeen(900, "on_time", 60.0, 0.75)]


def test_windows_are_in_the_order_of_their_moments_and_at_most_twenty(page, worker):
    worker.ends(1_800)
    page.look()
    page.workers[1].ends(900, "missed", seconds=None, fill=None)
    assert [each.moment_s for each in page.look()] == [900, 1_800]

    for number in range(3, 40):
        worker.ends(900 * number)
        page.look()
    assert [each.moment_s for each in page.look()] == [900 * number for number in range(20, 40)]


def test_a_moment_that_was_seen_is_not_seen_again(page, worker):
    for number in range(1, 40):
        worker.ends(900 * number)
        page.look()
    before = page.look()

    assert page.look() == before


def test_lanes_are_told_apart(page, worker):
    worker.ends(900)
    page.look()

    assert page._adherence.of("other") == []
