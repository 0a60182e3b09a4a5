"""What waits in Kafka until its lane opens by the clock: asked for now and then, for people to see.

Nothing of a lane that is shut is fetched, so that nothing is heard of its logs either.
"""

import asyncio

from daemon.line.lane_clock import LaneClock
from daemon.values.ports import Source

_ASK_S = 5.0
"""As often as a worker looks at its own metrics for its page; one question a broker."""


class Waiting:
    """Counts what waits in this worker's partitions of lanes that are shut."""

    def __init__(self, source: Source, lane_clock: LaneClock) -> None:
        self._source = source
        self._lane_clock = lane_clock
        self._ends: dict[tuple[str, int], int] = {}

    async def run(self) -> None:
        """Ask for ever where the logs of lanes that are shut end."""
        while True:
            if partitions := self._partitions():
                self._ends = dict(await self._source.log_ends(partitions))
            await asyncio.sleep(_ASK_S)

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
