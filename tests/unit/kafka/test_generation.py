"""Leases and generations."""

import pytest
from aiokafka.structs import TopicPartition

from daemon.isolation.note import Note
from daemon.isolation.suspect_range import SuspectRange
from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.windows.ready_by import Opening
from tests.ledgers import make_lane

A, A2, B = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)


def _generation():
    generation = Generation(1, "me", [A, B], {"a": make_lane("a"), "b": make_lane("b")})
    generation.open(A, 10, committed=Commit(10))
    generation.open(B, 20, committed=None)
    return generation


def test_a_lease_is_not_valid_before_the_first_heartbeat():
    assert not Lease(10.0).valid(0.0)


def test_a_lease_runs_from_the_sending_for_the_session():
    lease = Lease(10.0)
    lease.renew(100.0)

    assert lease.valid(109.9)
    assert not lease.valid(110.0)


def test_an_old_answer_does_not_shorten_a_lease():
    lease = Lease(10.0)
    lease.renew(100.0)
    lease.renew(95.0)

    assert lease.valid(109.9)


def test_a_lease_that_was_ended_is_over():
    lease = Lease(10.0)
    lease.renew(100.0)
    lease.end()

    assert not lease.valid(100.0)


def test_a_position_without_a_commit_is_uncommitted_at_once():
    assert _generation().uncommitted() == {B: Commit(20)}


def test_an_opening_is_committed_at_once_and_handed_on_from_commit_to_commit():
    opening = Opening(7_200.0, 600.0)
    generation = Generation(1, "me", [A], {"a": make_lane("a")})
    generation.open(A, 10, committed=Commit(10))
    generation.note_opening(A, opening)
    assert generation.uncommitted() == {A: Commit(10, opened=opening)}
    generation.committed(generation.uncommitted())

    generation.ledgers[A].start([10], position=11)
    generation.ledgers[A].settle([10])
    assert generation.uncommitted() == {A: Commit(11, opened=opening)}
    again = Generation(2, "me", [A], {"a": make_lane("a")})
    again.open(A, 11, committed=Commit.of(11, Commit(11, opened=opening).metadata))
    assert (again.openings, again.uncommitted()) == ({A: opening}, {})


def test_what_workers_served_is_handed_on_from_commit_to_commit():
    generation = Generation(1, "me", [A], {"a": make_lane("a")})
    generation.open(A, 10, committed=Commit(10, served="90.0"))
    assert generation.uncommitted() == {}

    for offset in (10, 11):
        generation.ledgers[A].start([offset], position=offset + 1)
        generation.ledgers[A].settle([offset])
        commits = generation.uncommitted()
        generation.committed(commits)

        assert commits[A].served == "90.0"


def test_only_what_changed_is_uncommitted():
    generation = _generation()
    generation.committed({B: Commit(20)})
    generation.ledgers[A].start([10, 11], position=12)
    generation.ledgers[A].settle([10])

    assert generation.uncommitted() == {A: Commit(11)}


def test_open_partitions_of_the_asked_topics_are_readable():
    generation = _generation()

    assert generation.readable(["a", "c"], most_ahead=0) == [A]
    generation.pause(A)
    assert generation.readable(["a", "b"], most_ahead=0) == [B]
    generation.resume(A)
    assert generation.readable(["a", "b"], most_ahead=0) == [A, B]


def _reopened(position):
    """A generation in which A was read up to 15, and reopened at `position` before any answer."""
    generation = _generation()
    before = generation.ledgers[A]
    before.start(range(10, 15), position=15)
    generation.pause(A)
    generation.reopen(A, position)
    return generation, before


def test_a_reopened_partition_has_a_new_ledger_and_the_old_one_is_closed_but_not_lost():
    generation, before = _reopened(30)

    assert generation.ledgers[A] is not before
    assert generation.ledgers[A].position == 30
    assert generation.readable(["a"], most_ahead=100) == [A]
    assert before.closed
    assert not before.lost
    assert before in generation.owed


@pytest.mark.parametrize("position", [30, 3], ids=["further", "back"])
def test_nothing_is_committed_beyond_what_a_closed_ledger_still_owes(position):
    generation, before = _reopened(position)
    generation.committed({B: Commit(20)})
    ledger = generation.ledgers[A]
    ledger.start([position, position + 1], position=40)
    ledger.settle([position, position + 1])

    before.settle([10, 12])
    assert generation.uncommitted() == {A: Commit(11)}

    before.settle([11, 13, 14])
    assert generation.uncommitted() == {A: Commit(40)}
    assert before not in generation.owed


def test_a_log_that_was_cut_short_takes_the_commit_back():
    generation = _generation()
    generation.committed({A: Commit(15), B: Commit(20)})
    generation.pause(A)
    generation.reopen(A, 12)

    assert generation.uncommitted() == {A: Commit(12)}


def test_closed_ledgers_are_lost_with_their_generation():
    generation, before = _reopened(30)
    generation.lose()

    assert before.lost


def test_a_partition_is_held_while_it_is_too_far_ahead_of_its_commit():
    generation = _generation()
    ledger = generation.ledgers[A]
    ledger.start(range(10, 15), position=15)

    assert generation.readable(["a"], most_ahead=5) == [A]
    assert generation.readable(["a", "b"], most_ahead=4) == [B]
    assert generation.held(["a", "b"], most_ahead=4) == [ledger]


def test_only_a_commit_opens_a_partition_again():
    generation = _generation()
    ledger = generation.ledgers[A]
    ledger.start(range(10, 15), position=15)
    ledger.settle(range(10, 15))

    assert generation.held(["a"], most_ahead=4) == [ledger]
    generation.committed({A: Commit(15)})
    assert generation.held(["a"], most_ahead=4) == []


def test_a_partition_without_a_commit_is_ahead_of_where_it_began():
    generation = _generation()
    ledger = generation.ledgers[B]
    ledger.start(range(20, 25), position=25)
    ledger.settle(range(20, 25))

    assert generation.held(["b"], most_ahead=4) == [ledger]


def test_all_ledgers_of_a_lost_generation_are_lost():
    generation = _generation()
    generation.lose()

    assert all(ledger.lost for ledger in generation.ledgers.values())


def _of_topic(topic_id):
    generation = _generation()
    for partition in (A, B):
        generation.pause(partition)
        generation.reopen(partition, 10, topic_id=topic_id)
    return generation


def test_a_commit_names_the_topic_that_it_is_of():
    generation = _of_topic("one")

    assert generation.uncommitted() == {A: Commit(10, "one"), B: Commit(10, "one")}
    generation.committed({A: Commit(10, "one"), B: Commit(10)})
    assert generation.uncommitted() == {B: Commit(10, "one")}


def test_a_topic_with_another_id_was_made_anew():
    generation = _of_topic("one")

    assert generation.compare({"a": "one", "b": "other"}, {}) == [B]


@pytest.mark.parametrize(("before", "present"), [("", "one"), ("one", ""), ("", "")])
def test_an_unknown_id_tells_nothing(before, present):
    generation = _of_topic(before)

    assert generation.compare({"a": present, "b": present} if present else {}, {}) == []


def test_what_is_paused_is_not_compared():
    generation = _of_topic("one")
    generation.pause(A)

    assert generation.compare({"a": "other", "b": "one"}, {}) == []


def test_what_was_not_read_is_known_from_where_the_log_ended_while_it_was_the_same():
    generation = _of_topic("one")
    assert generation.unread(A) == 0

    generation.compare({"a": "one"}, {A: 40})
    generation.compare({"a": "other"}, {A: 90})

    assert generation.unread(A) == 30


def test_nothing_is_probed_before_its_partition_is_open():
    """The group has to say first whose it is."""
    generation = Generation(1, "me", [A], {"a": make_lane("a")}, incarnation="b")
    generation.quarantine.take_up(A, Note(held="a"), SuspectRange(12, 12))

    assert generation.next_probe({"a"}) is None

    generation.open(A, 10, committed=Commit(10))
    assert generation.next_probe({"a"}) == (A, 10, 11, False, 1, 0)


def test_a_result_of_its_lane_ends_the_row_of_those_that_were_blamed():
    tier, other = make_lane("a"), make_lane("b")
    generation = Generation(1, "me", [A, A2, B], {"a": tier, "b": other}, incarnation="me")
    for partition in (A, A2, B):
        generation.quarantine.take_up(partition, Note(blamed=5), None)
        generation.open(partition, 10, committed=None)
    assert [each.note.blamed for each in generation.uncommitted().values()] == [5, 5, 5]

    generation.ledgers[A2].has_result = True

    blamed = {each: commit.note.blamed for each, commit in generation.uncommitted().items()}
    assert blamed == {A: 0, A2: 0, B: 5}
