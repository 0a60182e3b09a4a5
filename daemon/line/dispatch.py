"""From the lanes through the model to the outbox: bind batches, run them, answer."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from daemon.answering.replies import Replies
from daemon.batching.batcher import Batcher
from daemon.inference.bisection import Part
from daemon.inference.jobs import Served
from daemon.inference.runner import Runner
from daemon.line.outbox import Outbox
from daemon.loop.wakeup import Wakeup
from daemon.preparing.transforms import Transforms
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Code
from daemon.values.messages import Batch

_SHORTEST_S = 0.001
"""The loop's timers keep whole milliseconds; a shorter wait would spin."""


class Dispatch:
    """Asks the batcher whenever something changed or fell due, and keeps the executor fed."""

    def __init__(
        self,
        batcher: Batcher,
        runner: Runner,
        transforms: Transforms,
        replies: Replies,
        outbox: Outbox,
        *,
        max_rows: Mapping[str, int],
        batches_in_flight: int,
        more_coming: Callable[[], bool],
        metrics: Metrics,
    ) -> None:
        """`max_rows` is each lane's N; `more_coming`: whether requests are still being fetched or prepared."""
        self._batcher = batcher
        self._runner = runner
        self._transforms = transforms
        self._replies = replies
        self._outbox = outbox
        self._max_rows = max_rows
        self._batches_in_flight = batches_in_flight
        self._more_coming = more_coming
        self._metrics = metrics
        self._alarm = Wakeup()

    def changed(self) -> None:
        """Look again: requests were offered, or nothing more is coming."""
        self._alarm.ring()

    async def run(self) -> None:
        """Bind and hand over batches for ever."""
        while True:
            now_s = time.monotonic()
            self._feed(now_s)
            await self._alarm.wait(self._pause_s(now_s))

    def _pause_s(self, now_s: float) -> float | None:
        """How long nothing can change by time alone."""
        times_s = (self._batcher.next_due(now_s), self._batcher.next_expiry())
        next_s = min((time_s for time_s in times_s if time_s is not None), default=None)
        return None if next_s is None else max(next_s - now_s, _SHORTEST_S)

    def _expire(self, now_s: float) -> None:
        expired = self._batcher.expire(now_s)
        if expired:
            self._outbox.put(
                [
                    self._replies.error(request, Code.DEADLINE_EXCEEDED, "expired while it waited")
                    for request in expired
                ]
            )

    def _feed(self, now_s: float) -> None:
        """Hand over what is due; one batch ahead if it is full; let what is urgent overtake it.

        What has expired is told so first, and never runs.
        """
        self._expire(now_s)
        if self._runner.in_flight == 0:
            self._start(self._batcher.take(now_s, more_coming=self._more_coming()))
        if self._runner.in_flight == 1 and self._batches_in_flight > 1:
            self._start(self._batcher.take_ahead(now_s))
        elif (
            self._runner.in_flight == 2  # noqa: PLR2004 -- one runs, one waits
            and (ahead := self._runner.ahead) is not None
        ):
            self._start(self._batcher.due_urgent(now_s, ahead), first=True)

    def _start(self, batch: Batch | None, *, first: bool = False) -> None:
        if batch is not None:
            self._runner.submit(batch, first=first)

    def on_served(self, served: Served) -> None:
        """Answer a batch that has run; the executor is fed first."""
        self._learn(served)
        self._feed(time.monotonic())
        self._alarm.ring()
        self._count(served)
        for part in served.verdict.parts:
            self._answer(served, part)
        failures = served.verdict.failures
        if failures:
            log(Event.BATCH_FAILED, model=served.batch.bucket.model, culprits=len(failures))
            self._outbox.put([self._replies.error(*failure) for failure in failures])

    def _learn(self, served: Served) -> None:
        if not served.verdict.failures:  # a search for culprits says nothing about a run
            self._batcher.observe_run(served.batch.bucket, served.batch.rows, served.run_s)

    def _count(self, served: Served) -> None:
        lane, model, _ = served.batch.bucket
        arrived_s = np.array([request.arrived_s for request in served.batch.requests])
        self._metrics.stage(lane, "wait", served.started_s - arrived_s)
        self._metrics.stage(lane, "assemble", served.assemble_s)
        self._metrics.stage(lane, "run", served.run_s)
        self._metrics.executor_busy(model, served.run_s)
        fill_ratio = served.batch.rows / self._max_rows[lane]
        self._metrics.batch(model, lane, served.batch.rows, fill_ratio, served.batch.cause)

    def _answer(self, served: Served, part: Part) -> None:
        if served.model.transform is None:
            wall_ahead_s = time.time() - time.monotonic()
            self._outbox.put(self._replies.results(served, part, wall_ahead_s=wall_ahead_s))
        else:
            self._transforms.finish(served, part, done=self._outbox.put)
