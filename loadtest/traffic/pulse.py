"""Whether the load tester itself keeps up: how late its own timers are, how busy its process is."""

import asyncio
import time

from loadtest.traffic.seen import Pulse

_BEAT_S = 0.01
"""A thousand beats in ten seconds: enough for a p99, and next to no work."""


class Heart:
    """Beats on the event loop while a run lasts."""

    def __init__(self) -> None:
        self._late_s: list[float] = []
        self._began_s = time.monotonic()
        self._began_cpu_s = time.process_time()

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            due_s = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self._late_s.append(max(time.monotonic() - due_s, 0.0))

    def pulse(self) -> Pulse:
        """Return what was seen until now."""
        took_s = time.monotonic() - self._began_s
        cpu_s = time.process_time() - self._began_cpu_s
        return Pulse(self._late_s, cpu_s / took_s if took_s > 0 else 0.0)
