"""Where logs start, which only retention changes: remembered, and asked again now and then.

Rule 1. It is asked for what is not known, and for all again after AGAIN_S. By so much what was deleted
  unread is counted too long.
Rule 2. A log that ends before its start was made anew: it is asked for at once.
Rule 3. Of a log whose end is not known nothing is told, so that a broker that is away is unknown.
"""

import math
from collections.abc import Awaitable, Callable, Collection, Mapping

from aiokafka.structs import TopicPartition

AGAIN_S = 10.0
"""As long as moved leaders may go unnoticed; the broker itself looks for what to delete every 5 min."""

Ask = Callable[[Collection[TopicPartition]], Awaitable[Mapping[TopicPartition, int] | None]]
"""Where do logs start? None and what is missing is unknown."""


class LogStarts:
    """Remembers what was answered."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[TopicPartition, int] = {}
        self._asked_s = -math.inf
        """When all were asked for."""

    async def of(
        self, ends: Mapping[TopicPartition, int], now_s: float
    ) -> Mapping[TopicPartition, int]:
        """Return the starts of the logs whose `ends` are known, as far as they are known themselves."""
        if now_s - self._asked_s >= AGAIN_S:
            self._known, self._asked_s = {}, now_s
        known = self._known
        unknown = [each for each, end in ends.items() if each not in known or known[each] > end]
        if unknown:
            known |= await self._ask(unknown) or {}
        return {each: known[each] for each in ends if each in known}
