"""The batcher's rules written plainly, held against what a batcher does.

The rules here look at every waiting request every time, so they need none of the batcher's
counters, timers and shortcuts.
"""

import math
from collections import defaultdict

from daemon.values.lane import LanePolicy

LANES = {
    "standard": LanePolicy("standard", max_rows=4, linger_s=8.0, max_bytes=100),
    "urgent": LanePolicy("urgent", max_rows=2, linger_s=1.0, max_bytes=100, weight=4),
    "chat": LanePolicy("chat", max_rows=3, linger_s=2.0, max_bytes=100, eager=True),
}
ALLOWANCE_S = 0.5
WAKE_S = 0.002


class SteadyRunTimes:
    """Every run takes the same time, so that the rules know it."""

    def observe(self, model, rows, seconds):
        pass

    def expected_s(self, model, rows):
        return 0.25

    def allowance_s(self, model, rows):
        return ALLOWANCE_S


class Life:
    """A batcher, and what should be waiting in it; AssertionError where a rule is broken."""

    def __init__(self, batcher_class):
        self.batcher = batcher_class(LANES, SteadyRunTimes())
        self.now = 100.0
        self.waiting = defaultdict(list)
        self.laggards = set()
        self.draining = False
        self.hurried = set()
        self.ahead = None

    def offer(self, chunk):
        self.batcher.offer(chunk)
        for request in chunk:
            queue = self.waiting[request.bucket]
            queue.append(request)
            queue.sort(key=lambda each: each.arrived_s)

    def expire(self):
        late = [each for each in self.everyone() if each.expires_s <= self.now]
        next_expiry = self.batcher.next_expiry()
        assert (next_expiry is not None and next_expiry <= self.now) == bool(late)

        expired = self.batcher.expire(self.now)

        assert same(expired, late)
        self.left(expired)

    def lose(self, ledger):
        lost = [each for each in self.everyone() if each.ledger is ledger]

        dropped = self.batcher.drop([ledger])

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
            assert batch.cause in {"full", "bytes"}
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
        queue = list(self.waiting[batch.bucket])
        policy = LANES[batch.bucket.lane]
        assert batch.requests
        assert batch.requests[0] is queue[0], "the oldest leaves first"
        assert batch.rows == sum(each.rows for each in batch.requests)
        cause = self.cause(batch.bucket, idle=idle)
        rows, size_bytes = policy.max_rows, policy.max_bytes
        limit = None
        for place, request in enumerate(queue):
            fits = request.rows <= rows and request.cost_bytes <= size_bytes
            if rows > 0 and size_bytes > 0 and (fits or place == 0):
                assert batch.requests.pop(0) is request, "what fits leaves, in order"
                rows -= request.rows
                size_bytes -= request.cost_bytes
                self.left([request])
            elif limit is None:
                limit = "full" if request.rows > rows else "bytes"
        assert not batch.requests, "nothing else leaves"
        if rows <= 0:
            limit = "full"
        elif size_bytes <= 0:
            limit = "bytes"
        assert batch.cause == (limit or cause)

    def compare(self):
        everyone = self.everyone()
        lingers_end_s = [each.arrived_s + LANES[each.bucket.lane].linger_s for each in everyone]
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

    def everyone(self):
        return [each for queue in self.waiting.values() for each in queue]

    def queues(self):
        return [key for key, queue in self.waiting.items() if queue]

    def left(self, requests):
        for request in requests:
            self.waiting[request.bucket].remove(request)
            self.laggards.discard(request)

    def full(self, key):
        queue, policy = self.waiting[key], LANES[key.lane]
        rows = sum(each.rows for each in queue)
        return rows >= policy.max_rows or self.bytes_met(key)

    def bytes_met(self, key):
        return sum(each.cost_bytes for each in self.waiting[key]) >= LANES[key.lane].max_bytes

    def lagging(self, key):
        return any(each in self.laggards for each in self.waiting[key])

    def hurries(self, key):
        return self.draining or key.lane in self.hurried

    def linger_s(self, key):
        return self.waiting[key][0].arrived_s + LANES[key.lane].linger_s

    def deadline_s(self, key):
        queue = self.waiting[key]
        expires_s = min(each.expires_s for each in queue)
        return max(expires_s - (ALLOWANCE_S + WAKE_S), queue[0].arrived_s)

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
