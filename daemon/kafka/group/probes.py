"""What may have killed a worker, run alone: commits say so before it runs, and when it runs no more.

What is suspect, and what runs next, is decided by the quarantine of a generation
(daemon/isolation/quarantine.py); here it is committed, where no crash can lose it.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from daemon.kafka.group.generation import Generation
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.ports import Probe, Suspected


class Probes:
    """Those of the generation that is present; there may be none. See daemon.values.ports.Source."""

    def __init__(
        self, present: Callable[[], Generation | None], *, commit: Callable[[], Awaitable[None]]
    ) -> None:
        """`present` tells which generation it is, `commit` commits in the delivery's way."""
        self._present = present
        self._commit = commit

    def suspected(self) -> Mapping[tuple[str, int], Suspected]:
        """Return what is fetched by probes only."""
        generation = self._present()
        return {} if generation is None else generation.suspected()

    def next(self, topics: Collection[str]) -> Probe | None:
        """Return what of `topics` is to run alone next."""
        generation = self._present()
        if generation is None:
            return None
        _learn(generation)
        return generation.next_probe(topics)

    async def begin(self, probe: Probe) -> bool:
        """Note that `probe` runs; return whether it may."""
        generation = self._present()
        if generation is None or probe.partition not in generation.quarantine.suspects:
            return False
        generation.quarantine.begin(probe)
        await self._commit()
        if generation is not self._present():
            return False
        if probe.partition in generation.uncommitted():
            generation.quarantine.end(probe.first)
            return False
        return True

    async def end(self, probe: Probe, reached: int) -> bool:
        """Note that `probe` runs no more, which it did up to `reached`.

        Return whether that is committed, or nobody's any more.
        """
        generation = self._present()
        if generation is None or generation.quarantine.probe not in (probe, None):
            return True
        generation.quarantine.end(reached)
        _learn(generation)
        await self._commit()
        return generation is not self._present() or (
            probe.partition not in generation.uncommitted()
        )

    def release(self) -> None:
        """Let commits say that nothing is in flight."""
        generation = self._present()
        if generation is not None:
            _learn(generation)
            generation.quarantine.release()


def _learn(generation: Generation) -> None:
    """Take in what ran alone and is answered by now."""
    for (topic, number), over in generation.quarantine.learn(generation.committable).items():
        log(
            Event.SUSPECTS_CLEARED,
            topic=topic,
            partition=number,
            crashes=over.deaths,
            seconds=round(time.time() - over.since_s),
        )
