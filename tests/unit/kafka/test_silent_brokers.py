"""Who leaves requests unanswered is doubted after a while, and whoever asks goes around it."""

from types import SimpleNamespace

import pytest
from aiokafka.client import ConnectionGroup

from daemon.kafka import silent_brokers
from daemon.kafka.silent_brokers import SilenceWatch

LIMIT_S = 10.0


class Connection:
    def __init__(self, *correlations):
        self._requests = [(each, None, None) for each in correlations]
        self.closed = False

    def close(self):
        self.closed = True


class Client:
    """A client of three brokers."""

    def __init__(self):
        self._conns = {}
        self.refreshes = 0
        self.cluster = SimpleNamespace(
            brokers=lambda: [SimpleNamespace(nodeId=node) for node in (1, 2, 3)]
        )

    def connect(self, node, *correlations, group=ConnectionGroup.DEFAULT):
        self._conns[node, group] = Connection(*correlations)
        return self._conns[node, group]

    def force_metadata_update(self):
        self.refreshes += 1


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def watch(client):
    return SilenceWatch(client, LIMIT_S)


def test_one_request_that_stands_is_a_silence(client, watch):
    client.connect(1, 7)
    client.connect(2)

    assert watch.silent(0.0) == set()
    assert watch.silent(LIMIT_S) == set()
    assert watch.silent(LIMIT_S + 0.1) == {1}


def test_requests_that_are_answered_one_after_the_other_are_none(client, watch):
    connection = client.connect(1, 0)
    for second in range(100):
        connection._requests = [(second, None, None), (second + 1, None, None)]
        assert watch.silent(float(second)) == set()


def test_who_was_found_to_live_is_doubted_again_only_later(client, watch):
    client.connect(1, 7)
    watch.silent(0.0)
    assert watch.silent(LIMIT_S + 1) == {1}

    watch.believe(1, LIMIT_S + 1)

    assert watch.silent(LIMIT_S + 2) == set()
    assert watch.silent(2 * LIMIT_S + 2) == {1}


def test_a_new_connection_is_given_its_time(client, watch):
    client.connect(1, 7)
    watch.silent(0.0)
    client.connect(1, 7)

    assert watch.silent(LIMIT_S + 1) == set()


def test_all_connections_to_a_suspect_are_given_up(client):
    one = client.connect(1, 7)
    two = client.connect(1, 8, group=ConnectionGroup.COORDINATION)
    other = client.connect(2, 9)

    silent_brokers.doubt(client, 1)

    assert (one.closed, two.closed, other.closed) == (True, True, False)
    assert client.refreshes == 1


def test_a_suspect_is_asked_nothing_that_others_know(client):
    silent_brokers.doubt(client, 1)
    silent_brokers.doubt(client, 3)

    assert {silent_brokers._get_random_node(client) for _ in range(50)} == {2}


def test_where_all_are_suspects_any_is_asked(client):
    for node in (1, 2, 3):
        silent_brokers.doubt(client, node)

    assert silent_brokers._get_random_node(client) in {1, 2, 3}
