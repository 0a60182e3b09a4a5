"""A wait that ends when somebody rings or when a time comes, whichever is first."""

import asyncio


class Wakeup:
    """For one waiter; a ring that comes while nobody waits ends the next wait at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """End the present wait, or the next one."""
        self._rung = True
        self._release()

    async def wait(self, delay_s: float | None) -> None:
        """Return at the next ring, or after `delay_s` (None: only at a ring)."""
        if not self._rung and (delay_s is None or delay_s > 0):
            self._waiter = self._loop.create_future()
            timer = None if delay_s is None else self._loop.call_later(delay_s, self._release)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._rung = False

    def _release(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
