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
    probe = group.probes.next({"a"})

    assert await group.probes.begin(probe)
    assert group.notes[-1].alone == Alone(probe.first, probe.end)


async def test_a_probe_that_could_not_be_noted_does_not_run(group):
    probe = group.probes.next({"a"})
    group.takes_commits = False

    assert not await group.probes.begin(probe)
    assert group.probes.next({"a"}) == probe


async def test_a_probe_of_partitions_that_are_gone_meanwhile_does_not_run(group):
    probe = group.probes.next({"a"})
    group.on_commit = group.lose

    assert not await group.probes.begin(probe)
    assert group.probes.next({"a"}) is None
    assert group.probes.suspected() == {}


async def test_what_survived_is_suspect_no_more_once_that_is_committed(group):
    probe = group.probes.next({"a"})
    await group.probes.begin(probe)
    group.answer(*range(probe.first, probe.end))

    assert await group.probes.end(probe, probe.end)
    assert group.notes[-1].alone is None
    assert group.probes.next({"a"}).first == probe.end


async def test_what_ran_is_struck_out_of_the_note_before_it_is_answered_and_its_partition_waits(
    group,
):
    probe = group.probes.next({"a"})
    await group.probes.begin(probe)
    suspects = group.notes[-1].suspects

    assert await group.probes.end(probe, probe.end)
    assert group.notes[-1] == Note(held="b", suspects=suspects)
    assert group.probes.next({"a"}) is None
    assert group.probes.suspected()

    group.answer(*range(probe.first, probe.end))
    assert group.probes.next({"a"}).first == probe.end


async def test_what_did_not_run_to_its_end_teaches_as_much_as_ran(group):
    group.present.quarantine.take_up(P, Note(held="a"), SuspectRange(18, 18))
    probe = group.probes.next({"a"})
    await group.probes.begin(probe)
    group.answer(probe.first)

    assert await group.probes.end(probe, probe.first + 1)
    assert group.probes.next({"a"}).first == probe.first + 1


async def test_a_partition_is_read_on_once_a_commit_says_that_nothing_of_it_is_suspect(group):
    for _ in range(2):
        probe = group.probes.next({"a"})
        await group.probes.begin(probe)
        await group.probes.end(probe, probe.end)
        group.answer(*range(probe.first, probe.end))

    assert group.probes.next({"a"}) is None
    assert not group.probes.suspected()
    assert not group.present.readable({"a"}, most_ahead=100)

    group.present.committed(group.present.uncommitted())
    assert group.present.readable({"a"}, most_ahead=100) == [P]


async def test_what_is_answered_before_a_tidy_end_is_suspect_no_more(group):
    probe = group.probes.next({"a"})
    await group.probes.begin(probe)
    await group.probes.end(probe, probe.end)
    group.answer(*range(probe.first, probe.end))

    group.probes.release()

    assert group.present.uncommitted()[P].note.suspects == SuspectRange(12, probe.end)


async def test_nothing_is_probed_of_other_topics_than_are_asked_for(group):
    assert group.probes.next({"b"}) is None


async def test_an_end_that_could_not_be_noted_is_to_be_told_again(group):
    probe = group.probes.next({"a"})
    await group.probes.begin(probe)
    group.answer(*range(probe.first, probe.end))
    group.takes_commits = False

    assert not await group.probes.end(probe, probe.end)
    group.takes_commits = True
    assert await group.probes.end(probe, probe.end)


async def test_what_is_released_holds_nothing(group):
    group.probes.release()

    assert group.present.uncommitted()[P].note.held == ""
