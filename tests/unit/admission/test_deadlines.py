import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.admission.deadlines import expiry

NOW_S = 100.0
WALL_MS = 1_700_000_000_000.0
_NIGHT_S = 12 * 3600.0

ages_ms = st.integers(0, 10**11)  # three years
timeouts_ms = st.integers(0, 10**11)


def expires(age_s, timeout_s=10.0):
    return expiry(int(WALL_MS - age_s * 1000), timeout_s, now_s=NOW_S, wall_ms=WALL_MS)


def test_time_since_the_timestamp_is_used_up():
    assert expires(4.0) == (NOW_S + 6.0, False)


def test_request_may_have_expired_before_it_arrived():
    assert expires(11.0) == (NOW_S - 1.0, False)


def test_timeout_of_zero_expires_at_once():
    assert expires(0.0, timeout_s=0.0).at_s == NOW_S


@pytest.mark.parametrize("timeout_s", [60.0, _NIGHT_S, _NIGHT_S + 1])
def test_a_night_in_kafka_is_used_up_as_well(timeout_s):
    assert expires(_NIGHT_S, timeout_s) == (NOW_S + timeout_s - _NIGHT_S, False)


@pytest.mark.parametrize("age_s", [-0.5, -1.0])
def test_timestamp_a_little_in_the_future_counts_as_now(age_s):
    assert expires(age_s) == (NOW_S + 10.0, False)


@pytest.mark.parametrize("age_s", [-1.001, -3600.0, -1e9])
def test_timestamp_far_in_the_future_counts_as_now_and_is_told(age_s):
    assert expires(age_s) == (NOW_S + 10.0, True)


def test_absent_timestamp_counts_as_now():
    assert expiry(-1, 10.0, now_s=NOW_S, wall_ms=WALL_MS) == (NOW_S + 10.0, False)


@given(ages_ms, timeouts_ms, st.integers(0, 10**11))
def test_waiting_longer_before_it_is_read_leaves_the_moment_where_it_was(age, timeout, later):
    timestamp = int(WALL_MS) - age

    early = expiry(timestamp, timeout / 1000, now_s=NOW_S, wall_ms=WALL_MS)
    late = expiry(timestamp, timeout / 1000, now_s=NOW_S + later / 1000, wall_ms=WALL_MS + later)

    assert late.at_s == pytest.approx(early.at_s, rel=1e-12, abs=1e-6)


@given(st.integers(-(10**11), 10**11), timeouts_ms)
def test_no_timestamp_gives_more_time_than_a_request_asked_for(age, timeout):
    at_s, _ = expiry(int(WALL_MS) - age, timeout / 1000, now_s=NOW_S, wall_ms=WALL_MS)

    assert at_s <= NOW_S + timeout / 1000
