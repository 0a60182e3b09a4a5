"""How old the lag is, in seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.lag_age import _MOST_SAMPLES, LagAge
from daemon.scaling.observation import Offsets
from tests.unit.scaling.sights import TOPIC, offsets, sight


def _age(*sights):
    age = LagAge()
    return [age.see(each) for each in sights][-1][TOPIC, 0]


def test_without_lag_it_is_zero():
    assert _age(sight(0, (5, 5))) == 0


def test_it_is_unknown_while_an_offset_is():
    assert _age(sight(0, (5, 3)), sight(1, Offsets(0, 5, None))) is None


def test_what_was_there_at_the_first_look_is_at_least_as_old_as_that():
    assert _age(sight(100, (50, 10)), sight(130, (60, 10))) == 30


def test_the_arrival_is_interpolated_between_two_looks():
    looks = [sight(0, (0, 0)), sight(10, (100, 0)), sight(20, (200, 130))]

    assert _age(*looks) == pytest.approx(20 - 13)


def test_a_record_after_a_quiet_time_is_as_old_as_the_last_look_before_it():
    quiet = [sight(second, (5, 5)) for second in range(100)]

    assert _age(*quiet, sight(100, (6, 5))) == 1


def test_deleted_records_are_not_the_oldest():
    looks = [sight(0, (0, 0)), sight(10, (100, 0)), sight(20, offsets(200, 0, start=150))]

    assert _age(*looks) == pytest.approx(5)


def test_a_topic_made_anew_is_as_old_as_it_was_seen():
    assert _age(sight(0, (100, 0)), sight(50, (10, 0)), sight(60, (10, 0))) == 10


def test_a_gap_in_what_is_known_is_bridged():
    looks = [sight(0, (0, 0)), sight(10, Offsets(None, None, None)), sight(20, (200, 100))]

    assert _age(*looks) == pytest.approx(10)


def test_of_a_long_backlog_the_age_stays_known_in_bounded_memory():
    age = LagAge()
    for second in range(10_000):
        seconds = age.see(sight(second, (second * 10, 0)))[TOPIC, 0]

    assert seconds == pytest.approx(9_999, abs=1)
    assert len(age._histories[TOPIC, 0]) <= _MOST_SAMPLES


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=2, max_size=60),
)
def test_it_is_never_off_by_more_than_the_time_between_two_looks(steps):
    """Each step: records that come at one moment inside a second, records that are answered."""
    age, arrived_s, end, committed = LagAge(), [], 0, 0
    for second, (came, answered) in enumerate(steps):
        arrived_s += [second - 0.5] * came
        end += came
        committed = min(end, committed + answered)
        seen = age.see(sight(second, (end, committed)))[TOPIC, 0]

        true = second - arrived_s[committed] if committed < end else 0.0
        assert seen == pytest.approx(true, abs=1.0)
