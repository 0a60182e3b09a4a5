"""Ledgers, and the lanes they belong to, for tests that do not care which."""

from daemon.values.budget import Budget
from daemon.values.lane import Lane, LanePolicy
from daemon.values.ledger import Ledger


def make_lane(name="standard", *, topics=(), max_rows=8, linger_s=1.0, budget=None, **policy):
    """A lane with room for much."""
    policy.setdefault("max_bytes", 1 << 20)
    return Lane(
        LanePolicy(name, max_rows=max_rows, linger_s=linger_s, **policy),
        topics or (name,),
        budget or Budget(100_000, 1 << 30),
    )


def make_ledger(topic="requests", number=0, position=0, lane=None):
    """A ledger of `lane`, or of one that is named as its topic."""
    return Ledger(topic, number, position, lane or make_lane(topic))
