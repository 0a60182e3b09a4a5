"""When the fleet has to be awake, by what is seen of its lanes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling import gathering
from daemon.scaling.gathering import LaneSight
from daemon.scaling.report import LaneLoad
from tests.mutation import Mutant, load
from tests.unit.scaling.sights import settings

T_S, N, IDLE_S = 900.0, 64, 60.0


class Made:
    """What is under test; mutants take its place."""

    Gathering = gathering.Gathering


def fleet(*, urgent=False, linger="15min"):
    lanes = {"patient": {"topics": ["patient"], "models": ["m"], "max_rows": N, "linger": linger}}
    if urgent:
        lanes["urgent"] = {"topics": ["urgent"], "models": ["m"], "linger": "10ms"}
    return Made.Gathering(settings(lanes=lanes))


def sight(lag=0, age_s=0.0, rate=0.0, arrived_s=0.0, overdue=False):
    return LaneSight(LaneLoad(rate, lag, age_s, 4), arrived_s, overdue)


def patient(now=0.0, **seen):
    return fleet().see({"patient": sight(**seen)}, now)


def test_what_gathers_is_due_after_its_linger():
    assert patient(lag=5, age_s=100.0).waiting_s == T_S - 100


def test_a_full_batch_is_due():
    assert patient(lag=N - 1, age_s=1.0).waiting_s > 0
    assert patient(lag=N, age_s=1.0).waiting_s == 0


def test_where_nothing_waits_nothing_is_due_before_what_comes_next():
    assert patient() == (math.inf, T_S)


def test_a_timestamp_that_tells_of_an_older_record_makes_it_due():
    assert patient(lag=1, age_s=1.0, overdue=True) == (0, 0)


@pytest.mark.parametrize("unknown", [{"lag": None}, {"lag": 3, "age_s": None}])
def test_what_is_unknown_is_due(unknown):
    assert patient(**unknown) == (0, 0)


def test_a_batch_that_will_soon_be_full_leaves_no_time_to_rest():
    assert patient(lag=4, age_s=1.0, rate=6.0) == (T_S - 1, 10)


def test_before_the_rate_is_known_nobody_rests():
    assert patient(lag=4, age_s=1.0, rate=None) == (T_S - 1, 0)


def test_an_urgent_lane_is_due_with_its_first_record():
    made = fleet(urgent=True)

    assert made.see({"patient": sight(), "urgent": sight(lag=1)}, 0.0) == (0, 0)


def test_nobody_rests_before_an_urgent_lane_was_idle():
    made = fleet(urgent=True)
    spare_s = {
        now: made.see({"patient": sight(), "urgent": sight(lag=int(now < 5))}, float(now)).spare_s
        for now in range(100)
    }

    assert {now for now in spare_s if spare_s[now]} == set(range(4 + int(IDLE_S), 100))


def test_what_an_urgent_lane_was_answered_between_two_looks_was_work_too():
    made = fleet(urgent=True)
    for now in range(100):
        due = made.see({"patient": sight(), "urgent": sight(arrived_s=50.0)}, float(now))

    assert due.spare_s == 0


@pytest.mark.parametrize("linger", ["30s", "35s"])
def test_a_fleet_without_a_patient_lane_never_rests_for_this(linger):
    """A start is 15 s by the settings: two of them and an end are 35 s."""
    made = fleet(linger=linger)

    assert made.see({"patient": sight(lag=1)}, 0.0) == (0, 0)
    assert [made.see({"patient": sight()}, float(now)).spare_s for now in range(200)] == [0] * 200


@given(
    st.integers(0, 200),
    st.floats(0, 2 * T_S),
    st.floats(0, 50),
    st.integers(0, 200),
)
def test_more_that_waits_or_waits_longer_is_never_due_later(lag, age_s, rate, more):
    due = patient(lag=lag, age_s=age_s, rate=rate)
    later = patient(lag=lag + more, age_s=age_s + more, rate=rate + more)

    assert later.waiting_s <= due.waiting_s
    assert later.spare_s <= due.spare_s
    assert due.spare_s <= due.waiting_s


MUTANTS = [
    (
        Mutant("daemon.scaling.gathering:_due", "N does not count", "lag >= ANY", "False"),
        test_a_full_batch_is_due,
    ),
    (
        Mutant(
            "daemon.scaling.gathering:_due", "timestamps do not count", "ANY.is_overdue", "False"
        ),
        test_a_timestamp_that_tells_of_an_older_record_makes_it_due,
    ),
    (
        Mutant(
            "daemon.scaling.gathering:_due",
            "what comes is forgotten",
            "(lane.max_rows - lag) / rate if rate else math.inf",
            "math.inf",
        ),
        test_a_batch_that_will_soon_be_full_leaves_no_time_to_rest,
    ),
    (
        Mutant(
            "daemon.scaling.gathering:Gathering._due_at_once",
            "arrivals between looks do not count",
            "max(ANY_1.arrived_s, ANY_2)",
            "ANY_2",
        ),
        test_what_an_urgent_lane_was_answered_between_two_looks_was_work_too,
    ),
    (
        Mutant(
            "daemon.scaling.gathering:Gathering.see",
            "the lane that has longest decides",
            "min(due.spare_s for due in dues)",
            "max(due.spare_s for due in dues)",
        ),
        test_nobody_rests_before_an_urgent_lane_was_idle,
    ),
]


@pytest.mark.parametrize(
    ("mutant", "notices"), [pytest.param(*case, id=case[0].fault) for case in MUTANTS]
)
def test_a_mutant_is_noticed(mutant, notices, monkeypatch):
    faulty = load(mutant, "daemon.scaling.gathering:Gathering", ["daemon.scaling.gathering"])
    monkeypatch.setattr(Made, "Gathering", faulty)

    with pytest.raises(AssertionError):
        notices()
