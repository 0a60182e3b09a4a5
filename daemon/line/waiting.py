"""What waits in Kafka until its lane opens by the clock: asked for now and then.

Nothing of a lane that is shut is fetched, so that nothing is heard of its logs either. It is for people
to see, and for lanes that are to be ready by a time.
"""

import asyncio
import math
import time

from daemon.line.lane_clock import LaneClock
from daemon.line.latest_openings import LatestOpenings
from daemon.values.ports import Source

_ASK_S = 5.0
"""As often as a worker looks at its own metrics for its page; one question a broker."""
_LOOK_S = 1.0
"""How late it is noticed that there is more to ask for."""


class Waiting:
    """Counts what waits in this worker's partitions of lanes that are shut."""

    def __init__(
        self, source: Source, lane_clock: LaneClock, latest_openings: LatestOpenings
    ) -> None:
        self._source = source
        self._lane_clock = lane_clock
        self._latest_openings = latest_openings
        self._asked_s = -math.inf
        self._ends: dict[tuple[str, int], int] = {}

    async def run(self) -> None:
        """Ask for ever where the logs of lanes that are shut end."""
        while True:
            partitions = self._partitions()
            is_new = not self._ends.keys() >= set(partitions)
            if partitions and (is_new or time.monotonic() - self._asked_s >= _ASK_S):
                self._asked_s = time.monotonic()
                self._ends = dict(await self._source.log_ends(partitions))
                self._latest_openings.found(self._ends)
            await asyncio.sleep(_LOOK_S)

    @property
    def records(self) -> dict[str, float]:
        """How many wait, by topic, as of the last answer."""
        counts = dict.fromkeys([topic for topic, _ in self._partitions()], 0.0)
        for partition in self._partitions():
            settled = self._source.ledgers[partition].committable
            counts[partition[0]] += max(self._ends.get(partition, 0) - settled, 0)
        return counts

    @property
    def seconds(self) -> dict[str, float]:
        """How long the oldest of them has waited at most, by topic, as far as that is known."""
        ages_s = self._source.lag_seconds()
        return {
            topic: ages_s[topic]
            for topic, count in self.records.items()
            if count and ages_s.get(topic)
        }

    def _partitions(self) -> list[tuple[str, int]]:
        topics = self._lane_clock.waiting_topics
        return [partition for partition in self._source.ledgers if partition[0] in topics]
