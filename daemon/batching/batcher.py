"""Gathers requests into batches and says which runs next.

Pure: no clock, no loop, no logging, no I/O; `now` is monotonic seconds.
Rule 1: only requests of one bucket (lane, model, shape) share a batch; another bucket's requests
never cut one short.
Rule 2: a batch is due when it is full (N rows, or the next request does not fit), at its byte
limit, T after its oldest request arrived, when its earliest deadline leaves just time to run, when
a laggard in it holds commits back, when draining, when its lane is hurried; in an eager lane also
when the executor would stand idle (daemon/batching/flush_policy.py).
Rule 3: a batch is bound when the executor asks for one, so that it grows while another runs.
Where memory lacked for so many rows, a batch has fewer for a while (daemon/batching/fitting_rows.py).
A batch that another lane may have to wait for too long runs in slices, each of which is a batch
(daemon/batching/slices.py); what is left of it is due at once, and nothing joins it any more.
Rule 4: lanes share the executor by weight (daemon/batching/fair_queue.py); within a lane the bucket whose time
came first is next (daemon/batching/lane_queues.py).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter

from daemon.batching.buckets import BucketQueue
from daemon.batching.fair_queue import FairQueue, Turn
from daemon.batching.fitting_rows import FittingRows
from daemon.batching.flush_policy import FlushPolicy
from daemon.batching.lane_queues import LaneQueues
from daemon.batching.run_times import RunTimes
from daemon.batching.slices import Slices
from daemon.batching.timer_queue import TimerQueue
from daemon.values.lane import LanePolicy
from daemon.values.ledger import Ledger
from daemon.values.messages import Batch, Bucket, Request
from daemon.values.request_run import Waiting, in_runs

_BUCKET = attrgetter("bucket")


class Batcher:
    """Everything that waits for the executor.

    Costs are amortised: `offer` and `take` about 0.15 us a request, and O(log buckets) a call.
    """

    def __init__(
        self,
        lanes: Mapping[str, LanePolicy],
        run_times: RunTimes | None = None,
        fitting_rows: FittingRows | None = None,
    ) -> None:
        """`run_times`: what warm-up has learned of the models; `fitting_rows`: what runs have."""
        self._run_times = run_times or RunTimes()
        self._fitting_rows = FittingRows() if fitting_rows is None else fitting_rows
        self._lanes = {name: LaneQueues(policy) for name, policy in lanes.items()}
        self._fair_queue = FairQueue({name: policy.weight for name, policy in lanes.items()})
        self._queues: dict[Bucket, BucketQueue] = {}
        self._expiries: TimerQueue[BucketQueue] = TimerQueue()
        self._ahead: Turn | None = None
        self._held: Collection[str] = ()
        self._slices = Slices(lanes, self._run_times)
        self._flush_policy = FlushPolicy(self._slices)

    # What waits

    def oldest_due_s(self, *, default: float) -> float:
        """Return when the first linger ends, or ended; `default` while nothing waits. O(buckets)."""
        return min(
            [queue.oldest_s + queue.policy.linger_s for queue in self._queues.values()],
            default=default,
        )

    def lanes(self) -> set[str]:
        """Return those of which requests wait. O(buckets)."""
        return {queue.key.lane for queue in self._queues.values()}

    def ledgers(self) -> set[Ledger]:
        """Return those of which requests wait. O(waiting)."""
        return set().union(*(queue.ledgers() for queue in self._queues.values()))

    # Requests come and go

    def offer(self, requests: Sequence[Request]) -> None:
        """Let `requests` wait in their buckets; each has at least one row."""
        groups: dict[Bucket, list[Waiting]] = {}
        for key, group in groupby(in_runs(requests), _BUCKET):
            groups.setdefault(key, []).extend(group)
        for key, waiting in groups.items():
            queue = self._queues.get(key)
            if queue is None:
                queue = self._queues[key] = BucketQueue(key, self._lanes[key.lane].policy)
            queue.extend(waiting)
            self._place(queue)

    def expire(self, now: float) -> list[Request]:
        """Remove and return the requests whose deadline has passed; to be called before `take`.

        O(1) when there are none.
        """
        expired: list[Request] = []
        while (first := self._expiries.first()) is not None and first[0] <= now:
            expired += first[1].expire(now)
            self._place(first[1])
        return expired

    def drop(self, ledgers: Collection[Ledger]) -> list[Request]:
        """Remove and return the requests of `ledgers`, whose partitions are lost. O(waiting)."""
        lost = frozenset(ledgers)
        dropped: list[Request] = []
        for queue in list(self._queues.values()):
            dropped += queue.drop(lost)
            self._place(queue)
        return dropped

    def hand_back(self, lanes: Collection[str]) -> list[Request]:
        """Remove and return what waits in `lanes` for its linger alone. O(waiting).

        A bucket that is due sooner, because it is full or for a deadline, stays whole.
        """
        left: list[Request] = []
        for queue in list(self._queues.values()):
            if queue.key.lane in lanes and self._flush_policy.only_lingers(queue):
                left += queue.drop(queue.ledgers())
                self._place(queue)
        return left

    # What makes them due

    def flush_laggard(self, ledger: Ledger) -> None:
        """Make the bucket due that holds `ledger`'s oldest waiting request, until that has left.

        O(waiting) unless one of the ledger's is marked already.
        """
        found: tuple[int, Waiting, BucketQueue] | None = None
        for queue in self._queues.values():
            if any(laggard.ledger is ledger for laggard in queue.laggards):
                return
            oldest = queue.oldest_of(ledger)
            if oldest is not None and (found is None or oldest[0] < found[0]):
                found = *oldest, queue
        if found is not None:
            _, laggard, queue = found
            queue.laggards.add(laggard)
            self._place(queue)

    def hurry(self, lanes: Collection[str]) -> None:
        """Make everything due that waits now or comes later in `lanes`, until told of others.

        O(1) when they are those of the last call.
        """
        if self._flush_policy.hurry(lanes):
            for queue in self._queues.values():
                self._place(queue)

    def hold(self, lanes: Collection[str]) -> None:
        """Let nothing of `lanes` run, until told of others: their replies wait for the broker."""
        self._held = lanes

    @property
    def is_some_lane_held(self) -> bool:
        """Whether `hold` named one."""
        return bool(self._held)

    def press(self, *, on: bool) -> None:
        """Make everything due that waits now or comes later, until told otherwise."""
        if self._flush_policy.press(on=on):
            for queue in self._queues.values():
                self._place(queue)

    def drain(self) -> None:
        """Make everything due that waits now or comes later, whatever `hurry` is told."""
        self._flush_policy.drain()
        for queue in self._queues.values():
            self._place(queue)

    def observe_run(
        self,
        bucket: Bucket,
        rows: int,
        seconds: float,
        *,
        work_s: float | None = None,
        failed: bool = False,
        again: bool = False,
    ) -> None:
        """Charge the bucket's lane for a run of `rows` that took `seconds`, and learn from it.

        `work_s` as RunLine has it. `failed`: it says nothing about runs to come. `again`: its requests
        had a run before, so that nothing was charged when this one was bound.
        """
        charged_s = 0.0 if again else self._run_times.expected_s(bucket.model, rows)
        self._fair_queue.correct(bucket.lane, seconds - charged_s)
        if failed:
            return
        self._run_times.observe(bucket.model, rows, seconds, work_s)
        for queue in self._expiries:
            if queue.key.model == bucket.model:
                self._place(queue)

    # What runs next

    def take(self, now: float, *, more_coming: bool) -> Batch | None:
        """Return the batch to run now that the executor is free, None when none is due.

        `more_coming`: requests are being fetched or prepared, so that an eager lane still waits.
        """
        self._begin_ahead()
        queue = self._next(now, idle=not more_coming)
        if queue is None:
            self._fair_queue.rest()
            return None
        batch, turn = self._bind(queue, now)
        self._fair_queue.begin(turn)
        return batch

    def take_ahead(self, now: float) -> Batch | None:
        """Return the batch to run after the running one, if it cannot grow and its lane's turn is next.

        To be called while the executor is busy and nothing is assembled ahead.
        """
        self._begin_ahead()
        queue = self._next(now)
        if queue is None or not queue.full:
            return None
        batch, self._ahead = self._bind(queue, now)
        return batch

    def due_urgent(self, now: float, ahead: Batch) -> Batch | None:
        """Return a batch that is due and whose turn comes before that of `ahead`, else None.

        The batch is taken and runs first. Best called when the executor becomes free, since a
        batch that is not full is bound by it.
        """
        if self._ahead is None:
            return None
        return self._take_before(self._ahead, now, besides=ahead.bucket.lane)

    def due_in_between(self, now: float, running: Batch) -> Batch | None:
        """Return a batch that is due and whose turn comes before the next of the lane that runs.

        For `running`, a lone request, which lets others run between its slices. The batch is taken.
        """
        self._begin_ahead()
        lane = running.bucket.lane
        return self._take_before(self._fair_queue.next_of(lane), now, besides=lane)

    def rows_at_once(self, batch: Batch) -> int:
        """Return how many of the rows of `batch`, a lone request, are to run at once."""
        return self._slices.rows_at_once(batch.bucket, batch.rows)

    def next_due(self, now: float) -> float | None:
        """Return when a lane that has nothing due will have, by linger or deadline; None: never.

        What is due already waits for the executor, not for the clock: ask `take` first.
        """
        next_s = min(
            (lane.next_due_s() for lane in self._lanes.values() if lane.deserving(now) is None),
            default=math.inf,
        )
        return next_s if next_s < math.inf else None

    def next_expiry(self) -> float | None:
        """Return when `expire` will next return something, None when nothing has a deadline."""
        first = self._expiries.first()
        return None if first is None else first[0]

    def _begin_ahead(self) -> None:
        """What was assembled ahead runs by now: nothing is asked for before."""
        if self._ahead is not None:
            self._fair_queue.begin(self._ahead)
            self._ahead = None

    def _take_before(self, turn: Turn, now: float, *, besides: str) -> Batch | None:
        queue = self._next(now, besides=besides)
        if queue is None or self._fair_queue.next_of(queue.key.lane) >= turn:
            return None
        batch, own_turn = self._bind(queue, now)
        self._fair_queue.begin(own_turn)
        return batch

    def _next(
        self, now: float, *, idle: bool = False, besides: str | None = None
    ) -> BucketQueue | None:
        deserving = {
            name: queue
            for name, lane in self._lanes.items()
            if name != besides
            and name not in self._held
            and (queue := lane.deserving(now, idle=idle)) is not None
        }
        name = self._fair_queue.first(deserving)
        return None if name is None else deserving[name]

    def _bind(self, queue: BucketQueue, now: float) -> tuple[Batch, Turn]:
        waiting_rows = queue.rows
        requests, cause = queue.take(
            self._flush_policy.cause(queue, now),
            most_rows=self._fitting_rows.most(queue.key, now),
            cut=partial(self._slices.cut, queue.key),
        )
        rows = waiting_rows - queue.rows
        self._place(queue)
        run_s = self._run_times.expected_s(queue.key.model, rows)
        return Batch(queue.key, requests, rows, cause), self._fair_queue.give(queue.key.lane, run_s)

    def _place(self, queue: BucketQueue) -> None:
        """Note when `queue`, which has changed, is due."""
        lane = self._lanes[queue.key.lane]
        if not queue.rows:
            del self._queues[queue.key]
            lane.remove(queue)
            self._expiries.discard([queue])
            return
        lane.place(queue, self._flush_policy.time_s(queue), ready=self._flush_policy.at_once(queue))
        if queue.deadlines:
            self._expiries.put(queue, queue.earliest_deadline_s)
        else:
            self._expiries.discard([queue])
