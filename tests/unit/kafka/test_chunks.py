"""What a fetch brought, and partitions of which it brought nothing."""

from types import SimpleNamespace

import pytest
from aiokafka.structs import TopicPartition

from daemon.kafka.group.generation import Generation
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.chunks import Chunks
from daemon.kafka.reading.lag import Lag
from daemon.values.messages import Unreadable
from tests.ledgers import make_lane

A, B, C = (TopicPartition(topic, 0) for topic in "abc")
LOOK_S = 0.25


class FakeConsumer:
    """Stands where it is put."""

    def __init__(self):
        self.positions = dict.fromkeys([A, B, C], 10)

    def position(self, partition):
        return self.positions[partition]

    def highwater(self, partition):
        return None


class World:
    """Three partitions, each in a lane of its own."""

    def __init__(self):
        self.now_s = 100.0
        self.consumer, self.batch_reading = FakeConsumer(), BatchReading(1)
        self.generation = Generation(1, "me", [A, B, C], {each: make_lane(each) for each in "abc"})
        for partition in (A, B, C):
            self.generation.open(partition, 10, committed=None)
        self.chunks = Chunks(
            self.consumer,
            self.batch_reading,
            Lag(),
            SimpleNamespace(replayed=None),
            clock=lambda: self.now_s,
        )

    def make(self, partitions, fetched):
        return self.chunks.make(self.generation, partitions, fetched)

    def bring(self, partition, *offsets):
        """Return records of `partition`, which are taken."""
        self.consumer.positions[partition] = offsets[-1] + 1
        return {partition: [SimpleNamespace(offset=each, timestamp=0) for each in offsets]}

    def position(self, partition):
        return self.generation.ledgers[partition].position


@pytest.fixture
def world():
    made = World()
    made.make([A, B], {})  # all were looked at
    made.make([C], {})
    return made


def test_what_was_looked_into_is_followed_over_markers_at_once(world):
    world.consumer.positions[B] = 12

    (chunk,) = world.make([A, B], {**world.bring(A, 10, 11), B: []})

    assert (chunk.ledger.topic, len(chunk.records)) == ("a", 2)
    assert (world.position(A), world.position(B)) == (12, 12)


def test_unreadable_records_are_told_also_where_a_fetch_was_given_up(world):
    world.batch_reading.add(B, [Unreadable(10, "broken")])
    world.consumer.positions[B] = 11

    (chunk,) = world.make([A, B], {})

    assert [stub.offset for stub in chunk.unreadable] == [10]


def test_what_nothing_was_fetched_of_is_looked_at_now_and_then(world):
    """One look for each of hundreds costs more than all else at a fetch."""
    world.consumer.positions[B] = 12
    world.now_s += LOOK_S / 2
    world.make([A, B], world.bring(A, 10))
    assert world.position(B) == 10

    world.now_s += LOOK_S / 2
    world.make([A, B], {})
    assert world.position(B) == 12


def test_partitions_of_lanes_that_are_fetched_by_turns_are_all_looked_at(world):
    world.consumer.positions |= {A: 11, C: 12}
    world.now_s += LOOK_S
    world.make([A, B], {})
    world.make([C], {})

    assert (world.position(A), world.position(C)) == (11, 12)
