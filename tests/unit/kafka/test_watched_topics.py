"""What is read of a topic stops and goes on as the brokers have it."""

import pytest
from aiokafka import errors
from aiokafka.structs import TopicPartition

from daemon.kafka.group.access import Access
from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.watched_topics import WatchedTopics
from daemon.kafka.topic_ids import TopicState
from tests.ledgers import make_lane

A, B = TopicPartition("a", 0), TopicPartition("b", 0)
LANES = {"a": make_lane("a"), "b": make_lane("b")}


class Brokers:
    """Stands for the consumer; `states` is what is said of topics, an error what happens instead."""

    def __init__(self):
        self.states = {"a": TopicState("one"), "b": TopicState("two")}
        self.asked_anew = []
        self.looks = 0
        self.meanwhile = lambda: None

    async def topic_states(self, topics):
        self.meanwhile()
        if isinstance(self.states, Exception):
            raise self.states
        return self.states

    def highwater(self, partition):
        return None

    def drop_refusal(self, partition):
        self.asked_anew.append(partition)

    def look_at_topics(self):
        self.looks += 1


class Member:
    def __init__(self):
        self.brokers = Brokers()
        self.access = Access(600.0, clock=lambda: 1_000.0)
        self.generation = Generation(1, "me", [A, B], LANES)
        self.generation.open(A, 10, committed=Commit(10), topic_id="one")
        self.generation.open(B, 20, committed=Commit(20), topic_id="two")
        self.begun = True
        self.logs_changed, self.changes = [], 0
        self.topics = WatchedTopics(
            LANES,
            self.brokers,
            self.access,
            present=lambda: self.generation,
            begun=lambda: self.begun,
            log_changed=lambda partition, asked: self.logs_changed.append((partition, asked)),
            changed=self._change,
        )

    def _change(self):
        self.changes += 1

    @property
    def read(self):
        return self.generation.readable(LANES, most_ahead=100)


@pytest.fixture
def member():
    return Member()


async def test_a_refused_topic_is_read_no_more_until_it_is_back(member):
    member.topics.refused("a")
    assert member.read == [B]
    assert "topic a" in member.access.trouble

    await member.topics.compare()

    assert member.read == [A, B]
    assert member.brokers.asked_anew == [A]
    assert (member.access.trouble, member.changes) == ("", 1)


async def test_a_topic_that_nobody_reads_here_is_none_of_it(member):
    member.topics.refused("replies")

    assert member.read == [A, B]
    assert member.access.trouble == ""


async def test_a_topic_that_stays_away_is_not_gone_on_with(member):
    member.topics.refused("a")
    member.brokers.states = {"a": TopicState("", may_read=False), "b": TopicState("two")}

    await member.topics.compare()

    assert member.read == [B]
    assert member.changes == 0


async def test_a_topic_made_anew_is_told_with_what_was_to_be_read_next(member):
    member.brokers.states["a"] = TopicState("other")

    await member.topics.compare()

    assert member.logs_changed == [(A, 10)]


async def test_nothing_is_told_of_partitions_that_were_taken_away_meanwhile(member):
    member.brokers.states["a"] = TopicState("other")
    member.brokers.meanwhile = lambda: setattr(member, "generation", None)

    await member.topics.compare()

    assert member.logs_changed == []


async def test_a_broker_that_does_not_answer_tells_nothing(member):
    member.topics.refused("a")
    member.brokers.states = errors.KafkaConnectionError("gone")

    await member.topics.compare()

    assert member.read == [B]


async def test_before_anything_was_read_nothing_is_missed(member):
    """The start says it better, and ends for it."""
    member.begun = False
    member.brokers.states["a"] = TopicState("", absent=True)

    for _ in range(3):
        await member.topics.compare()

    assert member.access.trouble == ""
