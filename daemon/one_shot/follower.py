"""Following the group to its target while the line works."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from daemon.line.pipeline import Pipeline
from daemon.one_shot.target import Target
from daemon.scaling.observation import Observation
from daemon.values.ports import Source

Look: TypeAlias = Callable[[], Awaitable[Observation]]
"""Returns what is seen of the group from outside; raises Fatal."""

_TICK_S = 0.05
"""How late a lane may be hurried once it is at its tail."""


class Follower:
    """Hurries lanes that are at their tail, and ends when the target is reached."""

    def __init__(
        self,
        target: Target,
        look: Look,
        source: Source,
        line: Pipeline,
        *,
        lanes: Mapping[str, str],
        interval_s: float,
        told: Callable[[int | None], None],
    ) -> None:
        """`lanes` names each topic's lane; `told` gets what is left after each look."""
        self._target = target
        self._look = look
        self._source = source
        self._line = line
        self._lanes = lanes
        self._interval_s = interval_s
        self._told = told
        self._hurried: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Return when the target is reached; raises Fatal."""
        looking = asyncio.ensure_future(self._look_later())
        try:
            while not self._target.reached:
                self._hurry()
                await asyncio.wait({looking}, timeout=_TICK_S)
                if looking.done():
                    self._told(self._target.left(looking.result()))
                    looking = asyncio.ensure_future(self._look_later())
        finally:
            looking.cancel()

    async def _look_later(self) -> Observation:
        await asyncio.sleep(self._interval_s)
        return await self._look()

    def _hurry(self) -> None:
        """A full lane reads no further, so that it waits for nothing either."""
        tails = self._target.tails(self._source.ledgers, self._lanes)
        hurried = tails | self._line.full_lanes
        if hurried != self._hurried:
            self._hurried = hurried
            self._line.hurry(hurried)
