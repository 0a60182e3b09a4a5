"""The batcher's rules written plainly, held against what a batcher does.

The rules here look at every waiting request every time, so they need none of the batcher's
counters, timers and shortcuts.
"""

import math
from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

from daemon.batching.run_times import RunCost
from daemon.values.lane import LanePolicy
from tests.requests import in_runs

LANES = {
    "standard": LanePolicy("standard", max_rows=4, linger_s=8.0, max_bytes=100),
    "urgent": LanePolicy("urgent", max_rows=2, linger_s=1.0, max_bytes=100, weight=4),
    "chat": LanePolicy("chat", max_rows=3, linger_s=2.0, max_bytes=100, eager=True),
}
SLICED = {name: replace(lane, patience_s=0.51) for name, lane in LANES.items()}
SLICE_ROWS = 2
"""What fits into that patience, at the time that SteadyRunTimes give a row."""
ALLOWANCE_S = 0.5
WAKE_S = 0.002


class SteadyRunTimes:
    """What a run takes never changes, so that the rules know it."""

    def observe(self, model, rows, seconds):
        pass

    def expected_s(self, model, rows):
        return 0.25

    def allowance_s(self, model, rows):
        return ALLOWANCE_S

    def cost(self, model):
        return RunCost(start_s=0.0, row_s=0.25)


class Left(NamedTuple):
    """What is left of a batch that was cut."""

    requests: list
    cause: str
    oldest_s: float


class Life:
    """A batcher, and what should be waiting in it; AssertionError where a rule is broken.

    `sliced`: its batches are cut into slices of SLICE_ROWS. `in_runs`: requests that are alike come to
    it as one value.
    """

    def __init__(self, batcher_class, *, sliced=False, in_runs=False):
        self.batcher = batcher_class(SLICED if sliced else LANES, SteadyRunTimes())
        self.in_runs = in_runs
        self.by_record = {}
        self.slice_rows = SLICE_ROWS if sliced else math.inf
        self.cut = {}
        self.now = 100.0
        self.waiting = defaultdict(list)
        self.laggards = set()
        self.draining = False
        self.hurried = set()
        self.ahead = None

    def offer(self, chunk):
        self.batcher.offer(in_runs(chunk) if self.in_runs else chunk)
        for request in chunk:
            self.by_record[id(request.record)] = request
            queue = self.waiting[request.bucket]
            queue.append(request)
            queue.sort(key=lambda each: each.arrived_s)

    def expire(self):
        late = [each for each in self.everyone() if each.expires_s <= self.now]
        next_expiry = self.batcher.next_expiry()
        assert (next_expiry is not None and next_expiry <= self.now) == bool(late)

        expired = self.offered(self.batcher.expire(self.now))

        assert same(expired, late)
        self.left(expired)

    def lose(self, ledger):
        lost = [each for each in self.everyone() if each.ledger is ledger]

        dropped = self.offered(self.batcher.drop([ledger]))

        assert same(dropped, lost)
        self.left(dropped)

    def flush(self, ledger):
        self.batcher.flush_laggard(ledger)

        mine = [each for each in self.everyone() if each.ledger is ledger]
        if mine and not any(each in self.laggards for each in mine):
            self.laggards.add(min(mine, key=lambda each: each.record.offset))

    def drain(self):
        self.batcher.drain()
        self.draining = True

    def hurry(self, lanes):
        self.batcher.hurry(lanes)
        self.hurried = set(lanes)

    def take(self, *, more_coming):
        deserving = self.deserving_by_lane(idle=not more_coming)

        batch = self.batcher.take(self.now, more_coming=more_coming)

        assert (batch is not None) == bool(deserving)
        self.ahead = None
        if batch is not None:
            assert batch.bucket in deserving[batch.bucket.lane]
            self.bound(batch, idle=not more_coming)
        return batch

    def take_ahead(self):
        deserving = self.deserving_by_lane()

        batch = self.batcher.take_ahead(self.now)

        if batch is not None:
            assert batch.cause in {"full", "bytes", "slice"} or batch.bucket in self.cut
            assert batch.bucket in deserving[batch.bucket.lane]
            self.bound(batch)
        elif len(deserving) == 1:  # no other lane's turn can come before
            assert not all(map(self.full, *deserving.values()))
        self.ahead = batch

    def overtake(self):
        if self.ahead is None:
            return
        deserving = self.deserving_by_lane()

        batch = self.batcher.due_urgent(self.now, self.ahead)

        if batch is not None:
            assert batch.bucket.lane != self.ahead.bucket.lane
            assert batch.bucket in deserving[batch.bucket.lane]
            self.bound(batch)

    def wait_until_due(self):
        while self.take(more_coming=True) is not None:
            self.expire()
        due_s = self.batcher.next_due(self.now)
        assert due_s == min(map(self.due_s, self.queues()), default=None)
        if due_s is None:
            return
        before_s = math.nextafter(due_s, 0.0)
        if before_s > self.now:
            assert self.batcher.take(before_s, more_coming=True) is None
        self.now = due_s
        self.expire()
        assert self.take(more_coming=True) is not None

    def bound(self, batch, *, idle=False):
        assert batch.requests
        assert batch.rows == sum(each.rows for each in batch.requests)
        left = self.cut.pop(batch.bucket, None) or self.gathered(batch.bucket, idle=idle)
        together = self.first_slice(left.requests)
        left_ids, ids = list(map(id, self.offered(batch.requests))), list(map(id, together))
        assert left_ids == ids, "what fits leaves, in order, and nothing else"
        self.left(together)
        rest = left.requests[len(together) :]
        if rest:
            self.cut[batch.bucket] = left._replace(requests=rest)
        assert batch.cause == ("slice" if rest else left.cause)

    def gathered(self, key, *, idle):
        """The next batch: the oldest, and each next one that fits."""
        policy = LANES[key.lane]
        cause = self.cause(key, idle=idle)
        rows, size_bytes = policy.max_rows, policy.max_bytes
        requests, limit = [], None
        for request in self.waiting[key]:
            fits = request.rows <= rows and request.cost_bytes <= size_bytes
            if rows > 0 and size_bytes > 0 and (fits or not requests):
                requests.append(request)
                rows -= request.rows
                size_bytes -= request.cost_bytes
            elif limit is None:
                limit = "full" if request.rows > rows else "bytes"
        if rows <= 0:
            limit = "full"
        elif size_bytes <= 0:
            limit = "bytes"
        oldest_s = requests[0].arrived_s
        if sum(each.rows for each in requests) > self.slice_rows:
            requests.sort(key=lambda each: each.expires_s)
        return Left(requests, limit or cause, oldest_s)

    def first_slice(self, requests):
        if sum(each.rows for each in requests) <= self.slice_rows:
            return requests
        rows, count = requests[0].rows, 1
        while count < len(requests) and rows + requests[count].rows <= self.slice_rows:
            rows += requests[count].rows
            count += 1
        return requests[:count]

    def compare(self):
        everyone = self.everyone()
        lingers_end_s = [each.arrived_s + LANES[each.bucket.lane].linger_s for each in everyone]
        lingers_end_s += [self.linger_s(key) for key in self.cut]
        assert self.batcher.oldest_due_s(default=-1.0) == min(lingers_end_s, default=-1.0)
        free = [key for key in self.queues() if key.lane not in self.deserving_by_lane()]
        assert self.batcher.next_due(self.now) == min(map(self.due_s, free), default=None)

    def finish(self):
        """Whatever is left leaves, and everybody leaves once: `left` refuses who is not there."""
        self.drain()
        self.expire()
        while self.take(more_coming=True) is not None:
            self.compare()
        assert not self.everyone()

    # The rules

    def offered(self, requests):
        """Those that were offered; what was in a run comes back as another object."""
        return [self.by_record[id(request.record)] for request in requests]

    def everyone(self):
        return [each for queue in self.waiting.values() for each in queue]

    def queues(self):
        return [key for key, queue in self.waiting.items() if queue]

    def left(self, requests):
        for request in requests:
            self.waiting[request.bucket].remove(request)
            self.laggards.discard(request)
        for key, left in list(self.cut.items()):
            kept = [each for each in left.requests if each in self.waiting[key]]
            self.cut[key] = left._replace(requests=kept)
            if not kept:
                del self.cut[key]

    def full(self, key):
        queue, policy = self.waiting[key], LANES[key.lane]
        rows = sum(each.rows for each in queue)
        return rows >= policy.max_rows or self.bytes_met(key) or key in self.cut

    def bytes_met(self, key):
        return sum(each.cost_bytes for each in self.waiting[key]) >= LANES[key.lane].max_bytes

    def lagging(self, key):
        return any(each in self.laggards for each in self.waiting[key])

    def hurries(self, key):
        return self.draining or key.lane in self.hurried

    def oldest_s(self, key):
        """When the oldest arrived; of a batch that is cut also when it has left."""
        arrived_s = [each.arrived_s for each in self.waiting[key]]
        return min([*arrived_s, self.cut[key].oldest_s] if key in self.cut else arrived_s)

    def linger_s(self, key):
        return self.oldest_s(key) + LANES[key.lane].linger_s

    def deadline_s(self, key):
        queue = self.waiting[key]
        expires_s = min(each.expires_s for each in queue)
        rows = min(sum(each.rows for each in queue), LANES[key.lane].max_rows)
        allowance_s = max(math.ceil(rows / self.slice_rows), 1) * ALLOWANCE_S
        return max(expires_s - (allowance_s + WAKE_S), self.oldest_s(key))

    def due_s(self, key):
        return min(self.linger_s(key), self.deadline_s(key))

    def cause(self, key, *, idle):
        if self.due_s(key) <= self.now:
            return "linger" if self.linger_s(key) <= self.deadline_s(key) else "deadline"
        if self.lagging(key):
            return "uncommitted"
        if self.hurries(key):
            return "drain"
        return "idle" if idle and LANES[key.lane].eager else None

    def deserving_by_lane(self, *, idle=False):
        """For each lane with something due, the buckets that may go first."""
        ranks = defaultdict(dict)
        for key in self.queues():
            if self.due_s(key) <= self.now:
                ranks[key.lane][key] = (0, self.due_s(key))
            elif self.full(key) or self.lagging(key) or self.hurries(key):
                ranks[key.lane][key] = (1, self.due_s(key))
            elif idle and LANES[key.lane].eager:
                ranks[key.lane][key] = (2, self.due_s(key))
        return {
            lane: [key for key, rank in of_lane.items() if rank == min(of_lane.values())]
            for lane, of_lane in ranks.items()
        }


def same(some, others):
    return sorted(map(id, some)) == sorted(map(id, others))
