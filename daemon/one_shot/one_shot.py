"""A one-shot run from its target to its summary."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from typing import Protocol

from config.settings import Settings
from daemon.line.pipeline import Pipeline
from daemon.loop.cancellable import unless
from daemon.loop.tasks import Tasks
from daemon.one_shot.eta import Eta
from daemon.one_shot.follower import Follower, Look
from daemon.one_shot.progress import View
from daemon.one_shot.summary import Counted, RunOutcome, Summary, summary
from daemon.one_shot.target import Target
from daemon.scaling.observation import Observation
from daemon.telemetry import metric_names as names
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import Source

_RETRY_S = 0.2
"""As the group has it (daemon/kafka/group/assign.py)."""
_LAST_LOOKS_S = 5.0
"""How long it is tried at the end to see what has been committed on the way out."""


class Observing(Protocol):
    """See daemon.kafka.looking.observer.Observer."""

    async def look(self) -> Observation:
        """Return what is seen of the group; raises Fatal."""


class OneShot:
    """What is asked of the run, how far it has come, and how it ended."""

    def __init__(
        self,
        settings: Settings,
        view: View,
        *,
        longest_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The run's time begins here; it is told to stop `longest_s` after it began to look."""
        self._settings = settings
        self._topics = {
            topic: name for name, lane in settings.lanes.items() for topic in lane.topics
        }
        self._view = view
        self._longest_s = longest_s
        self._clock = clock
        self._began_s = clock()
        self._look: Look
        self._eta: Eta
        self._target: Target | None = None
        self._left: int | None = None
        self._counted: Counted = Metrics()
        self._lost = 0
        self._is_over = False
        self._reason = ""

    async def run(
        self,
        observing: AbstractAsyncContextManager[Observing],
        counted: Counted,
        stop: asyncio.Event,
        work: Callable[[], Awaitable[Exit]],
    ) -> Exit:
        """Let `work` run until all is answered that is there now; not at all if nothing is.

        `work` ends with a drain once `stop` is set. Returns CLEAN only when everything due was
        answered, else WORK_LEFT; raises Fatal. `counted` is what this worker counts.
        """
        self._counted = counted
        over = self._set_limit(stop)
        try:
            async with AsyncExitStack() as stack:
                code = Exit.CLEAN
                observer = await unless(stop, stack.enter_async_context(observing))
                if observer is not None:
                    self._look = observer.look
                    await self._find_target(stop)
                if self._has_work:
                    code = await work()
                    await self._look_once_more()
        finally:
            self._view.close()
            if over is not None:
                over.cancel()
        return self._judge(code)

    @asynccontextmanager
    async def following(
        self, source: Source, line: Pipeline, stop: asyncio.Event, tasks: Tasks
    ) -> AsyncIterator[None]:
        """Set `stop` when the target is reached; what goes wrong is a failure of `tasks`."""
        if self._target is None:  # told to stop before it was known
            yield
            return
        follower = Follower(
            self._target,
            self._look,
            source,
            line,
            lanes=self._topics,
            interval_s=self._settings.scaling.interval,
            told=self._told,
        )

        async def follow() -> None:
            await follower.run()
            stop.set()

        following = Tasks(tasks)
        following.start(follow(), name="follower")
        try:
            yield
        finally:
            await following.close()

    def summary(self, code: Exit, reason: str = "") -> Summary:
        """Return what to tell at the end; `reason` when it failed in another way than `run` knows."""
        outcome = RunOutcome(
            code,
            reason or self._reason,
            due=None if self._target is None else self._target.due,
            left=self._left,
            lost=self._lost,
            wall_s=self._clock() - self._began_s,
        )
        return summary(outcome, self._counted)

    # Inside

    def _set_limit(self, stop: asyncio.Event) -> asyncio.TimerHandle | None:
        if self._longest_s is None:
            return None

        def end() -> None:
            if not stop.is_set():
                self._is_over = True
                stop.set()

        return asyncio.get_running_loop().call_later(self._longest_s, end)

    async def _find_target(self, stop: asyncio.Event) -> None:
        """Find out what is to be reached; raises Fatal when nobody tells in time."""
        deadline_s = self._clock() + self._settings.kafka.start_timeout
        while not stop.is_set():
            try:
                target = Target(await self._look(), self._topics, fed_by=_fed_by(self._settings))
            except ValueError as unknown:
                if self._clock() > deadline_s:
                    raise Fatal(
                        Exit.BROKER_UNAVAILABLE, f"what is due cannot be known: {unknown}"
                    ) from unknown
                await asyncio.sleep(_RETRY_S)
            else:
                self._target = target
                self._eta = Eta(target.due, self._clock())
                log(Event.CATCH_UP_STARTED, due=target.due)
                self._told(target.due)
                return

    @property
    def _has_work(self) -> bool:
        """A new group that does not read from the start must have this settled by a worker."""
        target = self._target
        if target is None:
            return False
        return target.due > 0 or (target.group_is_new and self._settings.kafka.start != "earliest")

    def _told(self, left: int | None) -> None:
        self._left = left
        if left is not None:
            now = self._clock()
            due = None if self._target is None else self._target.due
            self._view.told(self._eta.told(left, now, due=due), now)

    async def _look_once_more(self) -> None:
        """See what the last commit has reached; in vain while nobody answers."""
        target = self._target
        with suppress(TimeoutError, Fatal):  # how the work ended counts for more
            async with asyncio.timeout(_LAST_LOOKS_S):
                while target is not None and not target.reached:
                    self._left = target.left(await self._look())
                    if self._left is not None:
                        return
                    await asyncio.sleep(_RETRY_S)

    def _judge(self, code: Exit) -> Exit:
        target = self._target
        if target is None or not target.reached:
            code, self._reason = Exit.WORK_LEFT, self._why_it_stopped
        else:
            self._left = 0
            # Partitions of other workers are seen from outside only.
            self._lost = max(target.deleted, self._told_lost() - target.gone)
            self._reason = "caught up" if target.due else "nothing was due"
            if code is not Exit.CLEAN:
                self._reason += "; newer requests that it held are left to the next worker"
            code = Exit.CLEAN
            if self._lost:
                code = Exit.WORK_LEFT
                self._reason += (
                    f", but Kafka deleted {self._lost} requests before they were answered"
                )
        log(Event.CATCH_UP_FINISHED, exit_code=int(code), reason=self._reason, left=self._left)
        return code

    @property
    def _why_it_stopped(self) -> str:
        return "--max-duration was over" if self._is_over else "told to stop"

    def _told_lost(self) -> int:
        return int(self._counted.total(names.REQUESTS_LOST))


def _fed_by(settings: Settings) -> Mapping[str, Collection[str]]:
    """Return for each topic that results go on to the topics of the lanes that go on to it."""
    fed_by: dict[str, list[str]] = {}
    for name, lane in settings.lanes.items():
        if (topic := settings.next_topic(name)) is not None:
            fed_by.setdefault(topic, []).extend(lane.topics)
    return fed_by
