"""How long a rate must be offered until its targets can be decided. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from loadtest.scenario.quantities import duration
from loadtest.verdict import confidence
from loadtest.verdict.figures import LEAST_SAMPLES
from loadtest.verdict.metrics import PERCENTILE, Unit
from loadtest.verdict.targets import Quantity, Target

LONGEST_S = 300.0
"""Nobody waits longer for one step; rates with too few samples in that time are not tried."""
_SHORTEST_S = 10.0
"""Twenty blocks of half a second: shorter ones see single batches, not a slope."""
_BOUNDS = 4
"""A lane that lingers for nearly all of a latency target closes four batches by it."""
_OVER = 5
"""So many samples may be over a percentile's bound: a deployment with a fifth of what is allowed
over it then passes 95 times in 100 (1,307 samples for p99), one without any is sure to."""
_SPARE = 1.1
"""Poisson arrivals may be fewer than planned: by 10 % in one of a thousand steps of 1,000."""
_LEAST_WARM_UP_S = 1.0
"""A guess, for connections and caches."""
_MOST_WARM_UP_S = 60.0
"""A fifth of the longest step."""


def usual_s(targets: Sequence[Target], mix: Mapping[str, float], rate_per_s: float) -> float:
    """Return how long a step of `rate_per_s` measures; `mix`: each class's share of the rate."""
    wanted_s = max(
        (_SPARE * samples / (rate_per_s * mix[name]) for name, samples in _samples(targets, mix)),
        default=0.0,
    )
    return min(max(_SHORTEST_S, _BOUNDS * longest_bound_s(targets), wanted_s), LONGEST_S)


def least_per_s(targets: Sequence[Target], mix: Mapping[str, float]) -> float:
    """Return the rate below which the longest step has too few samples."""
    return max(
        _SPARE * samples / (LONGEST_S * mix[name]) for name, samples in _samples(targets, mix)
    )


def warm_up_s(targets: Sequence[Target], given_s: float) -> float:
    """Return how long a step is offered before it counts: until first requests may be answered."""
    return max(given_s, _LEAST_WARM_UP_S, min(longest_bound_s(targets), _MOST_WARM_UP_S))


def longest_bound_s(targets: Iterable[Target]) -> float:
    """Return the longest time that a target on latency allows, 0 without any."""
    return max((_bound_s(target) for target in targets), default=0.0)


def _bound_s(target: Target) -> float:
    metric = target.metric
    if metric.name == "goodput":
        return duration(metric.argument)
    if metric.kind.unit is not Unit.SECONDS or metric.name == "drain":
        return 0.0
    return sum(term.value for term in target.bound if isinstance(term, Quantity))


def _samples(targets: Sequence[Target], mix: Mapping[str, float]) -> list[tuple[str, int]]:
    """Return how many samples of which classes are needed; the slope of the lag needs some of all."""
    needed = [(name, LEAST_SAMPLES) for name in mix]
    needed += [
        (target.metric.traffic, samples)
        for target in targets
        if target.metric.traffic and (samples := _needed(target))
    ]
    # What is of all classes together is spread over them by the mix.
    whole = max((_needed(target) for target in targets if not target.metric.traffic), default=0)
    return needed + [(name, round(whole * share)) for name, share in mix.items() if whole]


def _needed(target: Target) -> int:
    metric = target.metric
    if metric.name == PERCENTILE:
        return confidence.needed(_OVER, 1 - metric.percent / 100)
    shares = [term.value for term in target.bound if isinstance(term, Quantity) and term.is_share]
    if not shares:
        return 0
    is_goodput = metric.name == "goodput"
    allowed = 1 - sum(shares) if is_goodput else sum(shares)
    if not 0 < allowed < 1 or metric.kind.needs_daemon:
        return 0
    return confidence.needed(_OVER if is_goodput else 0, allowed)
