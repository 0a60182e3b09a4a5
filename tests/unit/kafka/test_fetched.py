"""What lies fetched is taken, and the client is asked for more where it would fetch more."""

import pytest
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.fetched import Fetched
from daemon.kafka.reading.room import Room

A, B = TopicPartition("a", 0), TopicPartition("b", 0)
YOUNG_S, OLD_S = 0.1, 0.0


class Lying(FetchResult):
    """One record that was fetched and not taken, so long that `backoff_s` is left of its youth."""

    def __init__(self, backoff_s):
        self._backoff_s = backoff_s
        self._partition_records = self
        self.is_open = self.ended = False

    def take(self, room):
        room.records -= 1
        self.ended = True
        return ["record"]

    def calculate_backoff(self):
        return self._backoff_s

    def check_assignment(self, _):
        return True

    def _update_position(self):
        """There is nobody to tell."""


class FakeFetcher:
    """The client's fetcher as `Fetched` uses it; topics a and b are led by one broker, c by another."""

    _wait_consume_future = "more may be fetched"

    def __init__(self, **lying):
        self._records = Records({TopicPartition(topic, 0): lying[topic] for topic in lying})
        self._in_flight = set()
        self._subscriptions = self
        self.woken = 0

    def is_assigned(self, _):
        return True

    def _select_read_replica(self, partition):
        return "one" if partition.topic in "ab" else "two"

    def _notify(self, future):
        assert future == self._wait_consume_future
        self.woken += 1


class Records(dict):
    """Buffers in their order."""

    def move_to_end(self, partition):
        self[partition] = self.pop(partition)


@pytest.fixture
def fetcher():
    return FakeFetcher(a=Lying(YOUNG_S), b=Lying(YOUNG_S), c=Lying(YOUNG_S))


def _take(fetcher, *partitions):
    return Fetched(fetcher).take(partitions, Room(10, 1_000))


def test_the_client_is_woken_when_the_last_young_records_of_a_broker_are_taken(fetcher):
    assert _take(fetcher, A) == {A: ["record"]}
    assert fetcher.woken == 0  # it would find those of B, after a look at each partition

    _take(fetcher, B)
    assert fetcher.woken == 1


def test_the_client_is_woken_though_old_records_lie_there():
    fetcher = FakeFetcher(a=Lying(OLD_S), b=Lying(OLD_S))

    _take(fetcher, A)

    assert fetcher.woken == 1


def test_the_client_is_not_woken_while_it_waits_for_the_broker_anyway(fetcher):
    fetcher._in_flight.add("one")

    _take(fetcher, A, B)

    assert fetcher.woken == 0
