"""Faults put into the pure modules one at a time, each of which a property must notice."""

from tests.mutation import Mutant

ORDER = [
    "daemon.values.ledger",
    "daemon.batching.timer_queue",
    "daemon.batching.run_times",
    "daemon.batching.slices",
    "daemon.batching.fair_queue",
    "daemon.batching.buckets",
    "daemon.batching.lane_queues",
    "daemon.batching.flush_policy",
    "daemon.batching.batcher",
]
"""Each imports only from those before it (and from modules that are never mutated)."""

LEDGER = [
    Mutant(
        "daemon.values.ledger:Ledger.committable",
        "commits past unanswered offsets",
        "return self._edges[0] if self._edges else self._position",
        "return self._edges[-1] if self._edges else self._position",
    ),
    Mutant(
        "daemon.values.ledger:Ledger.committable",
        "commits nothing while anything was read",
        "return self._edges[0] if self._edges else self._position",
        "return self._edges[0] if self._edges else 0",
    ),
    Mutant(
        "daemon.values.ledger:Ledger.start",
        "does not join runs that touch",
        "edges and self._edges and self._edges[-1] == edges[0]",
        "not self._edges and edges == [0]",
    ),
    Mutant(
        "daemon.values.ledger:Ledger.settle",
        "takes answers for offsets that are not outstanding",
        "_length(after) != _length(before) - len(offsets)",
        "not offsets",
    ),
    Mutant(
        "daemon.values.ledger:Ledger.settle",
        "splits a run at its first edge",
        "low -= low % 2",
        "low -= 0",
    ),
    Mutant(
        "daemon.values.ledger:Ledger.settle",
        "splits a run at its last edge",
        "high += high % 2",
        "high += 0",
    ),
    Mutant(
        "daemon.values.ledger:_edges_of",
        "takes one answer twice",
        "len(distinct) != len(offsets)",
        "len(distinct) > len(offsets)",
    ),
    Mutant(
        "daemon.values.ledger:_edges_of",
        "takes any chunk for a dense one",
        "last - first + 1 == len(offsets)",
        "last - first + 1 >= len(offsets)",
    ),
]

RULES = [
    Mutant(
        "daemon.batching.buckets:BucketQueue._first_fit",
        "a row too many where requests have several",
        "request.rows <= rows",
        "request.rows <= rows + 1",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._alike",
        "a row too many where all have one",
        "count = min(max_rows, self._count)",
        "count = min(max_rows + 1, self._count)",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._alike",
        "bytes are not looked at where all have one row",
        "size_bytes >= self.policy.max_bytes",
        "size_bytes < 0",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._first_fit",
        "what was passed over goes to the end",
        "self._waiting.extendleft(reversed(passed))",
        "self._waiting.extend(passed)",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._first_fit",
        "what was passed over is forgotten",
        "self._waiting.extendleft(reversed(passed))",
        "passed.clear()",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue.oldest_s",
        "linger counts from the youngest",
        "return self._waiting[0].arrived_s",
        "return self._waiting[-1].arrived_s",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue.extend",
        "late comers wait at the end",
        "overtaken = []\nwhile ANY:\n    overtaken.append(self._waiting.pop())",
        "overtaken = []\nwhile overtaken:\n    overtaken.append(self._waiting.pop())",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue.expire",
        "expired requests stay in the middle",
        "if count:\n    self._keep(ANY)",
        "if count < 0:\n    self._keep(ANY)",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._forget",
        "rows that left are still counted",
        "self.rows -= sum([request.rows for request in requests])",
        "self.rows -= 0",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._forget",
        "a laggard that left still flushes",
        "self.laggards.difference_update(requests)",
        "self.laggards.difference_update(())",
    ),
    Mutant(
        "daemon.batching.lane_queues:LaneQueues.deserving",
        "due an instant too late",
        "first[0] <= now",
        "first[0] < now",
    ),
    Mutant(
        "daemon.batching.lane_queues:LaneQueues.deserving",
        "every lane is eager",
        "return first[1] if idle and self.policy.eager else None",
        "return first[1] if idle else None",
    ),
    Mutant(
        "daemon.batching.lane_queues:LaneQueues.deserving",
        "what is full goes before what waits longer than it may",
        """
        if first[0] <= now:
            return first[1]
        ready = self._ready.first()
        if ready is not None:
            return ready[1]
        """,
        """
        ready = self._ready.first()
        if ready is not None:
            return ready[1]
        if first[0] <= now:
            return first[1]
        """,
    ),
    Mutant(
        "daemon.batching.timer_queue:TimerQueue.discard",
        "a discarded item comes back",
        "self._times.pop(item, None)",
        "self._times.get(item, None)",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher.take",
        "eager lanes never wait for more",
        "not more_coming",
        "True",
    ),
    Mutant(
        "daemon.batching.flush_policy:FlushPolicy._hurries",
        "draining forgets what comes later",
        "return self._draining or self._pressing or lane in self._hurried",
        "return self._pressing or lane in self._hurried",
    ),
    Mutant(
        "daemon.batching.flush_policy:FlushPolicy._hurries",
        "one lane's hurry is every lane's",
        "return self._draining or self._pressing or lane in self._hurried",
        "return self._draining or self._pressing or bool(self._hurried)",
    ),
    Mutant(
        "daemon.batching.flush_policy:FlushPolicy.hurry",
        "a hurry never ends",
        "self._hurried = frozenset(lanes)",
        "self._hurried |= frozenset(lanes)",
    ),
    Mutant(
        "daemon.batching.flush_policy:FlushPolicy.time_s",
        "deadlines do not close a batch",
        "due_s = min(due_s, max(deadline_s - allowance_s, queue.oldest_s))",
        "due_s = min(due_s, max(deadline_s, queue.oldest_s))",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher.take_ahead",
        "batches that are not full are assembled ahead",
        "queue is None or not queue.full",
        "queue is None",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher.next_due",
        "what is due already keeps the clock busy",
        "(lane.next_due_s() for lane in self._lanes.values() if lane.deserving(now) is None)",
        "(lane.next_due_s() for lane in self._lanes.values())",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher.flush_laggard",
        "flushes another request than the oldest",
        "oldest[0] < found[0]",
        "oldest[0] > found[0]",
    ),
]

RUNS = [
    Mutant(
        "daemon.batching.buckets:BucketQueue._cut_off",
        "what is left of a run is forgotten",
        "self._waiting.appendleft(left)",
        "pass",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._cut_off",
        "what is left of a run has no deadline",
        "self._replace(run, [taken, left])",
        "self._replace(run, [taken])",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._replace",
        "a run that is cut holds back no commits",
        "self.laggards.add(instead[0])",
        "self.laggards.add(instead[-1])",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._take_apart",
        "all but the first of a run are forgotten",
        "requests if each is run else (each,)",
        "requests[:1] if each is run else (each,)",
    ),
]
"""Of requests that come as one value."""

LINGER = [
    Mutant(
        "daemon.batching.batcher:Batcher.next_due",
        "falls due later than it says",
        "return next_s if next_s < math.inf else None",
        "return next_s + 1.0 if next_s < math.inf else None",
    ),
]

SHARES = [
    Mutant(
        "daemon.batching.fair_queue:FairQueue.give",
        "weights do not count",
        "turn.tag + run_s / self._weights[lane]",
        "turn.tag + run_s",
    ),
    Mutant(
        "daemon.batching.fair_queue:FairQueue.first",
        "the lane that had most is next",
        "return min(lanes, key=self.next_of, default=None)",
        "return max(lanes, key=self.next_of, default=None)",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher._bind",
        "every run is charged alike",
        "self._fair_queue.give(queue.key.lane, run_s)",
        "self._fair_queue.give(queue.key.lane, 1.0)",
    ),
]

REAL_TIME = [
    Mutant(
        "daemon.batching.fair_queue:FairQueue.correct",
        "what a run really took is not charged",
        "self._tags[lane] += by_s / self._weights[lane]",
        "self._tags[lane] += 0",
    ),
]

STARVATION = [
    Mutant(
        "daemon.batching.fair_queue:FairQueue.next_of",
        "an idle lane gathers credit",
        "max(self._tags[lane], self._clock)",
        "self._tags[lane]",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher._take_before",
        "urgent lanes overtake for ever",
        "self._fair_queue.next_of(queue.key.lane) >= turn",
        "self._fair_queue.next_of(queue.key.lane)[1] >= turn[1]",
    ),
    Mutant(
        "daemon.batching.batcher:Batcher._take_before",
        "the clock stands while batches are overtaken",
        "batch, own_turn = self._bind(queue, now)\nself._fair_queue.begin(own_turn)",
        "batch, own_turn = self._bind(queue, now)",
    ),
]

SLICED = [
    Mutant(
        "daemon.batching.buckets:BucketQueue.full",
        "what is left of a batch waits for its own time",
        "bool(self._slices)",
        "False",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue.take",
        "every slice counts as a batch that closed",
        "'slice' if self._slices else self._closed_by",
        "self._closed_by",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._keep",
        "what is left of a batch outlives its partition",
        "[list(filter(stays, each)) for each in self._slices]",
        "[list(each) for each in self._slices]",
    ),
    Mutant(
        "daemon.batching.buckets:BucketQueue._all",
        "what is left of a batch holds back no commit",
        "chain(*self._slices, self._waiting)",
        "chain(self._waiting)",
    ),
    Mutant(
        "daemon.batching.slices:Slices.cut",
        "deadlines do not order slices",
        "sorted(requests, key=_DEADLINE)",
        "list(requests)",
    ),
    Mutant(
        "daemon.batching.slices:Slices.allowance_s",
        "a deadline leaves time for one slice",
        "math.ceil(rows / at_once) * ANY",
        "ANY",
    ),
    Mutant(
        "daemon.batching.slices:_filled",
        "a slice has a row too many",
        "request.rows > room",
        "request.rows > room + 1",
    ),
]

PATIENCE = [
    Mutant(
        "daemon.batching.slices:least_patience_s",
        "a lane is cut by its own patience",
        "name != lane",
        "name == lane",
    ),
]

SLICE_RULE = [
    Mutant(
        "daemon.batching.slices:slice_rows",
        "cuts whatever it costs",
        "min(_wanted_slices(rows, cost, most_s), most_slices(rows, cost))",
        "_wanted_slices(rows, cost, most_s)",
    ),
    Mutant(
        "daemon.batching.slices:slice_rows",
        "cuts though nobody waits too long",
        "min(_wanted_slices(rows, cost, most_s), most_slices(rows, cost))",
        "most_slices(rows, cost)",
    ),
    Mutant(
        "daemon.batching.slices:most_slices",
        "loses a slice's start too much",
        "1 + int(spare_s / cost.start_s)",
        "2 + int(spare_s / cost.start_s)",
    ),
    Mutant(
        "daemon.batching.slices:_wanted_slices",
        "forgets what a run takes beside its rows",
        "(most_s - cost.start_s) / cost.row_s",
        "most_s / cost.row_s",
    ),
    Mutant(
        "daemon.batching.slices:slice_rows",
        "the last slice is of what is left over",
        "math.ceil(rows / slices)",
        "max(rows // slices, 1)",
    ),
]

ALL = [
    *LEDGER,
    *RULES,
    *LINGER,
    *SHARES,
    *REAL_TIME,
    *STARVATION,
    *SLICED,
    *PATIENCE,
    *SLICE_RULE,
]
