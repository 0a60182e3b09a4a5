import pytest

from daemon.admission.deadlines import expiry

NOW_S = 100.0
WALL_MS = 1_700_000_000_000.0


def expires(age_s, timeout_s=10.0):
    return expiry(
        int(WALL_MS - age_s * 1000), timeout_s, now_s=NOW_S, wall_ms=WALL_MS, most_skew_s=3600.0
    )


def test_time_since_the_timestamp_is_used_up():
    assert expires(4.0) == (NOW_S + 6.0, False)


def test_request_may_have_expired_before_it_arrived():
    assert expires(11.0) == (NOW_S - 1.0, False)


def test_timeout_of_zero_expires_at_once():
    assert expires(0.0, timeout_s=0.0).at_s == NOW_S


@pytest.mark.parametrize("age_s", [-0.5, -3600.0])
def test_timestamp_a_little_in_the_future_counts_as_now(age_s):
    assert expires(age_s) == (NOW_S + 10.0, False)


@pytest.mark.parametrize("age_s", [-3601.0, 3601.0, 1e9])
def test_timestamp_that_is_far_off_counts_as_now_and_is_told(age_s):
    assert expires(age_s) == (NOW_S + 10.0, True)


def test_oldest_timestamp_that_is_believed():
    assert expires(3600.0, timeout_s=3601.0) == (NOW_S + 1.0, False)


def test_absent_timestamp_counts_as_now():
    absent = expiry(-1, 10.0, now_s=NOW_S, wall_ms=WALL_MS, most_skew_s=3600.0)

    assert absent == (NOW_S + 10.0, False)
