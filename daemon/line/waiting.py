"""What waits in Kafka until its lane opens by the clock: asked for now and then.

Nothing of a lane that is shut is fetched, so that nothing is heard of its logs either. It is for people
to see, and for lanes that are to be ready by a time.
"""

import math
import time
from collections.abc import Sequence

from daemon.loop.ticks import next_tick
from daemon.values.lane import Lane
from daemon.values.ports import Source

_ASK_S = 5.0
"""As often as a worker looks at its own metrics for its page; one question a broker."""
_LOOK_S = 1.0
"""How late it is noticed that there is more to ask for."""


class Waiting:
    """Counts what waits in this worker's partitions of lanes that are shut."""

    def __init__(self, source: Source, lanes: Sequence[Lane]) -> None:
        self._source = source
        self._lanes = [(lane, lane.window) for lane in lanes if lane.window is not None]
        self._asked_s = -math.inf
        self._ends: dict[tuple[str, int], int] = {}
        """As last heard of each; what was settled since then may be beyond."""

    async def run(self) -> None:
        """Ask for ever where the logs of lanes that are shut end."""
        while self._lanes:
            partitions = self._partitions()
            is_new = not self._ends.keys() >= set(partitions)
            if partitions and (is_new or time.monotonic() - self._asked_s >= _ASK_S):
                self._asked_s = time.monotonic()
                self._ends.update(await self._source.log_ends(partitions))
            await next_tick(_LOOK_S)

    @property
    def topics(self) -> frozenset[str]:
        """Those of lanes that are shut, and of which nothing is due before their next moment."""
        return frozenset(
            topic for lane, window in self._lanes if not window.is_due for topic in lane.topics
        )

    @property
    def records(self) -> dict[str, float]:
        """How many wait, by topic, as of the last answer."""
        counts = dict.fromkeys([topic for topic, _ in self._partitions()], 0.0)
        for partition in self._partitions():
            counts[partition[0]] += self._records_of(partition)
        return counts

    def of_lane(self, name: str) -> int:
        """Return how many wait in the lane, which is shut, as of the last answer."""
        ledgers = self._source.ledgers
        return sum(self._records_of(each) for each in ledgers if ledgers[each].lane.name == name)

    @property
    def seconds(self) -> dict[str, float]:
        """How long the oldest of them has waited at most, by topic, as far as that is known."""
        ages_s = self._source.lag_seconds()
        return {
            topic: ages_s[topic]
            for topic, count in self.records.items()
            if count and ages_s.get(topic)
        }

    def _records_of(self, partition: tuple[str, int]) -> int:
        settled = self._source.ledgers[partition].committable
        return max(self._ends.get(partition, 0) - settled, 0)

    def _partitions(self) -> list[tuple[str, int]]:
        topics = self.topics
        return [partition for partition in self._source.ledgers if partition[0] in topics]
