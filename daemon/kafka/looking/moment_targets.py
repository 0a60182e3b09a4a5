"""Where logs ended at the last moment of the lanes that open by the clock, asked once for each."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping

from aiokafka.structs import TopicPartition

from config.settings import Lane
from daemon.scaling.observation import Offsets, Partition, Target
from daemon.windows.ready_by import Opening
from daemon.windows.schedule import Schedule
from daemon.windows.window import PROMPT_S

Ask = Callable[[Collection[TopicPartition], float], Awaitable[Mapping[TopicPartition, int] | None]]
"""Where do logs end as of a time in wall seconds? None and what is missing is unknown."""


class MomentTargets:
    """Remembers what was answered, for as long as the moment is the last one."""

    def __init__(self, lanes: Collection[Lane]) -> None:
        self._clocks = [
            _Clock(schedule, frozenset(lane.topics))
            for lane in lanes
            if (schedule := Schedule.of(lane)) is not None
        ]

    async def of(
        self,
        seen: Mapping[Partition, Offsets],
        opened: Mapping[Partition, Opening],
        wall_s: float,
        ask: Ask,
    ) -> Mapping[Partition, Target]:
        """Return the targets of what has lag, as far as they are known; `opened` as commits say."""
        await asyncio.gather(*(clock.find(seen, opened, wall_s, ask) for clock in self._clocks))
        return {each: at for clock in self._clocks for each, at in clock.known.items()}


class _Clock:
    """The targets of one lane."""

    def __init__(self, schedule: Schedule, topics: Collection[str]) -> None:
        self.known: dict[Partition, Target] = {}
        self._schedule = schedule
        self._topics = topics
        self._moments_s: dict[Partition, float] = {}

    async def find(
        self,
        seen: Mapping[Partition, Offsets],
        opened: Mapping[Partition, Opening],
        wall_s: float,
        ask: Ask,
    ) -> None:
        """Ask for the targets that are not known."""
        before_s, mine = self._moments_s, [each for each in seen if each[0] in self._topics]
        moments_s = self._schedule.last_moments({each: opened.get(each) for each in mine}, wall_s)
        self._moments_s = moments_s
        self.known = {
            each: target
            for each, target in self.known.items()
            if moments_s.get(each) == before_s.get(each)
        }
        unknown = [each for each in mine if seen[each].lag and each not in self.known]
        for moment_s in sorted({moments_s[each] for each in unknown} - {-math.inf}):
            await self._ask(
                [TopicPartition(*each) for each in unknown if moments_s[each] == moment_s],
                moment_s,
                ask,
            )

    async def _ask(self, unknown: Collection[TopicPartition], moment_s: float, ask: Ask) -> None:
        latest = await ask(unknown, moment_s) or {}
        certain = await ask(list(latest), moment_s - PROMPT_S) if latest else None
        for each, at in (certain or {}).items():
            self.known[each] = Target(min(at, latest[each]), latest[each])
