"""Faults put into the pure modules one at a time, each of which a property must notice."""

import importlib
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ORDER = [
    "daemon.values.ledger",
    "daemon.batching.timer_queue",
    "daemon.batching.run_times",
    "daemon.batching.fair_queue",
    "daemon.batching.buckets",
    "daemon.batching.flush_policy",
    "daemon.batching.batcher",
]
"""Each imports only from those before it (and from modules that are never mutated)."""


class Mutant(NamedTuple):
    """In `module` the text `old`, which occurs once, becomes `new`."""

    module: str
    fault: str
    old: str
    new: str


LEDGER = [
    Mutant(
        "daemon.values.ledger",
        "commits past unanswered offsets",
        "return self._edges[0] if self._edges else self._position",
        "return self._edges[-1] if self._edges else self._position",
    ),
    Mutant(
        "daemon.values.ledger",
        "commits nothing while anything was read",
        "return self._edges[0] if self._edges else self._position",
        "return self._edges[0] if self._edges else 0",
    ),
    Mutant(
        "daemon.values.ledger",
        "does not join runs that touch",
        "if edges and self._edges and self._edges[-1] == edges[0]:",
        "if not self._edges and edges == [0]:",
    ),
    Mutant(
        "daemon.values.ledger",
        "takes answers for offsets that are not outstanding",
        "if _length(after) != _length(before) - len(offsets):",
        "if not offsets:",
    ),
    Mutant("daemon.values.ledger", "splits a run at its first edge", "low -= low % 2", "low -= 0"),
    Mutant(
        "daemon.values.ledger", "splits a run at its last edge", "high += high % 2", "high += 0"
    ),
    Mutant(
        "daemon.values.ledger",
        "takes one answer twice",
        "if len(distinct) != len(offsets):",
        "if len(distinct) > len(offsets):",
    ),
    Mutant(
        "daemon.values.ledger",
        "takes any chunk for a dense one",
        "if last - first + 1 == len(offsets):",
        "if last - first + 1 >= len(offsets):",
    ),
]

RULES = [
    Mutant(
        "daemon.batching.buckets",
        "a row too many where requests have several",
        "request.rows <= rows and",
        "request.rows <= rows + 1 and",
    ),
    Mutant(
        "daemon.batching.buckets",
        "a row too many where all have one",
        "count = min(self.policy.max_rows, len(self._requests))",
        "count = min(self.policy.max_rows + 1, len(self._requests))",
    ),
    Mutant(
        "daemon.batching.buckets",
        "bytes are not looked at where all have one row",
        "if size_bytes >= self.policy.max_bytes:",
        "if size_bytes < 0:",
    ),
    Mutant(
        "daemon.batching.buckets",
        "what was passed over goes to the end",
        "self._requests.extendleft(reversed(passed))",
        "self._requests.extend(passed)",
    ),
    Mutant(
        "daemon.batching.buckets",
        "what was passed over is forgotten",
        "self._requests.extendleft(reversed(passed))",
        "passed.clear()",
    ),
    Mutant(
        "daemon.batching.buckets",
        "linger counts from the youngest",
        "return self._requests[0].arrived_s",
        "return self._requests[-1].arrived_s",
    ),
    Mutant(
        "daemon.batching.buckets",
        "late comers wait at the end",
        "while self._requests and self._requests[-1].arrived_s > requests[0].arrived_s:",
        "while overtaken:",
    ),
    Mutant(
        "daemon.batching.buckets",
        "expired requests stay in the middle",
        "        if count:\n",
        "        if count < 0:\n",
    ),
    Mutant(
        "daemon.batching.buckets",
        "rows that left are still counted",
        "self.rows -= sum([request.rows for request in requests])",
        "self.rows -= 0",
    ),
    Mutant(
        "daemon.batching.buckets",
        "a laggard that left still flushes",
        "self.laggards.difference_update(requests)",
        "self.laggards.difference_update(())",
    ),
    Mutant(
        "daemon.batching.buckets",
        "due an instant too late",
        "        if first[0] <= now:\n",
        "        if first[0] < now:\n",
    ),
    Mutant(
        "daemon.batching.buckets",
        "every lane is eager",
        "return first[1] if idle and self.policy.eager else None",
        "return first[1] if idle else None",
    ),
    Mutant(
        "daemon.batching.buckets",
        "what is full goes before what waits longer than it may",
        "        if first[0] <= now:\n            return first[1]\n        ready = self._ready.first()\n"
        "        if ready is not None:\n            return ready[1]\n",
        "        ready = self._ready.first()\n        if ready is not None:\n            return ready[1]\n"
        "        if first[0] <= now:\n            return first[1]\n",
    ),
    Mutant(
        "daemon.batching.timer_queue",
        "a discarded item comes back",
        "self._times.pop(item, None)",
        "self._times.get(item, None)",
    ),
    Mutant(
        "daemon.batching.batcher",
        "eager lanes never wait for more",
        "idle=not more_coming",
        "idle=True",
    ),
    Mutant(
        "daemon.batching.flush_policy",
        "draining forgets what comes later",
        "return self._draining or lane in self._hurried",
        "return lane in self._hurried",
    ),
    Mutant(
        "daemon.batching.flush_policy",
        "one lane's hurry is every lane's",
        "return self._draining or lane in self._hurried",
        "return self._draining or bool(self._hurried)",
    ),
    Mutant(
        "daemon.batching.flush_policy",
        "a hurry never ends",
        "self._hurried = frozenset(lanes)",
        "self._hurried |= frozenset(lanes)",
    ),
    Mutant(
        "daemon.batching.flush_policy",
        "deadlines do not close a batch",
        "due_s = min(due_s, max(deadline_s - allowance_s, queue.oldest_s))",
        "due_s = min(due_s, max(deadline_s, queue.oldest_s))",
    ),
    Mutant(
        "daemon.batching.batcher",
        "batches that are not full are assembled ahead",
        "if queue is None or not queue.full:",
        "if queue is None:",
    ),
    Mutant(
        "daemon.batching.batcher",
        "what is due already keeps the clock busy",
        "for lane in self._lanes.values() if lane.deserving(now) is None",
        "for lane in self._lanes.values()",
    ),
    Mutant(
        "daemon.batching.batcher",
        "flushes another request than the oldest",
        "request.record.offset < found[0]",
        "request.record.offset > found[0]",
    ),
]

LINGER = [
    Mutant(
        "daemon.batching.batcher",
        "falls due later than it says",
        "return next_s if next_s < math.inf else None",
        "return next_s + 1.0 if next_s < math.inf else None",
    ),
]

SHARES = [
    Mutant(
        "daemon.batching.fair_queue",
        "weights do not count",
        "turn.tag + run_s / self._weights[lane]",
        "turn.tag + run_s",
    ),
    Mutant(
        "daemon.batching.fair_queue",
        "the lane that had most is next",
        "return min(lanes, key=self.next_of, default=None)",
        "return max(lanes, key=self.next_of, default=None)",
    ),
    Mutant(
        "daemon.batching.batcher",
        "every run is charged alike",
        "queue.key.lane, run_s",
        "queue.key.lane, 1.0",
    ),
]

REAL_TIME = [
    Mutant(
        "daemon.batching.fair_queue",
        "what a run really took is not charged",
        "self._tags[lane] += by_s / self._weights[lane]",
        "self._tags[lane] += 0",
    ),
]

STARVATION = [
    Mutant(
        "daemon.batching.fair_queue",
        "an idle lane gathers credit",
        "max(self._tags[lane], self._clock)",
        "self._tags[lane]",
    ),
    Mutant(
        "daemon.batching.batcher",
        "urgent lanes overtake for ever",
        "if self._fair_queue.next_of(queue.key.lane) >= self._ahead:",
        "if self._fair_queue.next_of(queue.key.lane)[1] >= self._ahead[1]:",
    ),
    Mutant(
        "daemon.batching.batcher",
        "the clock stands while batches are overtaken",
        "        batch, turn = self._bind(queue, now)\n        self._fair_queue.begin(turn)\n"
        "        return batch\n\n    def next_due",
        "        batch, turn = self._bind(queue, now)\n        return batch\n\n    def next_due",
    ),
]


def load(mutant: Mutant, name: str, order: Sequence[str] = ORDER) -> object:
    """Return `name` ("module:attribute") out of modules of their own, with the fault in them."""
    originals = {module: importlib.import_module(module) for module in order}
    try:
        for module in order[order.index(mutant.module) :]:
            sys.modules[module] = _mutated(originals[module], mutant)
        module, attribute = name.split(":")
        return getattr(sys.modules[module], attribute)
    finally:
        sys.modules.update(originals)


def _mutated(original: types.ModuleType, mutant: Mutant) -> types.ModuleType:
    source = Path(original.__file__).read_text()
    if original.__name__ == mutant.module:
        if source.count(mutant.old) != 1:
            raise LookupError(f"{mutant.module}: not exactly once: {mutant.old!r}")
        source = source.replace(mutant.old, mutant.new)
    module = types.ModuleType(original.__name__)
    exec(compile(source, original.__file__, "exec"), vars(module))
    return module
