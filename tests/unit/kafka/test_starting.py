"""Where to start reading, and what to do when the log is not there any more."""

import pytest
from aiokafka import errors
from aiokafka.structs import TopicPartition

from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.start_positions import (
    LogChange,
    NotKnownYet,
    Recovery,
    find_starts,
    recover,
)
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
        self.made = []
        self._error = error

    async def commits(self, partitions):
        if self._error is not None:
            raise self._error
        return {each: self.committed[each] for each in partitions if each in self.committed}

    async def is_new(self):
        return not self.committed

    async def commit(self, offsets, *, number, member):
        self.made.append((dict(offsets), number, member))


def _find(group, *partitions, policy="earliest", led_topics=None, topic_id="", begun=False):
    generation = Generation(3, "me", partitions, {})
    topic_ids = {"t": topic_id} if topic_id else {}
    consumer = FakeConsumer(led_topics)
    return find_starts(consumer, group, generation, policy, topic_ids, begun=begun)


async def test_a_committed_partition_starts_at_its_commit():
    starts = await _find(FakeGroup({A: Commit(42)}), A)

    assert starts == ({A: 42}, {A: Commit(42)})


@pytest.mark.parametrize("policy", ["earliest", "latest", "refuse"])
async def test_an_added_partition_starts_at_its_start_whatever_the_settings_say(policy):
    starts = await _find(FakeGroup({A: Commit(42)}), A, C, policy=policy)

    assert starts.positions == {A: 42, C: 7}
    assert starts.committed == {A: Commit(42)}


@pytest.mark.parametrize(("policy", "expected"), [("earliest", FIRSTS), ("latest", ENDS)])
async def test_the_leader_of_a_new_group_starts_all_partitions_of_all_members(policy, expected):
    group = FakeGroup()

    starts = await _find(group, A, policy=policy, led_topics={"t"})

    starts_at = {each: Commit(offset) for each, offset in expected.items()}
    assert group.made == [(starts_at, 3, "me")]
    assert starts.positions[A] == expected[A]


async def test_others_wait_until_the_leader_of_a_new_group_has_started_it():
    group = FakeGroup()

    with pytest.raises(NotKnownYet):
        await _find(group, A, policy="latest")

    assert not group.made


@pytest.mark.parametrize("led_topics", [None, {"t"}])
async def test_a_new_group_is_refused_by_everybody_when_the_settings_say_so(led_topics):
    group = FakeGroup()

    with pytest.raises(Fatal):
        await _find(group, A, policy="refuse", led_topics=led_topics)

    assert not group.made


async def test_an_error_decides_nothing():
    group = FakeGroup(error=errors.GroupLoadInProgressError())

    with pytest.raises(errors.GroupLoadInProgressError):
        await _find(group, A, led_topics={"t"})

    assert not group.made


@pytest.mark.parametrize("policy", ["earliest", "latest", "refuse"])
async def test_a_commit_of_a_topic_that_was_made_anew_is_void(policy):
    group = FakeGroup({A: Commit(42, "one"), B: Commit(43, "two"), C: Commit(44)})

    starts = await _find(group, A, B, C, policy=policy, topic_id="two")

    assert starts.positions == {A: FIRSTS[A], B: 43, C: 44}
    assert starts.committed == {B: Commit(43, "two"), C: Commit(44)}


async def test_a_commit_is_good_where_the_broker_knows_no_ids():
    starts = await _find(FakeGroup({A: Commit(42, "one")}), A)

    assert starts.positions == {A: 42}


@pytest.mark.parametrize("policy", ["earliest", "latest", "refuse"])
async def test_a_group_that_this_process_has_read_for_is_not_new(policy):
    group = FakeGroup()

    starts = await _find(group, A, policy=policy, led_topics={"t"}, begun=True)

    assert starts == ({A: FIRSTS[A]}, {})
    assert not group.made


async def test_a_new_group_starts_with_the_ids_of_its_topics():
    group = FakeGroup()

    await _find(group, A, led_topics={"t"}, topic_id="one")

    assert group.made[0][0][A] == Commit(FIRSTS[A], "one")


@pytest.mark.parametrize(
    ("asked", "same_topic", "expected"),
    [
        (3, True, Recovery(10, LogChange.CUT, 7)),
        (3, None, Recovery(10, LogChange.CUT, 7)),
        (10, True, Recovery(10, LogChange.NONE)),
        (15, None, Recovery(15, LogChange.NONE)),
        (20, True, Recovery(20, LogChange.NONE)),
        (21, True, Recovery(20, LogChange.TRUNCATED, 5)),
        (21, None, Recovery(10, LogChange.MADE_ANEW, 5)),
        (3, False, Recovery(10, LogChange.MADE_ANEW, 5)),
        (15, False, Recovery(10, LogChange.MADE_ANEW, 5)),
        (21, False, Recovery(10, LogChange.MADE_ANEW, 5)),
    ],
)
def test_reading_goes_on_where_nothing_more_is_lost(asked, same_topic, expected):
    assert recover(asked, first=10, end=20, same_topic=same_topic, unread=5) == expected


@pytest.mark.parametrize("metadata", [None, "", "somebody's own words"])
def test_a_commit_that_others_made_names_no_topic(metadata):
    assert Commit.of(7, metadata) == Commit(7)


def test_a_commit_says_its_topic_in_its_metadata():
    commit = Commit(7, "Qm9_-A")

    assert Commit.of(7, commit.metadata) == commit
    assert Commit.of(7, commit.metadata + ";more") == commit
