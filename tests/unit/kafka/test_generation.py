"""Leases and generations."""

from aiokafka.structs import TopicPartition

from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from tests.ledgers import make_lane

A, B = TopicPartition("a", 0), TopicPartition("b", 0)


def _generation():
    generation = Generation(1, "me", [A, B], {"a": make_lane("a"), "b": make_lane("b")})
    generation.open(A, 10, committed=10)
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
    assert _generation().uncommitted() == {B: 20}


def test_only_what_changed_is_uncommitted():
    generation = _generation()
    generation.committed({B: 20})
    generation.ledgers[A].start([10, 11], position=12)
    generation.ledgers[A].settle([10])

    assert generation.uncommitted() == {A: 11}


def test_open_partitions_of_the_asked_topics_are_readable():
    generation = _generation()

    assert generation.readable(["a", "c"], most_ahead=0) == [A]
    generation.close(A)
    assert generation.readable(["a", "b"], most_ahead=0) == [B]


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
    generation.committed({A: 15})
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
