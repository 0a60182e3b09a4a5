"""Membership that nobody but a clock can judge."""

import asyncio

import pytest
from aiokafka import errors

from config.settings import Settings
from daemon.kafka.group.lease import Lease
from daemon.kafka.group.membership import Membership
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal


class FakeConsumer:
    generation, member = 1, "me"

    def __init__(self):
        self.rejoins = 0

    def rejoin(self):
        self.rejoins += 1

    def abandon_coordinator(self):
        self.abandoned = True

    coordinator_known = True
    abandoned = False


class FakeTally:
    def rebalance(self):
        pass


class Clock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


SETTINGS = Settings(
    kafka={"group": "g", "session_timeout": "10s", "rebalance_timeout": "30s"},
    models={"m": {"path": "model.onnx"}},
    lanes={"l": {"topics": ["requests"], "models": ["m"]}},
    replies={"topic": "replies"},
    dead_letters={"topic": "dead"},
    limits={"stall": "60s"},
)
LIMIT_S = 60 + 2 * 30


@pytest.fixture
async def membership():
    clock, lease, tasks = Clock(), Lease(10.0), Tasks()

    async def drain(ledgers):
        pass

    async def commit():
        await made.commit_by_group()

    made = Membership(
        SETTINGS,
        FakeConsumer(),
        lease,
        {},
        drain=drain,
        metrics=FakeTally(),
        tasks=tasks,
        changed=lambda: None,
        commit=commit,
        clock=clock,
    )
    made.clock, made.lease, made.tasks = clock, lease, tasks
    yield made
    await made.close()


def _watch_for(membership, seconds, *, reachable):
    for _ in range(seconds):
        membership.clock.now_s += 1
        membership.watch(reachable=reachable)


async def test_without_an_assignment_from_a_broker_that_answers_the_process_ends(membership):
    _watch_for(membership, LIMIT_S - 1, reachable=True)
    membership.tasks.check()

    _watch_for(membership, 2, reachable=True)
    with pytest.raises(Fatal) as caught:
        membership.tasks.check()
    assert caught.value.exit_code is Exit.WORK_LEFT


async def test_time_without_a_broker_does_not_count(membership):
    _watch_for(membership, 10 * LIMIT_S, reachable=False)
    _watch_for(membership, LIMIT_S - 1, reachable=True)

    membership.tasks.check()


async def test_a_worker_with_an_empty_assignment_is_no_stall(membership):
    membership.on_partitions_assigned(set())
    _watch_for(membership, 10 * LIMIT_S, reachable=True)

    membership.tasks.check()


async def test_the_lease_is_over_the_moment_the_clock_says_so(membership):
    """As after SIGSTOP and SIGCONT: nothing ran in between, and the first question tells."""
    membership.lease.renew(membership.clock.now_s)
    membership.on_partitions_assigned(set())
    generation = membership.generation
    generation.proven = True
    assert membership.lease_valid()

    membership.clock.now_s += 3_600

    assert not membership.lease_valid()
    assert membership.generation is None
    assert membership._consumer.rejoins == 1
    assert membership._consumer.abandoned


async def test_a_lease_that_ends_before_all_is_read_again_is_over_as_well(membership):
    """What it waits for, a producer, is made under a valid lease alone: nothing else would end it."""
    membership.lease.renew(membership.clock.now_s)
    membership.on_partitions_assigned(set())
    membership.generation.proven = True
    membership.redo(membership.generation, asyncio.Event().wait)

    membership.clock.now_s += 3_600

    assert not membership.lease_valid()
    assert membership.generation is None
    assert membership._consumer.rejoins == 1
    assert membership._consumer.abandoned


async def test_a_generation_that_was_never_confirmed_is_not_dropped(membership):
    membership.on_partitions_assigned(set())

    assert not membership.lease_valid()
    assert membership.generation is not None


def refusal():
    return errors.GroupAuthorizationFailedError("g")


async def test_a_right_that_was_never_there_ends_the_start(membership):
    with pytest.raises(Fatal, match="grant Read on the group") as caught:
        membership.refused(refusal())
    assert caught.value.exit_code is Exit.DENIED


async def test_a_right_that_is_gone_later_is_waited_for_until_it_is_a_member_again(membership):
    membership._assigner.begun = True
    membership.on_partitions_assigned(set())
    assert membership.refused(refusal())
    _watch_for(membership, 2, reachable=True)
    assert "grant Read on the group" in membership.trouble
    assert membership._consumer.rejoins == 1

    membership.lease.renew(membership.clock.now_s)
    membership.on_partitions_assigned(set())
    membership.generation.proven = True
    _watch_for(membership, 1, reachable=True)
    assert membership.trouble == ""


async def test_what_is_no_refusal_is_somebody_elses(membership):
    assert not membership.refused(errors.NotCoordinatorForGroupError())


async def test_time_without_a_right_is_not_taken_for_a_group_that_gives_nothing(membership):
    membership._assigner.begun = True
    for _ in range(10 * LIMIT_S):
        membership.refused(refusal())
        _watch_for(membership, 1, reachable=True)

    membership.tasks.check()


async def test_without_a_coordinator_it_says_what_is_missing(membership):
    membership._consumer.coordinator_known = False

    assert membership.trouble == (
        "the group is not joined: the broker that looks after it is not found"
    )
