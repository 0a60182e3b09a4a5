"""Probes are committed before they run, and after they have."""

import pytest
from aiokafka.structs import TopicPartition

from daemon.isolation.note import Alone, Note
from daemon.isolation.suspect_range import SuspectRange
from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.probes import Probes
from tests.ledgers import make_lane

P = TopicPartition("a", 0)


class Group:
    """Takes the commits of the generation that is present, unless it is told not to."""

    def __init__(self):
        self.present = Generation(1, "me", [P], {"a": make_lane("a")}, incarnation="b")
        self.present.quarantine.take_up(P, Note(held="a"), SuspectRange(12, 12))
        self.present.open(P, 10, committed=Commit(10))
        self.notes = []
        self.takes_commits = True
        self.on_commit = lambda: None
        self.probes = Probes(lambda: self.present, commit=self._commit)

    async def _commit(self):
        commits = self.present.uncommitted()
        if self.takes_commits and commits:
            self.notes.append(commits[P].note)
            self.present.committed(commits)
        self.on_commit()

    def lose(self):
        self.present = None

    def answer(self, *offsets):
        ledger = self.present.ledgers[P]
        ledger.start(offsets, position=offsets[-1] + 1)
        ledger.settle(offsets)


@pytest.fixture
def group():
    return Group()


async def test_a_probe_runs_once_a_commit_says_so(group):
    probe = group.probes.next()

    assert await group.probes.begin(probe)
    assert group.notes[-1].alone == Alone(probe.first, probe.end)


async def test_a_probe_that_could_not_be_noted_does_not_run(group):
    probe = group.probes.next()
    group.takes_commits = False

    assert not await group.probes.begin(probe)
    assert group.probes.next() == probe


async def test_a_probe_of_partitions_that_are_gone_meanwhile_does_not_run(group):
    probe = group.probes.next()
    group.on_commit = group.lose

    assert not await group.probes.begin(probe)
    assert group.probes.next() is None
    assert group.probes.suspected() == {}


async def test_what_survived_is_suspect_no_more_once_that_is_committed(group):
    probe = group.probes.next()
    await group.probes.begin(probe)
    group.answer(*range(probe.first, probe.end))

    assert await group.probes.end(probe)
    assert group.notes[-1].alone is None
    assert group.probes.next().first == probe.end


async def test_an_end_that_could_not_be_noted_is_to_be_told_again(group):
    probe = group.probes.next()
    await group.probes.begin(probe)
    group.answer(*range(probe.first, probe.end))
    group.takes_commits = False

    assert not await group.probes.end(probe)
    group.takes_commits = True
    assert await group.probes.end(probe)


async def test_what_is_released_holds_nothing(group):
    group.probes.release()

    assert group.present.uncommitted()[P].note.held == ""
