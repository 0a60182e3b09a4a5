"""Loads and policies of the tests, by what matters in them."""

from config.settings import Scaling
from daemon.scaling.policy import Policy
from daemon.scaling.required_workers import GroupLoad

CALM = GroupLoad(
    arrival_rate=0.0,
    lag=0,
    lagging=0,
    partitions=24,
    stuck=0,
    service_rate=100.0,
    batching_s=2.0,
    arrived_s=0.0,
    workers=0,
)


def load(**changes):
    """A worker serves 100 records/s, 24 partitions, 2 s in flight; `changes` say what is so."""
    if changes.get("lag"):
        changes.setdefault("lagging", 24)
    return CALM._replace(**changes)


def policy(most=24, **settings):
    return Policy(Scaling(**settings), max_workers=most)


def running(workers, most=24, now=0.0, **settings):
    """A policy that has `workers` and nothing more to want at `now`."""
    made = policy(most, **settings)
    made.decide(load(workers=workers, lag=1, arrived_s=now), now)
    return made


def looks(made, since, until, **changes):
    """Look once a second, records arriving all along; return the last decision."""
    decision = None
    for now in range(int(since), int(until) + 1):
        decision = made.decide(load(arrived_s=float(now), **changes), float(now))
    return decision
