"""One job, from its input to its last end; begun, or gone on with.

The reply topic is the state: where it ended is noted before anything is sent, so that everything that comes
of the job lies behind that, whoever reads it and when. What is sent twice is harmless: an item goes to the
same partition each time, names the same reply partition, and only its first reply there counts.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.load import Loaded
from daemon.jobs.announcing import Announcing
from daemon.jobs.choice import finish_of, input_at
from daemon.jobs.collecting import Collecting
from daemon.jobs.ends import CANCELLED, State, state_of
from daemon.jobs.inputs import Input
from daemon.jobs.journal import Journal
from daemon.jobs.lineage import Lineage
from daemon.jobs.order import Columns, Order, OutFormat
from daemon.jobs.ordering import Wish, ordered
from daemon.jobs.pace import Standing
from daemon.jobs.progress import Progress
from daemon.jobs.publishing import Publishing
from daemon.jobs.registering import register
from daemon.jobs.results import Results, write_summary
from daemon.jobs.settling import Settling
from daemon.jobs.summary import summary_of
from daemon.kafka.looking.tail import Tail, tail
from daemon.kafka.writing.publisher import Publisher
from daemon.values.errors import Exit, Fatal
from daemon.windows.schedule import Schedule

_GRACE_S = 60.0
"""How long after its deadline a job waits for the answers to it; a worker that runs gives them at once."""
_MOST_CANCELLED = 10_000
"""In one transaction; their ids, of 100 bytes at the most as a rule, are a MB."""


class Job:
    """A job in its folder."""

    def __init__(
        self, loaded: Loaded, folder: Path, journal: Journal, *, told: Callable[[str], None]
    ) -> None:
        """`told` hears how it gets on."""
        self._settings = loaded.settings
        self._base = loaded.base
        self._folder = folder
        self._journal = journal
        self._told = told

    async def begin(self, wish: Wish, *, most_ahead: int) -> State:
        """Take up what is wished for, and see to it until the end. Raises Fatal, OSError, sqlite3.Error."""
        source = self._input_at(wish.source, wish.columns)
        registered = await register(self._journal, source)
        lane = self._settings.lanes[wish.lane]
        topics = [lane.topics[0], *self._heard_on()]
        async with self._publisher(*topics) as publisher, self._tail() as following:
            now = datetime.now(UTC)
            order = await ordered(
                wish, self._settings, registered, publisher, now=now, told=self._told
            )
            positions = await following.ends([order.reply_topic, order.dead_letter_topic])
            if positions is None:
                raise Fatal(Exit.BROKER_UNAVAILABLE, "nobody says where the reply topic ends")
            self._journal.begin(order, positions)
            return await self._see_to_it(publisher, following, most_ahead)

    async def go_on(self, *, most_ahead: int) -> State:
        """See to a job that began, until the end. Raises Fatal, OSError, sqlite3.Error."""
        topics = [self._journal.order().topic, *self._heard_on()]
        async with self._publisher(*topics) as publisher, self._tail() as following:
            return await self._see_to_it(publisher, following, most_ahead)

    async def cancel(self) -> State:
        """Wait for nothing any more: end what has no end. Raises Fatal, OSError, sqlite3.Error."""
        finish = finish_of(self.out_format)
        results = Results(self._folder, self._journal.sizes())
        try:
            settling = Settling(self._journal, results)
            while waiting := self._journal.without_end(_MOST_CANCELLED):
                settling.fail([(item_id, CANCELLED) for item_id in waiting])
        finally:
            results.close()
        await finish(self._folder, self._journal)
        if topics := self._heard_on():
            async with self._publisher(*topics) as publisher:
                await self._say(publisher, self._announcing(publisher))
        return State(self.summary()["state"])

    def summary(self, standing: Standing | None = None) -> dict[str, Any]:
        """Return how it stands; `standing`: how it gets on, while it does."""
        order, now_ms = self._journal.order(), time.time() * 1000
        journal = self._journal
        return summary_of(
            order,
            state_of(journal.ends, journal.left, past_deadline=order.is_past_deadline(now_ms)),
            journal.said(),
            total=journal.total,
            sent=journal.handed,
            now_ms=now_ms,
            pinned={name: model.sha256 for name, model in self._settings.models.items()},
            standing=standing,
        )

    @property
    def out_format(self) -> OutFormat:
        """As what results are found when it is over."""
        return self._journal.order().out_format

    def note(self) -> None:
        """Write how it stands to summary.json."""
        write_summary(self._folder, self.summary())

    def _input_at(self, path: Path, columns: Columns) -> Input:
        return input_at(path, columns, most_bytes=self._settings.limits.request_bytes)

    def _publisher(self, topic: str, *others: str) -> Publisher:
        return Publisher(self._settings.kafka, topic, base=self._base, others=others)

    def _heard_on(self) -> list[str]:
        """Return the topics on which others hear of it."""
        jobs = self._settings.jobs
        return [topic for topic in (jobs.topic, jobs.openlineage_topic) if topic is not None]

    def _tail(self) -> AbstractAsyncContextManager[Tail]:
        settings = self._settings
        topics = [settings.replies.topic, settings.dead_letters.topic]
        return tail(settings.kafka, topics, base=self._base, told=self._told)

    def _next_opening(self, lane: str) -> str:
        settings = self._settings.lanes.get(lane)  # a resumed job's may be gone
        schedule = None if settings is None else Schedule.of(settings)
        return "" if schedule is None else schedule.shown(schedule.after(time.time()))

    async def _see_to_it(self, publisher: Publisher, following: Tail, most_ahead: int) -> State:
        finish = finish_of(self.out_format)
        announcing = self._announcing(publisher)
        if self._journal.left:
            await self._say(publisher, announcing, begins=True)
        await self._settle_all(publisher, following, announcing, most_ahead)
        await finish(self._folder, self._journal)
        await self._say(publisher, announcing)
        return State(self.summary()["state"])

    def _announcing(self, publisher: Publisher) -> Announcing:
        kafka, topic = self._settings.kafka, self._settings.jobs.topic
        return Announcing(publisher, topic, group=kafka.group, folder=self._folder, told=self._told)

    async def _say(
        self, publisher: Publisher, announcing: Announcing, *, begins: bool = False
    ) -> None:
        """Say to whoever wants to hear it that it begins, or how it ended."""
        summary = self.summary()
        await announcing.say(summary, begins=begins)
        lineage = Lineage(publisher, self._settings, folder=self._folder, told=self._told)
        await lineage.say(self._journal, summary, now_ms=time.time() * 1000)

    def _note_under_way(self, standing: Standing, announcing: Announcing) -> None:
        summary = self.summary(standing)
        write_summary(self._folder, summary)
        announcing.note(summary)

    async def _settle_all(
        self, publisher: Publisher, following: Tail, announcing: Announcing, most_ahead: int
    ) -> None:
        order, journal = self._journal.order(), self._journal
        results = Results(self._folder, journal.sizes())
        try:
            settling = Settling(journal, results)
            collecting = Collecting(settling, following, is_over=lambda: _is_over(order))
            progress = Progress(
                journal,
                told=self._told,
                noted=lambda standing: self._note_under_way(standing, announcing),
                next_opening=lambda: self._next_opening(order.lane),
            )
            publishing = self._publishing(settling, publisher, most_ahead)
            beside = [collecting.watch(), progress.run(), announcing.keep_up()]
            if publishing is not None:
                beside.append(publishing.run())
            await _until(collecting.run(), *beside)
        finally:
            results.close()

    def _publishing(
        self, settling: Settling, publisher: Publisher, most_ahead: int
    ) -> Publishing | None:
        """Return what sends the rest, None where all is sent; raises Fatal where the input is gone."""
        order = self._journal.order()
        if not self._journal.unsent(0, 1):
            return None
        return Publishing(
            settling,
            self._input_at(Path(order.source), order.columns),
            publisher,
            most_ahead=most_ahead,
            is_past_deadline=lambda: order.is_past_deadline(time.time() * 1000),
            told=self._told,
        )


def _is_over(order: Order) -> bool:
    return order.is_past_deadline((time.time() - _GRACE_S) * 1000)


async def _until(first: Coroutine[Any, Any, None], *beside: Coroutine[Any, Any, None]) -> None:
    """Return when `first` has ended; raise what any of them raises."""
    main = asyncio.ensure_future(first)
    tasks = [main, *map(asyncio.ensure_future, beside)]
    pending = set(tasks)
    try:
        while not main.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
