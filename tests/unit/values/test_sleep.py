"""Which lanes a fleet may sleep through, and what that costs."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.values.sleep import STOP_S, price_s, sleeps
from tests.unit.scaling.sights import settings


def _sleeps(start_time="2s", **lane):
    chosen = settings(lane=lane, scaling={"start_time": start_time})
    return sleeps(chosen.lanes["standard"], chosen.scaling)


def test_a_long_linger_is_slept_through():
    assert _sleeps(linger="20s")
    assert not _sleeps(linger="9s")


def test_what_takes_long_to_start_needs_a_longer_linger():
    assert not _sleeps(linger="20s", start_time="15s")


def test_an_eager_lane_never_waits_for_its_linger():
    assert not _sleeps(linger="20s", eager=True)


def test_a_lane_that_opens_by_the_clock_has_other_times_than_its_linger():
    assert not _sleeps(linger="20s", open=["0 * * * *"], zone="UTC")


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_sleep_that_pays_saves_more_than_another_start(start_s, due_s):
    saved_s = due_s - STOP_S - start_s

    assert (due_s > price_s(start_s)) <= (saved_s > start_s - 1e-6)
