"""A closed loop: so many requests wait at any time; each reply lets the next one leave.

Whoever answers late is asked late, so that a closed loop does not see its own stalls: it is for
capacity, not for latency.
"""

import asyncio

import numpy as np

from loadtest.plan.plan import Loop, Stream
from loadtest.traffic.clock import Clock
from loadtest.traffic.recorder import Recorder
from loadtest.traffic.sender import Sender


class ClosedLoop:
    """Keeps requests of one stream in flight; their intended time is the time they leave."""

    def __init__(
        self,
        index: int,
        stream: Stream,
        loop: Loop,
        sender: Sender,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._index = index
        self._stream = stream
        self._loop = loop
        self._sender = sender
        self._recorder = recorder
        self._clock = clock
        self._free = loop.in_flight
        self._round = 0
        self._answered = asyncio.Event()
        self._answered.set()

    def answered(self, count: int) -> None:
        """So many requests have their first reply."""
        self._free += count
        self._answered.set()

    async def run(self) -> None:
        """Send from the stream's start to its end."""
        await self._clock.reach(self._loop.from_s)
        while (left_s := self._loop.to_s - self._clock.now_s()) > 0:
            try:
                await asyncio.wait_for(self._answered.wait(), left_s)
            except TimeoutError:
                return
            self._answered.clear()
            count, self._free = self._free, 0
            first = self._claim(count)
            self._sender.send(first, first + count)

    def _claim(self, count: int) -> int:
        which = np.arange(self._round, self._round + count) % len(self._stream.choices)
        self._round += count
        now_s = np.full(count, self._clock.now_s())
        choices, bad = self._stream.choices[which], self._stream.bad[which]
        return self._recorder.claim(self._index, now_s, choices, bad)
