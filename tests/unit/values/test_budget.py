"""A lane's budget: closes when full, reopens with room to spare."""

import pytest

from daemon.values.budget import Budget


def test_there_is_room_below_both_limits():
    budget = Budget(100, 1000)

    budget.take(99, 999)

    assert budget.has_room


@pytest.mark.parametrize("taken", [(100, 10), (1, 1000), (300, 5000)])
def test_either_limit_closes_it(taken):
    budget = Budget(100, 1000)

    budget.take(*taken)

    assert not budget.has_room


def test_room_is_what_is_left_of_the_requests():
    budget = Budget(10, 1_000)
    budget.take(4, 0)
    assert budget.room == 6

    budget.take(8, 0)

    assert budget.room == 0


def test_it_reopens_at_three_quarters_and_not_before():
    budget = Budget(100, 1000)
    budget.take(100, 100)

    budget.give(24, 0)
    assert not budget.has_room

    budget.give(1, 0)
    assert budget.has_room


def test_it_stays_closed_until_both_counts_have_fallen():
    budget = Budget(100, 1000)
    budget.take(100, 1000)

    budget.give(100, 0)
    assert not budget.has_room

    budget.give(0, 250)
    assert budget.has_room


def test_once_reopened_it_may_fill_to_the_limit_again():
    budget = Budget(100, 1000)
    budget.take(100, 0)
    budget.give(25, 0)

    budget.take(24, 0)

    assert budget.has_room


def test_a_budget_of_one_reopens_when_it_is_empty():
    budget = Budget(1, 10)
    budget.take(1, 1)

    budget.give(1, 1)

    assert budget.has_room


@pytest.mark.parametrize("given_back", [(2, 0), (0, 11)])
def test_more_than_was_taken_is_refused(given_back):
    budget = Budget(100, 1000)
    budget.take(1, 10)

    with pytest.raises(ValueError, match="given back"):
        budget.give(*given_back)

    assert (budget.requests, budget.bytes) == (1, 10)


def test_what_is_made_of_requests_counts_among_their_bytes():
    budget = Budget(100, 1000)
    budget.take(10, 900)

    budget.take_prepared(100)

    assert not budget.has_room
    assert budget.has_room_to_prepare


def test_no_more_is_made_beyond_the_limit_of_the_bytes():
    budget = Budget(100, 1000)
    budget.take(10, 40)
    budget.take_prepared(1_000)
    assert not budget.has_room_to_prepare

    budget.give(1, 104, 100)

    assert budget.has_room_to_prepare
    assert (budget.bytes, budget.prepared_bytes) == (936, 900)
    with pytest.raises(ValueError, match="given back"):
        budget.give(1, 901, 901)


def test_replies_have_a_limit_of_their_own():
    budget = Budget(100, 1000, 50)
    budget.take_replies(49)
    assert budget.has_room_for_replies

    budget.take_replies(1)

    assert not budget.has_room_for_replies
    assert budget.has_room
    budget.give_replies(1)
    assert budget.has_room_for_replies
    with pytest.raises(ValueError, match="given back"):
        budget.give_replies(50)
