"""When a one-shot run is done, and which lanes have nothing more to wait for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.one_shot.target import Target
from daemon.scaling.observation import NO_COMMIT, Observation, Offsets
from tests.ledgers import make_ledger

P = ("requests", 0)
LANES = {"requests": "standard", "urgent": "urgent"}


def seen(*offsets, members=0):
    """An observation of partitions 0, 1, ... as (start, end, committed)."""
    partitions = {("requests", number): Offsets(*each) for number, each in enumerate(offsets)}
    return Observation(0.0, partitions, members)


def aim(first):
    return Target(first, {topic for topic, _ in first.partitions} | {"requests"})


def ledger(topic, number, position, *, unanswered=()):
    """A ledger that has read up to `position`."""
    made = make_ledger(topic, number, 0)
    made.start(unanswered, position=position)
    return topic, number, made


def ledgers(*given):
    return {(topic, number): each for topic, number, each in given}


# Reached


def test_commits_at_the_ends_reach_them():
    target = aim(seen((0, 10, 4), (0, 7, 7)))

    assert target.due == 6
    assert target.left(seen((0, 10, 9), (0, 7, 7))) == 1
    assert not target.reached
    assert target.left(seen((0, 10, 10), (0, 7, 7))) == 0
    assert target.reached


def test_what_came_later_is_not_waited_for():
    target = aim(seen((0, 10, 0)))

    assert target.left(seen((0, 500, 10))) == 0


def test_a_commit_beyond_the_end_reaches_it():
    target = aim(seen((0, 10, 0)))

    assert target.left(seen((0, 500, 300))) == 0


def test_an_empty_log_without_a_commit_is_reached():
    target = aim(seen((0, 0, NO_COMMIT)))

    assert target.due == 0
    assert target.left(seen((0, 0, NO_COMMIT))) == 0


def test_without_a_commit_the_whole_log_is_due():
    target = aim(seen((3, 10, NO_COMMIT)))

    assert target.due == 7
    assert target.left(seen((3, 10, NO_COMMIT))) == 7


def test_what_was_deleted_before_is_not_due():
    target = aim(seen((6, 10, 4)))

    assert (target.due, target.gone) == (4, 2)


def test_what_is_deleted_meanwhile_is_not_waited_for():
    target = aim(seen((0, 10, 4)))

    assert target.left(seen((8, 12, 4))) == 2
    assert target.left(seen((11, 12, 4))) == 0
    assert target.reached


def test_what_is_deleted_before_a_commit_has_it_is_told():
    target = aim(seen((2, 10, 4), (0, 10, 0)))

    target.left(seen((8, 12, 4), (5, 10, 5)))
    assert target.deleted == 4
    target.left(seen((12, 12, 12), (9, 10, 10)))
    assert target.deleted == 4


def test_what_nobody_had_committed_is_told_from_where_the_log_began():
    target = aim(seen((2, 10, NO_COMMIT)))

    target.left(seen((12, 12, NO_COMMIT)))
    assert (target.deleted, target.reached) == (8, True)


def test_a_log_that_was_cut_is_not_reached_while_the_commit_is_unknown():
    target = aim(seen((0, 10, 4)))

    assert target.left(seen((10, 10, None))) is None
    assert not target.reached


def test_partitions_added_later_are_not_waited_for():
    target = aim(seen((0, 10, 0)))

    assert target.left(seen((0, 10, 10), (0, 50, NO_COMMIT))) == 0


# Unknown


@pytest.mark.parametrize("unknown", [(None, 10, 4), (0, None, 4), (0, 10, None)], ids=str)
def test_there_is_no_target_while_anything_is_unknown(unknown):
    with pytest.raises(ValueError, match="not known"):
        aim(seen((0, 5, 5), unknown))


def test_there_is_no_target_while_a_topic_is_missing():
    with pytest.raises(ValueError, match="not known"):
        aim(seen())


@pytest.mark.parametrize("unknown", [(None, 10, 4), (0, 10, None), (None, None, None)], ids=str)
def test_what_is_unknown_is_not_reached(unknown):
    target = aim(seen((0, 10, 4), (0, 5, 5)))

    assert target.left(seen(unknown, (0, 5, 5))) is None
    assert not target.reached


def test_a_partition_that_is_not_seen_any_more_is_not_reached():
    target = aim(seen((0, 10, 4)))

    assert target.left(seen()) is None


def test_a_known_commit_reaches_the_end_although_the_log_is_unknown():
    target = aim(seen((0, 10, 4)))

    assert target.left(seen((None, None, 10))) == 0


def test_what_was_reached_stays_so():
    target = aim(seen((0, 10, 4), (0, 10, 4)))
    target.left(seen((0, 10, 10), (0, 10, 4)))

    assert target.left(seen((None, None, None), (0, 10, 10))) == 0


@pytest.mark.parametrize("committed", [(NO_COMMIT, NO_COMMIT), (NO_COMMIT, 3)], ids=str)
def test_a_group_is_new_when_it_has_no_commit_at_all(committed):
    target = aim(seen(*[(0, 5, each) for each in committed]))

    assert target.group_is_new == (3 not in committed)


_OFFSETS = st.one_of(st.none(), st.integers(0, 12))
_LOOKS = st.lists(st.tuples(_OFFSETS, _OFFSETS, _OFFSETS, _OFFSETS), max_size=12)
"""Start and commit of two partitions."""


@given(st.tuples(st.integers(0, 10), st.integers(0, 10)), _LOOKS)
def test_it_is_reached_when_each_partition_was_once_seen_at_its_end(ends, looks):
    target = aim(seen(*[(0, end, NO_COMMIT) for end in ends]))
    at_end = [end == 0 for end in ends]
    for first_start, first_commit, second_start, second_commit in looks:
        pairs = [(first_start, first_commit), (second_start, second_commit)]
        left = target.left(seen(*[(start, 99, commit) for start, commit in pairs]))

        for number, (start, commit) in enumerate(pairs):
            at_end[number] |= commit is not None and max(start or 0, commit) >= ends[number]
        if all(at_end):
            assert left == 0
        else:
            assert left is None or left > 0
            assert (left is None) == any(
                None in known for known, done in zip(pairs, at_end, strict=True) if not done
            )
        assert target.reached == all(at_end)


# Tails


def test_a_lane_is_at_its_tail_when_all_of_it_is_read_and_not_all_is_answered():
    target = aim(seen((0, 10, 0), (0, 5, 0)))
    read = ledgers(
        ledger("requests", 0, 10, unanswered=[9]), ledger("requests", 1, 5, unanswered=[])
    )

    assert target.tails(read, LANES) == {"standard"}


def test_a_lane_is_not_at_its_tail_while_one_partition_is_unread():
    target = aim(seen((0, 10, 0), (0, 5, 0)))
    read = ledgers(ledger("requests", 0, 10, unanswered=[9]), ledger("requests", 1, 4))

    assert target.tails(read, LANES) == frozenset()


def test_what_came_after_the_target_may_linger():
    target = aim(seen((0, 10, 0)))

    assert target.tails(ledgers(ledger("requests", 0, 14, unanswered=[12])), LANES) == frozenset()


def test_another_lane_s_tail_is_its_own():
    first = Observation(0.0, {P: Offsets(0, 10, 0), ("urgent", 0): Offsets(0, 5, 0)}, 0)
    read = ledgers(ledger("requests", 0, 3), ledger("urgent", 0, 5, unanswered=[1]))

    assert aim(first).tails(read, LANES) == {"urgent"}


def test_a_partition_that_was_added_is_no_tail():
    target = aim(seen((0, 10, 10)))

    assert target.tails(ledgers(ledger("requests", 1, 7, unanswered=[5])), LANES) == frozenset()


# Rows of lanes


ROW = {"boxes": ["pages"], "words": ["boxes"]}


def row_seen(pages, boxes, words=(0, 0, 0)):
    """An observation of one partition of each topic of a row."""
    topics = {"pages": pages, "boxes": boxes, "words": words}
    return Observation(0.0, {(topic, 0): Offsets(*it) for topic, it in topics.items()}, 0)


def aim_row(*first):
    seen = row_seen(*first)
    return Target(seen, ["pages", "boxes", "words"], fed_by=ROW)


def test_results_that_go_on_are_waited_for_lane_by_lane():
    target = aim_row((0, 10, 0), (0, 0, NO_COMMIT))
    assert target.due == 10

    assert target.left(row_seen((0, 10, 4), (0, 4, 2))) == 6 + 2
    assert target.due == 14
    assert target.left(row_seen((0, 10, 10), (0, 9, 9))) == 0
    assert not target.reached, "the last result may have come after the look at its topic"
    assert target.left(row_seen((0, 10, 10), (0, 10, 9))) == 1
    assert target.left(row_seen((0, 10, 10), (0, 10, 10), (0, 9, 9))) == 0
    assert not target.reached
    assert target.left(row_seen((0, 10, 10), (0, 10, 10), (0, 10, 10))) == 0
    assert target.reached
    assert target.due == 30


def test_what_comes_to_the_next_lane_once_it_is_known_is_for_the_next_run():
    target = aim_row((0, 10, 0), (0, 0, NO_COMMIT))
    target.left(row_seen((0, 10, 10), (0, 9, 0)))
    target.left(row_seen((0, 10, 10), (0, 10, 0)))

    assert target.left(row_seen((0, 99, 10), (0, 500, 10), (0, 10, 10))) == 0
    assert target.left(row_seen((0, 99, 10), (0, 500, 10), (0, 10, 10))) == 0
    assert target.reached


def test_where_nothing_is_due_before_it_a_topic_ends_where_it_does():
    target = aim_row((0, 10, 10), (0, 7, 7), (0, 3, 3))

    assert target.due == 0
    assert target.reached


def test_an_end_that_is_not_known_is_waited_for():
    target = aim_row((0, 10, 0), (0, 0, 0))
    target.left(row_seen((0, 10, 10), (0, 5, 0)))
    target.left(row_seen((0, 10, 10), (0, None, 5)))
    assert not target.reached

    target.left(row_seen((0, 10, 10), (0, 10, 10)))
    for _ in range(2):
        target.left(row_seen((0, 10, 10), (0, 10, 10), (0, 10, 10)))
    assert target.reached


def test_a_lane_is_not_at_its_tail_while_results_come_to_it():
    target = aim_row((0, 10, 0), (0, 4, 0))
    lanes = {"pages": "detect", "boxes": "read", "words": "count"}
    read = ledgers(ledger("pages", 0, 10, unanswered=[8, 9]), ledger("boxes", 0, 4, unanswered=[3]))
    assert "read" not in target.tails(read, lanes)

    target.left(row_seen((0, 10, 10), (0, 4, 0)))
    target.left(row_seen((0, 10, 10), (0, 4, 0)))
    assert "read" in target.tails(read, lanes)
