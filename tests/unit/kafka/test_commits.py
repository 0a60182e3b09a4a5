"""Commits of a generation are tried until they are made, and no longer than they are its own."""

import asyncio

import pytest
from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka.group.commits import GroupCommits, StaleGeneration
from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from tests.ledgers import make_lane

A = TopicPartition("a", 0)


class MovingGroup:
    """A coordinator that refuses commits until it has moved."""

    def __init__(self):
        self.moved = False
        self.made = []

    async def commit(self, commits, *, number, member):
        if not self.moved:
            raise errors.NotCoordinatorForGroupError
        self.made.append((number, member, commits))


@pytest.fixture
def group():
    return MovingGroup()


@pytest.fixture
def committer(group):
    return GroupCommits(
        Kafka(bootstrap_servers="kafka:9092", group="g"), group, refused=lambda _: False
    )


def _generation(position):
    generation = Generation(2, "me", [A], {"a": make_lane("a")})
    generation.open(A, position, committed=None)
    return generation


async def test_a_commit_is_tried_until_the_coordinator_has_moved(group, committer):
    generation = _generation(29)
    trying = asyncio.create_task(committer.commit(generation))
    await asyncio.sleep(1)
    group.moved = True
    await trying

    assert group.made == [(2, "me", {A: Commit(29)})]
    assert generation.uncommitted() == {}


async def test_what_was_lost_meanwhile_is_not_committed_over_who_went_on_with_its_number(
    group, committer
):
    before, after = _generation(29), _generation(8)
    trying = asyncio.create_task(committer.commit(before))
    await asyncio.sleep(1)
    before.lose()
    group.moved = True
    await committer.commit(after)
    with pytest.raises(StaleGeneration):
        await trying

    assert group.made == [(2, "me", {A: Commit(8)})]
