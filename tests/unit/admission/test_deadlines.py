import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.admission.deadlines import NEVER_S, expiry

NOW_S = 100.0
WALL_MS = 1_700_000_000_000.0
_NIGHT_S = 12 * 3600.0

_YEARS_MS = 10**11
"""Three years."""

asked = st.tuples(
    st.integers(0, int(WALL_MS)),
    st.none() | st.integers(0, _YEARS_MS),
    st.none() | st.integers(0, 10**15),
)
"""A timestamp, and the timeout and the deadline beside it, if any; all in milliseconds."""


def in_seconds(timeout_ms):
    return None if timeout_ms is None else timeout_ms / 1000


def expires(age_s, timeout_s=10.0):
    return expiry(int(WALL_MS - age_s * 1000), timeout_s, None, now_s=NOW_S, wall_ms=WALL_MS)


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
    assert expiry(-1, 10.0, None, now_s=NOW_S, wall_ms=WALL_MS) == (NOW_S + 10.0, False)


@pytest.mark.parametrize("age_s", [-3600.0, 0.0, _NIGHT_S])
def test_deadline_is_a_moment_whatever_the_timestamp(age_s):
    at_s, skewed = expiry(
        int(WALL_MS - age_s * 1000), None, int(WALL_MS) + 5_000, now_s=NOW_S, wall_ms=WALL_MS
    )

    assert (at_s, skewed) == (NOW_S + 5.0, False)


def test_request_that_asks_for_nothing_never_expires():
    assert expiry(int(WALL_MS), None, None, now_s=NOW_S, wall_ms=WALL_MS) == (NEVER_S, False)


@given(asked, st.integers(0, _YEARS_MS))
def test_it_expires_at_the_earliest_moment_it_asked_for_however_long_it_waited(asking, waited):
    """Whoever reads the record, and whenever: a wait in Kafka neither extends nor shortens it."""
    timestamp, timeout, deadline = asking
    wall_ms = timestamp + waited

    at_s, _ = expiry(timestamp, in_seconds(timeout), deadline, now_s=NOW_S, wall_ms=wall_ms)

    moments = [None if timeout is None else timestamp + timeout, deadline]
    expected = min([each for each in moments if each is not None], default=NEVER_S)
    assert wall_ms + (at_s - NOW_S) * 1000 == pytest.approx(expected, abs=0.01)


@given(asked, st.integers(-_YEARS_MS, _YEARS_MS))
def test_no_timestamp_gives_more_time_than_was_asked_for(asking, age):
    timestamp, timeout, deadline = asking
    wall_ms = max(timestamp + age, 0)

    at_s, _ = expiry(timestamp, in_seconds(timeout), deadline, now_s=NOW_S, wall_ms=wall_ms)

    if timeout is not None:
        assert at_s <= NOW_S + timeout / 1000
    if deadline is not None:
        assert at_s <= NOW_S + (deadline - wall_ms) / 1000
