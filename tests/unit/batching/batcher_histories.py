"""Random lives of a batcher, to be held against its rules (batcher_rules.py).

Times lie on a grid of quarter seconds, so that limits are met exactly.
"""

import math
from collections import defaultdict
from typing import NamedTuple

from hypothesis import strategies as st

from daemon.values.messages import Bucket
from tests.ledgers import make_ledger
from tests.requests import make_request
from tests.unit.batching.batcher_rules import Life

BUCKETS = {
    "standard": [
        Bucket("standard", "small"),
        Bucket("standard", "small", ((3,),)),
        Bucket("standard", "big"),
    ],
    "urgent": [Bucket("urgent", "small")],
    "chat": [Bucket("chat", "big"), Bucket("chat", "small")],
}
PARTITIONS = [("standard", 0), ("standard", 1), ("urgent", 0), ("chat", 0)]
"""Each lane has one topic of its name."""


def check(batcher_class, history, *, sliced=False, in_runs=False):
    """Live through `history`; raises AssertionError where a rule is broken."""
    life, world = Life(batcher_class, sliced=sliced, in_runs=in_runs), World()
    for step in history:
        step.happen(life, world)
        life.compare()
    life.finish()


class World:
    """Partitions, and the chunks that are being prepared."""

    def __init__(self):
        self.ledgers = [make_ledger(topic, number, 0) for topic, number in PARTITIONS]
        self.offsets = defaultdict(int)
        self.preparing = []


class Sent(NamedTuple):
    bucket: int
    rows: int
    cost_bytes: int
    timeout_s: float


class Fetch(NamedTuple):
    """A chunk arrives; without `at_once` it is prepared elsewhere and offered later."""

    partition: int
    sent: list[Sent]
    at_once: bool

    def happen(self, life, world):
        chunk = [self.request(each, life.now, world) for each in self.sent]
        if self.at_once:
            life.offer(chunk)
        else:
            world.preparing.append(chunk)

    def request(self, each, now, world):
        buckets = BUCKETS[PARTITIONS[self.partition][0]]
        world.offsets[self.partition] += 1
        return make_request(
            bucket=buckets[each.bucket % len(buckets)],
            ledger=world.ledgers[self.partition],
            offset=world.offsets[self.partition],
            rows=each.rows,
            cost_bytes=each.cost_bytes,
            arrived_s=now,
            expires_s=now + each.timeout_s,
        )


class Prepared(NamedTuple):
    """One of the chunks that are being prepared is offered."""

    which: int

    def happen(self, life, world):
        if world.preparing:
            life.offer(world.preparing.pop(self.which % len(world.preparing)))


class Wait(NamedTuple):
    quarters: int

    def happen(self, life, world):
        life.now += self.quarters / 4
        life.expire()


class WaitUntilDue(NamedTuple):
    def happen(self, life, world):
        life.wait_until_due()
        life.now = math.ceil(life.now * 4) / 4
        life.expire()


class Take(NamedTuple):
    more_coming: bool

    def happen(self, life, world):
        life.expire()
        life.take(more_coming=self.more_coming)


class TakeAhead(NamedTuple):
    def happen(self, life, world):
        life.expire()
        life.take_ahead()


class Overtake(NamedTuple):
    def happen(self, life, world):
        life.expire()
        life.overtake()


class Lose(NamedTuple):
    partition: int

    def happen(self, life, world):
        life.lose(world.ledgers[self.partition])


class Flush(NamedTuple):
    partition: int

    def happen(self, life, world):
        life.flush(world.ledgers[self.partition])


class Hurry(NamedTuple):
    lanes: set[str]

    def happen(self, life, world):
        life.hurry(self.lanes)


class Drain(NamedTuple):
    def happen(self, life, world):
        life.drain()


timeouts = st.sampled_from([math.inf, math.inf, math.inf, math.inf, 0.0, 0.25, 1.0, 3.0])
sent = st.builds(
    Sent,
    st.integers(0, 2),
    st.sampled_from([1, 1, 1, 2, 3, 5]),
    st.sampled_from([5, 5, 5, 45, 130]),
    timeouts,
)
alike = st.builds(Sent, st.just(0), st.just(1), st.just(5), timeouts)
partitions = st.integers(0, len(PARTITIONS) - 1)
chunks = st.one_of(
    st.lists(alike, min_size=1, max_size=2),
    st.lists(alike, min_size=1, max_size=6),
    st.lists(sent, min_size=1, max_size=5),
)
fetches = st.builds(Fetch, partitions, chunks, st.sampled_from([True, True, True, False]))
shares = {
    fetches: 8,
    st.builds(Prepared, st.integers(0, 7)): 2,
    st.builds(Wait, st.sampled_from([1, 1, 1, 2, 3, 4, 8, 20])): 4,
    st.builds(WaitUntilDue): 1,
    st.builds(Take, st.booleans()): 5,
    st.builds(TakeAhead): 2,
    st.builds(Overtake): 2,
    st.builds(Flush, partitions): 2,
    st.builds(Lose, partitions): 1,
    st.builds(Hurry, st.sets(st.sampled_from(sorted(BUCKETS)))): 1,
}
steps = st.sampled_from([step for step, share in shares.items() for _ in range(share)]).flatmap(
    lambda step: step
)
draining = st.builds(
    lambda before, after: [*before, Drain(), *after], st.lists(steps), st.lists(steps)
)
histories = st.one_of(st.lists(steps, min_size=10, max_size=30), draining)
