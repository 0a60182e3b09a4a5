import pytest

from daemon.jobs.ends import End, Outcome, State, outcome_of, state_of
from daemon.values.errors import Code
from daemon.wire.problem import problem


def test_a_result_says_who_served_it():
    assert outcome_of([("status", b"ok"), ("served-by", b"m@1")], b"") == Outcome(End.OK, "m@1")


def test_an_error_says_its_code_and_why():
    headers = [("status", b"error"), ("error-code", b"invalid_shape")]

    told = outcome_of(headers, problem(Code.INVALID_SHAPE, "odd"))

    assert told == Outcome(End.ERROR, "invalid_shape", "odd")


def test_what_came_too_late_is_expired():
    headers = [("status", b"error"), ("error-code", b"deadline_exceeded")]

    assert outcome_of(headers, b"").end is End.EXPIRED


def test_a_reply_without_a_status_is_no_result():
    assert outcome_of([("status", None)], b"not JSON") == Outcome(End.ERROR, "")


@pytest.mark.parametrize(
    ("counts", "left", "past", "state"),
    [
        ({End.OK: 2}, 1, False, State.RUNNING),
        ({End.OK: 2}, 1, True, State.LATE),
        ({End.OK: 2}, 0, True, State.COMPLETE),
        ({End.OK: 2, End.EXPIRED: 1}, 0, True, State.LATE),
        ({End.OK: 2, End.EXPIRED: 1}, 0, False, State.COMPLETE_WITH_FAILURES),
        ({End.ERROR: 2}, 0, False, State.COMPLETE_WITH_FAILURES),
        ({End.MISSING: 1}, 0, False, State.COMPLETE_WITH_FAILURES),
        ({End.OK: 2, End.CANCELLED: 1}, 0, False, State.CANCELLED),
        ({End.EXPIRED: 2, End.CANCELLED: 1}, 0, True, State.CANCELLED),
    ],
)
def test_a_state_says_whether_all_went_well(counts, left, past, state):
    assert state_of(counts, left, past_deadline=past) is state


def test_only_a_job_whose_items_are_all_ok_ends_clean():
    assert {state for state in State if state.exit_code == 0} == {State.COMPLETE}
