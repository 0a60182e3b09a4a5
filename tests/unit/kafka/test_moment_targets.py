"""Where logs ended at the last moment: what is asked, and what is remembered."""

from daemon.kafka.looking.moment_targets import MomentTargets
from daemon.scaling.observation import Offsets, Target
from tests.unit.scaling.sights import TOPIC, settings

HOUR_S = 3_600.0
NOON_S = 1_800_000_000.0  # a full hour
A, B = (TOPIC, 0), (TOPIC, 1)
BEHIND, DONE = Offsets(0, 9, 4), Offsets(0, 9, 9)


class Broker:
    """Says of each partition what it is told to say, and remembers what it was asked."""

    def __init__(self, **lane):
        by_clock = {"open": ["0 * * * *"], "zone": "UTC"}
        self.targets = MomentTargets(settings(lane=lane or by_clock).lanes.values())
        self.ends = {A: 7, B: 8}
        self.asked = []

    async def look(self, wall_s, opened=None, **seen):
        async def ask(partitions, as_of_s):
            self.asked.append((sorted(partitions), as_of_s - NOON_S))
            return {each: self.ends[each] for each in partitions if each in self.ends} or None

        named = {{"a": A, "b": B}[name]: offsets for name, offsets in seen.items()}
        return await self.targets.of(named, opened or {}, wall_s, ask)


async def test_what_has_lag_is_asked_for_once_a_moment():
    broker = Broker()

    first = await broker.look(NOON_S + 5, a=BEHIND, b=DONE)
    again = await broker.look(NOON_S + 6, a=BEHIND, b=DONE)

    assert first == again == {A: Target(7, 7)}
    assert broker.asked == [([A], 0.0), ([A], -2.0)]


async def test_another_moment_is_asked_for_anew():
    broker = Broker()
    await broker.look(NOON_S + 5, a=BEHIND)
    broker.ends[A] = 9

    assert await broker.look(NOON_S + HOUR_S, a=BEHIND) == {A: Target(9, 9)}


async def test_what_had_no_answer_is_asked_again():
    broker = Broker()
    broker.ends = {A: 7}
    assert await broker.look(NOON_S + 5, a=BEHIND, b=BEHIND) == {A: Target(7, 7)}
    broker.ends = {B: 8}

    assert (await broker.look(NOON_S + 6, a=BEHIND, b=BEHIND))[B] == Target(8, 8)


async def test_what_comes_between_two_questions_makes_nothing_certain():
    broker = Broker()

    class Growing(dict):
        def __getitem__(self, each):
            self[each] = super().__getitem__(each) + 1
            return super().__getitem__(each)

    broker.ends = Growing({A: 7})

    assert await broker.look(NOON_S + 5, a=BEHIND) == {A: Target(8, 8)}


async def test_nothing_is_asked_of_lanes_that_are_always_open():
    broker = Broker(linger="1s")

    assert await broker.look(NOON_S, a=BEHIND) == {}
    assert broker.asked == []
