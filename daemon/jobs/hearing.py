"""Hearing of jobs under way, for as long as somebody looks at a status page.

Until then, and a minute later, nothing is read and nobody is connected to. It is worth no process: whatever
goes wrong is told on the page, and tried again.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from math import inf
from pathlib import Path
from typing import NoReturn

from config.settings import Settings
from daemon.jobs.last_words import JobsHeard, UnderWay
from daemon.kafka.looking.tail import Tail, tail
from daemon.values.errors import Fatal

_LOOKED_AT_S = 60.0
"""A page asks every 2 s; it pauses while it is hidden."""
_AGAIN_S = 10.0
"""After trouble, which people see on the page and take longer to mend; each try connects anew."""
_MOST_RECORDS = 50
"""Words that are taken up at a time: 3 ms, of which the Kafka client takes nearly all."""
_PAUSE_S = 0.02
"""Between two times: nearly all of the loop is left to requests."""

Follow = Callable[[Collection[str]], AbstractAsyncContextManager[Tail]]
"""Opens topics to be read; see daemon.kafka.looking.tail."""


class Hearing:
    """Reads the topic of jobs from its start, and on as it grows."""

    def __init__(
        self,
        settings: Settings,
        base: Path,
        *,
        follow: Follow | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base` is where relative secrets are looked up; nothing is heard where `jobs.topic` is not set."""
        self._topics = [topic for topic in [settings.jobs.topic] if topic is not None]
        self._follow = follow or (
            lambda topics: tail(settings.kafka, topics, base=base, told=lambda _: None)
        )
        self._clock = clock
        self._is_asked = asyncio.Event()
        self._asked_s = -inf
        self._heard = JobsHeard(None)

    def heard(self) -> JobsHeard | None:
        """Return what is known of jobs under way, and see to it that more is soon; None: nobody says."""
        if not self._topics:
            return None
        self._asked_s = self._clock()
        self._is_asked.set()
        return self._heard

    async def run(self) -> NoReturn:
        """Read whenever somebody asks; to be cancelled."""
        while True:
            await self._is_asked.wait()
            trouble = await self._read()
            self._heard = JobsHeard(None, trouble=trouble)
            if trouble:
                await asyncio.sleep(_AGAIN_S)
            if not self._is_looked_at():
                self._is_asked.clear()

    def _is_looked_at(self) -> bool:
        return self._clock() - self._asked_s < _LOOKED_AT_S

    async def _read(self) -> str:
        """Read until nobody looks any more; return what went wrong."""
        try:
            async with self._follow(self._topics) as following:
                await self._hear(following)
        except Fatal as refusal:
            return str(refusal)
        except Exception as error:  # noqa: BLE001 -- nothing that a page shows may end who serves
            return repr(error)
        return ""

    async def _hear(self, following: Tail) -> None:
        under_way, is_whole = UnderWay(), False
        await following.seek({})
        while self._is_looked_at():
            records = await following.some(_MOST_RECORDS)
            under_way.hear(records)
            is_whole = is_whole or not records
            if is_whole:
                self._heard = under_way.heard()
            await asyncio.sleep(_PAUSE_S)
