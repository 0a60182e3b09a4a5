"""Waiting for what others in the group have to do first, in virtual time."""

import asyncio

import pytest
from aiokafka.structs import TopicPartition

from config.settings import Settings
from daemon.kafka.group.assign import Assigner
from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.values.errors import Exit, Fatal
from tests.ledgers import make_lane

A = TopicPartition("t", 0)
LIMIT_S = 120.0


class Follower:
    """A member that does not lead its group."""

    led_topics = None
    joins = 0

    def rejoin(self):
        self.joins += 1

    async def topic_ids(self, topics):
        return {}

    async def first_offsets(self, partitions):
        return dict.fromkeys(partitions, 0)

    def seek(self, partition, offset):
        pass


class Group:
    """Has no commits until somebody makes some."""

    def __init__(self):
        self.made = {}

    async def commits(self, partitions):
        return self.made

    async def is_new(self):
        return not self.made


@pytest.fixture
def group():
    return Group()


@pytest.fixture
def follower():
    return Follower()


@pytest.fixture
async def assigner(group, follower):
    kafka = Settings(
        kafka={"group": "g"},
        models={"m": {"path": "model.onnx"}},
        lanes={"l": {"topics": ["t"], "models": ["m"]}},
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    ).kafka
    clock = asyncio.get_running_loop().time
    lease = Lease(1_000.0)
    lease.renew(clock())
    return Assigner(
        kafka,
        follower,
        group,
        lease,
        metrics=None,
        refused=lambda _: False,
        limit_s=LIMIT_S,
        clock=clock,
    )


def _generation():
    return Generation(1, "me", [A], {"t": make_lane("t")})


async def test_a_leader_that_says_nothing_is_told_of_while_it_is_waited_for(assigner, group):
    opening = asyncio.create_task(assigner.open(_generation()))
    await asyncio.sleep(1)
    assert assigner.trouble == ""

    await asyncio.sleep(10)
    assert "its leader does not say where it starts" in assigner.trouble

    group.made = {A: Commit(7)}
    await opening
    assert assigner.trouble == ""


async def test_whether_this_process_leads_itself_is_asked_once(assigner, group, follower):
    for _ in range(2):
        opening = asyncio.create_task(assigner.open(_generation()))
        await asyncio.sleep(10)
        assert follower.joins == 1

        opening.cancel()
        await asyncio.wait({opening})


async def test_a_leader_that_says_nothing_for_too_long_ends_the_process_to_be_started_again(
    assigner,
):
    with pytest.raises(Fatal, match="its leader") as caught:
        await asyncio.wait_for(assigner.open(_generation()), 2 * LIMIT_S)

    assert caught.value.exit_code is Exit.WORK_LEFT
