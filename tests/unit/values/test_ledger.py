"""The ledger: offsets settled in any order, committed only when contiguous."""

import pytest
from hypothesis import given

from daemon.values.ledger import Ledger
from tests.ledgers import make_ledger
from tests.unit.values import ledger_histories


@pytest.fixture
def ledger():
    return make_ledger("documents", 3, 10)


def test_an_empty_ledger_may_commit_its_position(ledger):
    assert ledger.committable == 10
    assert ledger.span == 0


def test_nothing_is_committable_while_the_first_is_unanswered(ledger):
    ledger.start(range(10, 20), position=20)

    ledger.settle(range(11, 20))

    assert ledger.committable == 10
    assert ledger.span == 10


def test_answers_in_front_move_the_commit_up_to_the_next_unanswered(ledger):
    ledger.start(range(10, 20), position=20)
    ledger.settle([12, 13])

    ledger.settle([10, 11])

    assert ledger.committable == 14


def test_all_answered_is_committed_up_to_what_was_read(ledger):
    ledger.start([10, 11], position=15)

    ledger.settle([11, 10])

    assert ledger.committable == 15


def test_gaps_hold_nothing_back(ledger):
    ledger.start([12, 15, 16, 40], position=50)
    assert ledger.committable == 12

    ledger.settle([12])
    assert ledger.committable == 15

    ledger.settle([15, 16])
    assert ledger.committable == 40


def test_a_fetch_of_nothing_but_markers_moves_the_position(ledger):
    ledger.start([], position=17)

    assert ledger.committable == 17


def test_alternating_answers_leave_the_others_outstanding(ledger):
    ledger.start(range(10, 30), position=30)

    ledger.settle(range(10, 30, 2))
    assert ledger.committable == 11

    ledger.settle(range(11, 30, 2))
    assert ledger.committable == 30


@pytest.mark.parametrize(
    "offsets",
    [[9], [14], [11, 14], [20], [12, 12], [11, 12, 13, 14, 15], list(range(8, 22))],
    ids=["before", "settled", "one settled", "beyond", "twice", "around settled", "around all"],
)
def test_an_offset_that_is_not_outstanding_is_refused_and_nothing_changes(ledger, offsets):
    ledger.start(range(10, 20), position=20)
    ledger.settle([14])

    with pytest.raises(ValueError, match=r"settled|twice"):
        ledger.settle(offsets)

    ledger.settle([10, 11, 12, 13, 15, 16, 17, 18, 19])
    assert ledger.committable == 20


@pytest.mark.parametrize(
    ("offsets", "position"),
    [([9], 12), ([10, 12], 12), ([], 9), ([10, 10], 12)],
    ids=["read before", "beyond position", "position falls", "twice"],
)
def test_a_fetch_that_does_not_follow_the_last_is_refused(ledger, offsets, position):
    with pytest.raises(ValueError, match=r"read|twice"):
        ledger.start(offsets, position=position)

    assert ledger.position == 10


@given(ledger_histories.histories)
def test_a_ledger_agrees_with_a_set_of_offsets(history):
    ledger_histories.check(Ledger, history)


def test_what_was_answered_before_is_settled_from_the_start_and_stays_so():
    ledger = Ledger("a", 0, 10, make_ledger().lane, ahead=(12, 14, 20, 22))
    assert ledger.settled_from(10) == [12, 14, 20, 22]
    assert [offset for offset in range(10, 23) if not ledger.unanswered(offset)] == [12, 13, 20, 21]

    ledger.start([10, 11, 14, 15], position=16)
    assert ledger.settled_from(10) == [12, 14, 20, 22]
    ledger.settle([11, 14])
    assert ledger.settled_from(10) == [11, 15, 20, 22]
    ledger.settle([15])
    ledger.start([16, 17, 18, 19], position=22)
    ledger.settle([17, 18])
    ledger.settle([16, 19])
    assert ledger.settled_from(10) == [11, 22]
    assert not ledger.has_ahead
    ledger.settle([10])
    assert (ledger.committable, ledger.settled_from(22)) == (22, [])
