"""Looking again and again, deciding, and telling what changed; in virtual time."""

import asyncio

import pytest

from daemon.group_watch import group_watch as module
from daemon.group_watch.group_watch import GroupWatch
from daemon.scaling.observation import Observation, Offsets
from daemon.scaling.own_rate import ModelWork, Work
from daemon.scaling.remembered import Remembered
from daemon.scaling.scaler import Scaler
from daemon.telemetry.events import Event
from tests.unit.scaling.ready_fleet import TIME_S, Fleet
from tests.unit.scaling.sights import settings, sight

EMPTY, ONE, UNKNOWN = (5, 5), (6, 5), Offsets(None, None, None)


class Group:
    """What is seen of it is set by the test; `renewals` are asked for at these times."""

    def __init__(self):
        self.partition, self.members = EMPTY, 0
        self.looks, self.renewals, self.served = [], [], []
        self.look_s, self.may_renew = 0.0, True

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def look(self):
        await asyncio.sleep(self.look_s)
        self.looks.append(_now())
        return sight(_now(), self.partition, EMPTY, EMPTY, EMPTY, members=self.members)

    async def renew(self, served):
        self.renewals.append(_now())
        self.served.append(served)
        return self.may_renew


def _now():
    return asyncio.get_running_loop().time()


@pytest.fixture
def logged(monkeypatch):
    """(event, fields) in their order."""
    events = []
    monkeypatch.setattr(module, "log", lambda event, **fields: events.append((event, fields)))
    return events


@pytest.fixture
async def group():
    return Group()


@pytest.fixture
async def watch(group):
    """watch(seconds): lets it look for so long; `watch.watching`, `watch.told`."""
    tasks = []

    async def for_seconds(seconds):
        if not tasks:
            tasks.append(asyncio.create_task(for_seconds.watching.run()))
        await asyncio.sleep(seconds)

    for_seconds.told = []
    for_seconds.make = lambda interval_s=1.0, scaler=None, **given: GroupWatch(
        group,
        scaler or Scaler(settings(scaling={"service_rate": 100.0, "idle": "10s"}), 4),
        interval_s,
        tell=for_seconds.told.append,
        clock=asyncio.get_running_loop().time,
        **given,
    )
    for_seconds.watching = for_seconds.make()
    yield for_seconds
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_looks_each_interval_however_long_a_look_takes(group, watch):
    group.look_s = 0.4

    await watch(3.5)

    assert group.looks == pytest.approx([0.4, 1.4, 2.4, 3.4])
    assert len(watch.told) == 4


async def test_nothing_is_decided_before_the_first_complete_look(group, watch):
    group.partition = UNKNOWN
    await watch(2.5)
    assert watch.watching.report is None

    group.partition, group.members = EMPTY, 3
    await watch(1)

    assert watch.told[0].decision.workers == 3


async def test_who_knows_the_workers_decides_at_once(group, watch):
    watch.watching = watch.make(working=lambda: 2)
    group.partition = UNKNOWN

    await watch(0.5)

    assert watch.watching.report.decision.workers == 2


async def test_what_workers_tell_of_their_work_is_heard(group, watch):
    works = iter([Work(0, {"m": ModelWork(0, 0, 0)}), Work(640, {"m": ModelWork(10, 640, 2.0)})])
    watch.watching = watch.make(work=lambda: next(works, None))

    await watch(2.5)

    assert watch.watching.report.service_rate == pytest.approx(320)


async def test_a_change_of_the_number_is_logged_once_with_its_reason(group, watch, logged):
    await watch(2.5)
    group.partition = ONE
    await watch(3)

    decided = [fields for event, fields in logged if event is Event.SCALING_DECIDED]
    assert [(each["before"], each["workers"]) for each in decided] == [(0, 0), (0, 1)]
    assert decided[1]["reason"]


async def test_unknown_offsets_hold_the_number_and_are_logged_once(group, watch, logged):
    group.partition = ONE
    await watch(2.5)
    group.partition, group.members = UNKNOWN, None
    await watch(60)
    group.partition, group.members = ONE, 1
    await watch(2)

    assert {report.decision.workers for report in watch.told} == {1}
    changes = [event for event, _ in logged if event is not Event.OFFSETS_RENEWED]
    assert changes == [Event.SCALING_DECIDED, Event.SCALING_PAUSED, Event.SCALING_RESUMED]


async def test_a_partition_that_stands_still_is_logged_once(group, watch, logged):
    group.partition, group.members = ONE, 1

    await watch(400)

    stalled = [fields for event, fields in logged if event is Event.PARTITION_STALLED]
    assert [(each["topic"], each["partition"], each["lag"]) for each in stalled] == [
        ("requests", 0, 1)
    ]


async def test_the_commits_of_an_empty_group_are_renewed_each_day(group, watch, logged):
    watch.watching = watch.make(interval_s=600.0)

    await watch(2 * 86_400 + 60)

    assert group.renewals == pytest.approx([0, 86_400, 2 * 86_400], abs=60)
    assert [event for event, _ in logged].count(Event.OFFSETS_RENEWED) == 3


async def test_what_the_workers_served_is_kept_once_they_are_gone(group, watch):
    works = iter([Work(0, {"m": ModelWork(0, 0, 0)}), Work(640, {"m": ModelWork(10, 640, 2.0)})])
    group.members = 1
    watch.watching = watch.make(work=lambda: next(works, None))
    await watch(5)
    assert group.served == []

    group.members = 0
    await watch(60)

    assert [Remembered.read(text).service_rate for text in group.served] == [pytest.approx(320)]


async def test_it_is_kept_when_the_looks_end_before_the_group_was_seen_empty(group, watch):
    works = iter([Work(0, {"m": ModelWork(0, 0, 0)}), Work(640, {"m": ModelWork(10, 640, 2.0)})])
    group.members = 1
    watch.watching = watch.make(work=lambda: next(works, None))
    await watch(5)

    await watch.watching.remember()
    await watch.watching.remember()

    assert len(group.served) == 1


async def test_a_watch_that_measured_nothing_has_nothing_to_remember(group, watch):
    group.members = 1
    await watch(5)

    await watch.watching.remember()

    assert group.served == []


async def test_a_renewal_that_could_not_be_made_is_tried_again_sooner(group, watch, logged):
    group.may_renew = False

    await watch(1_300)

    assert len(group.renewals) == 3
    assert Event.OFFSETS_RENEWED not in [event for event, _ in logged]


async def test_the_commits_of_a_group_with_members_are_left_alone(group, watch):
    group.members = 1

    await watch(60)

    assert group.renewals == []


async def test_a_look_that_hangs_is_told_from_looks_that_go_on(group, watch):
    assert watch.watching.moving
    await watch(100)
    assert watch.watching.moving

    group.look_s = 1e6
    await watch(100)

    assert not watch.watching.moving


async def test_a_look_without_partitions_is_not_complete(group, watch):
    assert not Observation(0.0, {}, 1).complete


class Replayed:
    """Says what a scaler said."""

    measured = None

    def __init__(self, *reports):
        self._reports = list(reports)

    def take(self, *_):
        return self._reports.pop(0)


def _reports(fleet, *at_s):
    """What a fleet's scaler says at those times, by which 4,000 records are to be ready."""
    fleet.add(1_000)
    fleet.at_s = TIME_S - 200
    reports = []
    for each_s in at_s:
        fleet.until(each_s)
        reports.append(fleet.report)
    return reports


async def _told(watch, reports, logged):
    watch.watching = watch.make(scaler=Replayed(*reports))
    await watch(len(reports) - 0.5)
    return [(event, fields) for event, fields in logged if event.value.startswith("ready_by.")]


async def test_a_time_that_came_before_a_lane_was_ready_is_logged_once_with_what_is_left(
    watch, logged
):
    times_s = [TIME_S - 1, TIME_S, TIME_S + 1, TIME_S + 2]
    reports = _reports(Fleet(start_s=10_000), *times_s)

    assert await _told(watch, reports, logged) == [
        (
            Event.READY_BY_MISSED,
            {"lane": "documents", "ready_by": "2027-01-16 07:00:00+00:00", "records": 4_000},
        )
    ]


async def test_a_time_that_was_missed_is_logged_by_who_comes_later_too(watch, logged):
    fleet = Fleet(start_s=10_000)
    fleet.add(10)
    fleet.at_s = TIME_S + 600
    fleet.until(TIME_S + 601)

    assert [event for event, _ in await _told(watch, [fleet.report], logged)] == [
        Event.READY_BY_MISSED
    ]


async def test_a_lane_that_is_ready_in_time_is_logged_once(watch, logged):
    reports = _reports(Fleet(), TIME_S - 90, TIME_S - 70, TIME_S - 60, TIME_S, TIME_S + 1)

    ((event, fields),) = await _told(watch, reports, logged)
    assert event is Event.READY_BY_MET
    assert fields["spare_s"] > 0
