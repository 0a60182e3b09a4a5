"""Where to start reading, and what to do when the log is not there any more."""

import pytest
from aiokafka import errors
from aiokafka.structs import TopicPartition

from daemon.kafka.group.generation import Generation
from daemon.kafka.group.start_positions import NotKnownYet, Recovery, find_starts, recover
from daemon.values.errors import Fatal

A, B, C = (TopicPartition("t", number) for number in range(3))
FIRSTS, ENDS = {A: 5, B: 0, C: 7}, {A: 50, B: 60, C: 70}


class FakeConsumer:
    """Knows the logs of three partitions; `led_topics` as the group's leader has them."""

    def __init__(self, led_topics=None):
        self.led_topics = led_topics

    def partitions_of(self, topic):
        return {0, 1, 2}

    async def first_offsets(self, partitions):
        return {each: FIRSTS[each] for each in partitions}

    async def end_offsets(self, partitions):
        return {each: ENDS[each] for each in partitions}


class FakeGroup:
    """Has committed what it is made with; `error` is what it answers instead."""

    def __init__(self, committed=(), *, error=None):
        self.committed = dict(committed)
        self.commits = []
        self._error = error

    async def offsets(self, partitions):
        if self._error is not None:
            raise self._error
        return {each: self.committed[each] for each in partitions if each in self.committed}

    async def is_new(self):
        return not self.committed

    async def commit(self, offsets, *, number, member):
        self.commits.append((dict(offsets), number, member))


def _find(group, *partitions, policy="earliest", led_topics=None):
    generation = Generation(3, "me", partitions, {})
    return find_starts(FakeConsumer(led_topics), group, generation, policy)


async def test_a_committed_partition_starts_at_its_commit():
    starts = await _find(FakeGroup({A: 42}), A)

    assert starts == ({A: 42}, {A: 42})


@pytest.mark.parametrize("policy", ["earliest", "latest", "refuse"])
async def test_an_added_partition_starts_at_its_start_whatever_the_settings_say(policy):
    starts = await _find(FakeGroup({A: 42}), A, C, policy=policy)

    assert starts.positions == {A: 42, C: 7}
    assert starts.committed == {A: 42}


@pytest.mark.parametrize(("policy", "expected"), [("earliest", FIRSTS), ("latest", ENDS)])
async def test_the_leader_of_a_new_group_starts_all_partitions_of_all_members(policy, expected):
    group = FakeGroup()

    starts = await _find(group, A, policy=policy, led_topics={"t"})

    assert group.commits == [(expected, 3, "me")]
    assert starts.positions[A] == expected[A]


async def test_others_wait_until_the_leader_of_a_new_group_has_started_it():
    group = FakeGroup()

    with pytest.raises(NotKnownYet):
        await _find(group, A, policy="latest")

    assert not group.commits


@pytest.mark.parametrize("led_topics", [None, {"t"}])
async def test_a_new_group_is_refused_by_everybody_when_the_settings_say_so(led_topics):
    group = FakeGroup()

    with pytest.raises(Fatal):
        await _find(group, A, policy="refuse", led_topics=led_topics)

    assert not group.commits


async def test_an_error_decides_nothing():
    group = FakeGroup(error=errors.GroupLoadInProgressError())

    with pytest.raises(errors.GroupLoadInProgressError):
        await _find(group, A, led_topics={"t"})

    assert not group.commits


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (3, Recovery(10, 7, restarted=False)),
        (10, Recovery(10, 0, restarted=False)),
        (15, Recovery(15, 0, restarted=False)),
        (20, Recovery(20, 0, restarted=False)),
        (21, Recovery(10, 0, restarted=True)),
    ],
    ids=["cut", "first", "inside", "end", "beyond"],
)
def test_reading_goes_on_where_nothing_more_is_lost(asked, expected):
    assert recover(asked, first=10, end=20) == expected
