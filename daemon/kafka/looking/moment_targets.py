"""Where logs ended at the last moment of the lanes that open by the clock, asked once for each."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from math import isinf

from aiokafka.structs import TopicPartition

from config.settings import Lane
from daemon.scaling.observation import Offsets, Partition, Target
from daemon.windows.schedule import Schedule
from daemon.windows.window import PROMPT_S

Ask = Callable[[Collection[TopicPartition], float], Awaitable[Mapping[TopicPartition, int] | None]]
"""Where do logs end as of a time in wall seconds? None and what is missing is unknown."""


class MomentTargets:
    """Remembers what was answered, for as long as the moment is the last one."""

    def __init__(self, lanes: Collection[Lane]) -> None:
        self._schedules = {
            topic: schedule
            for lane in lanes
            if (schedule := Schedule.of(lane)) is not None
            for topic in lane.topics
        }
        self._moments_s: dict[str, float] = {}
        self._known: dict[Partition, Target] = {}

    async def of(
        self, seen: Mapping[Partition, Offsets], wall_s: float, ask: Ask
    ) -> Mapping[Partition, Target]:
        """Return the targets of what has lag, as far as they are known."""
        for topic, schedule in self._schedules.items():
            moment_s = schedule.up_to(wall_s)
            if moment_s != self._moments_s.get(topic):
                self._moments_s[topic] = moment_s
                self._known = {each: at for each, at in self._known.items() if each[0] != topic}
            unknown = [
                TopicPartition(*each)
                for each, offsets in seen.items()
                if each[0] == topic and offsets.lag and each not in self._known
            ]
            if unknown and not isinf(moment_s):
                latest = await ask(unknown, moment_s) or {}
                certain = await ask(list(latest), moment_s - PROMPT_S) if latest else None
                for each, at in (certain or {}).items():
                    self._known[each] = Target(min(at, latest[each]), latest[each])
        return dict(self._known)
