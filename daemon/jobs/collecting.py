"""Reading what comes of a job's items, and finding out what nothing will come of."""

import asyncio
from collections.abc import Callable, Mapping

from daemon.jobs.settling import Settling
from daemon.kafka.looking.tail import Positions, Tail

_MOST_RECORDS = 2_000
"""Settled in one transaction: twice what is sent in one go, a guess."""
_EVERY_S = 2.0
"""Between two questions how far the group is. A guess: an end that nothing tells may be told so late."""
_WAIT_S = 0.2
"""Between two looks at what is read here meanwhile, which asks nobody."""
_MOST_UNANSWERED = 1_000
"""Of a partition, settled in one transaction: half of what replies take, a guess."""


class Collecting:
    """Follows the replies and dead letters of a job until each of its items has an end."""

    def __init__(self, settling: Settling, tail: Tail, *, is_over: Callable[[], bool]) -> None:
        """`is_over`: whether there is no use in waiting any longer."""
        self._settling = settling
        self._journal = settling.journal
        self._order = self._journal.order()
        self._tail = tail
        self._is_over = is_over
        self._positions = self._journal.positions()

    async def run(self) -> None:
        """Read until all items have ended, or it is over. Raises Fatal, OSError, sqlite3.Error."""
        await self._tail.seek(self._positions)
        while self._journal.left and not self._is_over():
            records = await self._tail.some(_MOST_RECORDS)
            positions = await self._tail.positions()
            if records or positions != self._positions:
                self._settling.take(records, positions)
                self._positions = positions

    async def watch(self) -> None:
        """Look again and again for items that nothing will come of; to be cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            committed = await self._tail.committed(self._order.topic)
            if committed and await self._is_followed():
                self._settle_unanswered({number: at for (_, number), at in committed.items()})

    async def _is_followed(self) -> bool:
        """Return once all is read that came of what was committed before; False: not known.

        What goes on to other lanes comes out of each of them in turn.
        """
        for topic in self._order.onward:
            ends = await self._tail.ends([topic])
            if ends is None:
                return False
            while not _reaches(await self._tail.committed(topic), ends):  # noqa: ASYNC110 -- only asking tells
                await asyncio.sleep(_EVERY_S)
        ends = await self._tail.ends([self._order.reply_topic, self._order.dead_letter_topic])
        if ends is None:
            return False
        while not _reaches(self._positions, ends):  # noqa: ASYNC110 -- as above, the broker is asked
            await asyncio.sleep(_WAIT_S)
        return True

    def _settle_unanswered(self, committed: Mapping[int, int]) -> None:
        while unanswered := self._journal.unanswered(committed, _MOST_UNANSWERED):
            self._settling.fail(unanswered)


def _reaches(positions: Positions | None, ends: Positions) -> bool:
    """Whether all of `ends` are reached; what is empty needs no position."""
    if positions is None:
        return False
    return all(positions.get(place, 0) >= end for place, end in ends.items())
