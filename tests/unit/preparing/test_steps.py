"""Requests go through the steps of their lane, and come out once."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.loop.tasks import Tasks
from daemon.preparing.steps import MOST_GROUPS, GroupOutcome, Steps
from daemon.preparing.time_slices import GROUP, LARGE_GROUP
from daemon.values.messages import Bucket
from tests.ledgers import make_ledger
from tests.requests import make_requests


class Station:
    """A station, and what comes out of it; requests are told apart by offset."""

    def __init__(self, *, on_loop=(), processes=0, **by_lane):
        self.tasks = Tasks()
        self.ready, self.answers, self.handed_back, self.groups = [], [], [], []
        self.steps = Steps(
            by_lane,
            self.tasks,
            handed_back=self._hand_back,
            held=lambda: self.held,
            processes=lambda _lane: processes,
            on_loop=on_loop,
        )
        self.counts = []
        self.held = set()

    def prepare(self, *requests):
        self.steps.prepare(requests, done=self._done)

    async def quiet(self):
        while self.steps.under_way:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.01)

    def _done(self, requests, answers):
        self.groups.append([offset_of(each) for each in requests])
        self.ready += self.groups[-1]
        self.answers += answers
        self.counts.append(self.steps.under_way)

    def _hand_back(self, requests):
        self.handed_back += [offset_of(each) for each in requests]


def offset_of(request):
    return request.record.offset


def requests(count, lane="l", first=0, ledger=None):
    ledger = ledger or make_ledger(lane)
    return make_requests(count, first_offset=first, ledger=ledger, bucket=Bucket(lane, "m"))


async def passes(group):
    return GroupOutcome(group)


async def waits(group):
    await asyncio.sleep(0.1)
    return GroupOutcome(group)


async def refuses_odd(group):
    """Its answers are offsets, as far as the station can tell."""
    offsets = [offset_of(each) for each in group]
    odd = [offset for offset in offsets if offset % 2]
    return GroupOutcome([each for each in group if not offset_of(each) % 2], odd)


async def test_a_lane_without_steps_lets_pass_at_once():
    station = Station(l=())
    station.prepare(*requests(40))

    assert station.ready == list(range(40))
    assert len(station.groups) == 1


async def test_nothing_is_nothing():
    station = Station(l=(passes,))
    station.prepare()

    assert station.steps.under_way == 0


async def test_requests_come_out_group_by_group():
    station = Station(l=(passes,))
    station.prepare(*requests(40))
    under_way = station.steps.under_way
    await station.quiet()

    assert under_way == 40
    assert sorted(map(len, station.groups)) == [8, GROUP, GROUP]
    assert sorted(station.ready) == list(range(40))


async def test_where_no_step_waits_groups_are_larger_and_one_at_a_time():
    station = Station(l=(passes,), on_loop={"l"})
    station.prepare(*requests(2 * LARGE_GROUP))
    begun = station.steps._lanes["l"].groups_under_way
    await station.quiet()

    assert begun == 1
    assert list(map(len, station.groups)) == [LARGE_GROUP] * 2


async def test_steps_follow_one_another():
    order = []

    def step(name):
        async def note(group):
            order.append((name, len(group)))
            return GroupOutcome(group)

        return note

    station = Station(l=(step("first"), refuses_odd, step("last")))
    station.prepare(*requests(4))
    await station.quiet()

    assert order == [("first", 4), ("last", 2)]
    assert station.ready == [0, 2]


async def test_an_answer_does_not_wait_for_later_steps():
    station = Station(l=(refuses_odd, waits))
    station.prepare(*requests(4))
    await asyncio.sleep(0.05)

    assert station.answers == [1, 3]
    assert station.steps.under_way == 2
    await station.quiet()
    assert station.ready == [0, 2]


async def test_a_step_that_ends_all_leaves_nothing_for_the_next():
    async def ends_all(group):
        return GroupOutcome((), [offset_of(each) for each in group])

    async def never(group):
        raise AssertionError(group)

    station = Station(l=(ends_all, never))
    station.prepare(*requests(3))
    await station.quiet()

    assert (station.ready, station.answers) == ([], [0, 1, 2])


async def test_what_a_step_has_not_come_to_goes_through_it_again_and_holds_up_nobody():
    met = []

    async def one_at_a_time(group):
        await asyncio.sleep(0.1)
        met.append(len(group))
        return GroupOutcome(group[:1], again=group[1:])

    async def never_again(group):
        met.append([offset_of(each) for each in group])
        return GroupOutcome(group)

    station = Station(l=(never_again, one_at_a_time))
    station.prepare(*requests(3))
    await asyncio.sleep(0.15)
    early = list(station.ready)
    await station.quiet()

    assert early == [0]
    assert station.ready == [0, 1, 2]
    assert met == [[0, 1, 2], 3, 2, 1]


async def test_a_step_that_comes_to_nothing_ends_the_worker():
    async def puts_off(group):
        return GroupOutcome((), again=group)

    station = Station(l=(puts_off,))
    station.prepare(*requests(2))

    with pytest.raises(ValueError, match="of 2 requests"):
        await station.tasks.until(asyncio.get_running_loop().create_future())


async def test_what_comes_out_is_not_under_way_any_more():
    station = Station(l=(waits,))
    station.prepare(*requests(20))
    await station.quiet()

    assert sorted(station.counts) == [0, 4] or sorted(station.counts) == [0, GROUP]


@pytest.mark.parametrize(("processes", "groups"), [(0, MOST_GROUPS), (1, MOST_GROUPS), (8, 16)])
async def test_so_many_groups_of_a_lane_are_under_way_and_no_more(processes, groups):
    at_once = [0]
    most = []

    async def counts(group):
        at_once[0] += 1
        most.append(at_once[0])
        await asyncio.sleep(0.1)
        at_once[0] -= 1
        return GroupOutcome(group)

    station = Station(l=(counts,), processes=processes)
    station.prepare(*requests(200))
    await asyncio.sleep(0.05)
    station.prepare(*requests(200, first=200))
    await station.quiet()

    assert max(most) == groups
    assert sorted(station.ready) == list(range(400))


async def test_a_lane_that_is_held_begins_no_group_and_lets_those_under_way_come_out():
    station = Station(l=(waits,), other=(waits,))
    station.prepare(*requests(100))
    await asyncio.sleep(0.05)
    station.held = {"l"}
    station.prepare(*requests(1, "other", first=9_999))
    await asyncio.sleep(10)

    begun = MOST_GROUPS * GROUP
    assert sorted(station.ready) == [*range(begun), 9_999]
    assert (station.steps.under_way, station.steps.coming) == (100 - begun, 0)
    station.held = set()
    assert station.steps.coming == 100 - begun
    station.steps.look_again()
    await station.quiet()
    assert sorted(station.ready) == [*range(100), 9_999]


async def test_what_comes_to_a_held_lane_waits():
    station = Station(l=(passes,))
    station.held = {"l"}
    station.prepare(*requests(20))
    await asyncio.sleep(1)

    assert station.ready == []
    station.held = set()
    station.prepare(*requests(20, first=20))
    await station.quiet()
    assert sorted(station.ready) == list(range(40))


async def test_a_lane_does_not_wait_for_another():
    station = Station(l=(waits,), other=(waits,))
    loop = asyncio.get_running_loop()
    station.prepare(*requests(4_096))
    began_s = loop.time()
    station.prepare(*requests(1, "other", first=9_999))

    while 9_999 not in station.ready:  # noqa: ASYNC110 - virtual time costs nothing
        await asyncio.sleep(0.001)

    assert loop.time() - began_s < 0.11
    station.steps.close()


async def test_steps_that_never_wait_still_let_other_lanes_come_in_between():
    station = Station(l=(passes,), other=(passes,))
    station.prepare(*requests(1_600))
    station.prepare(*requests(1, "other", first=9_999))
    await station.quiet()

    assert station.ready.index(9_999) <= 2 * MOST_GROUPS * GROUP


async def test_what_is_lost_while_it_waits_meets_no_step():
    met = []

    async def notes(group):
        met.extend(offset_of(each) for each in group)
        await asyncio.sleep(0.1)
        return GroupOutcome(group)

    lost, kept = make_ledger("l"), make_ledger("l")
    station = Station(l=(notes,))
    station.prepare(*requests(MOST_GROUPS * GROUP, ledger=kept))
    station.prepare(*requests(3, first=1_000, ledger=lost))
    await asyncio.sleep(0.05)
    lost.lost = True
    await station.quiet()

    assert station.handed_back == [1_000, 1_001, 1_002]
    assert not {1_000, 1_001, 1_002} & {*met, *station.ready}


async def test_what_is_lost_during_its_last_step_is_handed_back():
    ledger = make_ledger("l")
    station = Station(l=(waits,))
    station.prepare(*requests(3, ledger=ledger))
    await asyncio.sleep(0.05)
    ledger.lost = True
    await station.quiet()

    assert (station.ready, station.handed_back) == ([], [0, 1, 2])


async def test_a_step_that_raises_ends_the_worker():
    async def fails(group):
        raise ZeroDivisionError

    station = Station(l=(fails,))
    station.prepare(*requests(3))

    with pytest.raises(ZeroDivisionError):
        await station.tasks.until(asyncio.get_running_loop().create_future())


@pytest.mark.parametrize("returned", [(), (0,), (0, 1, 2)])
async def test_a_step_that_loses_or_adds_requests_ends_the_worker(returned):
    async def miscounts(group):
        return GroupOutcome([group[place % 2] for place in returned])

    station = Station(l=(miscounts,))
    station.prepare(*requests(2))

    with pytest.raises(ValueError, match="of 2 requests"):
        await station.tasks.until(asyncio.get_running_loop().create_future())


async def test_after_the_end_nothing_comes_out():
    cancelled = []

    async def lasts(group):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(len(group))
            raise

    station = Station(l=(lasts,))
    station.prepare(*requests(GROUP * (MOST_GROUPS + 1)))
    await asyncio.sleep(0.1)
    station.steps.close()
    await asyncio.sleep(1)

    assert cancelled == [GROUP] * MOST_GROUPS
    assert station.groups == []


_PACES_S = st.sampled_from([0.0, 0.001, 0.05, 1.0])
_LOADS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 70), st.integers(0, 2), _PACES_S), max_size=8
)


@settings(max_examples=60)
@given(_LOADS, st.lists(st.tuples(_PACES_S, st.integers(0, 2)), max_size=3))
async def test_every_request_comes_out_once(loads, losses):
    """`loads`: lane, requests, partition, pause; `losses`: after a pause, a partition goes."""

    async def slow(group):
        await asyncio.sleep(0.01 * (offset_of(group[0]) % 3))
        most = 1 + offset_of(group[0]) % 20
        return GroupOutcome(group[:most], again=group[most:])

    station = Station(a=(slow, refuses_odd, passes), b=(passes, refuses_odd))
    ledgers = [make_ledger("a") for _ in range(3)]
    pushed = 0

    async def lose():
        for pause_s, place in losses:
            await asyncio.sleep(pause_s)
            ledgers[place].lost = True

    losing = asyncio.ensure_future(lose())
    for lane, count, place, pause_s in loads:
        if not ledgers[place].lost:
            station.prepare(*requests(count, lane, first=pushed, ledger=ledgers[place]))
            pushed += count
        await asyncio.sleep(pause_s)
    await station.quiet()
    await losing

    came = [*station.ready, *station.answers, *station.handed_back]
    assert sorted(came) == list(range(pushed))
    assert not any(offset % 2 for offset in station.ready)
