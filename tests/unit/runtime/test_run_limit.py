import threading
from types import SimpleNamespace

import pytest

from runtime.errors import ModelStuck
from runtime.run_limit import RunLimit

SOON_S = 0.01
NEVER_S = 3600.0
PATIENCE_S = 30.0


class Run:
    """Stands for onnxruntime's RunOptions; `told` is set when terminate is."""

    def __init__(self):
        self.told = threading.Event()

    @property
    def terminate(self):
        return self.told.is_set()

    @terminate.setter
    def terminate(self, value):
        assert value
        self.told.set()


class Watched(RunLimit):
    """Counts how often the thread falls asleep, and says when it did."""

    def __init__(self, **options):
        self.asleep = threading.Semaphore(0)
        super().__init__(**options)

    def _sleep_until(self, wakes_s):
        self.asleep.release()
        super()._sleep_until(wakes_s)


@pytest.fixture
def limit():
    stuck = SimpleNamespace(calls=[], called=threading.Event())

    def on_stuck(error):
        stuck.calls.append(error)
        stuck.called.set()

    limit = Watched(full_s=0.0, grace_s=SOON_S, on_stuck=on_stuck)
    limit.stuck = stuck
    yield limit
    limit.end()
    limit.close()


def test_a_run_over_its_limit_is_told_to_end(limit):
    run = Run()

    limit.begin(run, SOON_S)

    assert run.told.wait(PATIENCE_S)
    assert limit.end()


def test_a_run_within_its_limit_is_left_alone(limit):
    run = Run()

    limit.begin(run, NEVER_S)

    assert not limit.end()
    assert not run.terminate


def test_a_run_that_ended_is_not_touched_when_the_next_is_over_its_limit(limit):
    first, second = Run(), Run()

    limit.begin(first, NEVER_S)
    limit.end()
    limit.begin(second, SOON_S)

    assert second.told.wait(PATIENCE_S)
    assert not first.terminate


def test_a_shorter_limit_than_the_last_is_kept(limit):
    limit.begin(Run(), NEVER_S)
    assert limit.asleep.acquire(timeout=PATIENCE_S)
    limit.end()
    run = Run()

    limit.begin(run, SOON_S)

    assert run.told.wait(PATIENCE_S)


def test_runs_that_keep_their_limit_wake_nobody(limit, monkeypatch):
    limit.begin(Run(), NEVER_S)
    for _ in range(2):  # without a run, then until the limit of the first
        assert limit.asleep.acquire(timeout=PATIENCE_S)
    monkeypatch.setattr(limit._changed, "notify", pytest.fail)

    for _ in range(100):
        limit.end()
        limit.begin(Run(), NEVER_S)


def test_a_run_that_does_not_end_is_reported_once(limit):
    limit.begin(Run(), SOON_S)

    assert limit.stuck.called.wait(PATIENCE_S)
    (error,) = limit.stuck.calls
    assert isinstance(error, ModelStuck)


def test_a_run_that_ends_when_told_is_not_reported():
    ended = threading.Event()
    limit = Watched(full_s=0.0, grace_s=NEVER_S, on_stuck=lambda _: ended.set())
    run = Run()

    limit.begin(run, SOON_S)
    assert run.told.wait(PATIENCE_S)
    limit.end()
    limit.close()

    assert not ended.is_set()


def test_closing_ends_the_thread():
    before = set(threading.enumerate())
    limit = RunLimit(full_s=0.0, grace_s=SOON_S, on_stuck=pytest.fail)
    (thread,) = set(threading.enumerate()) - before

    limit.close()

    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_run_told_before_it_has_had_its_full_time_is_not_stuck_until_then():
    stuck = threading.Event()
    limit = Watched(full_s=NEVER_S, grace_s=SOON_S, on_stuck=lambda _error: stuck.set())
    run = Run()

    limit.begin(run, SOON_S)
    assert run.told.wait(PATIENCE_S)
    assert limit.asleep.acquire(timeout=PATIENCE_S)

    assert not stuck.wait(10 * SOON_S)
    assert limit.end()
    limit.close()
