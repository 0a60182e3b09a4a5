"""What is searched, and what each of its steps offers. Pure."""

import math
from typing import NamedTuple

from loadtest.scenario.load import BadScenario, Loaded
from loadtest.scenario.model import Scenario
from loadtest.search import scaled, stability, step_length
from loadtest.search.bracket import Next, Purpose, SearchBounds, steps_between
from loadtest.search.rate_trial import Offer
from loadtest.verdict.targets import Target

_MOST_PER_S = 100_000.0
"""Five times what one process of the load tester sends: nothing is learnt there."""
_LEAST_GRACE_S = 120.0
"""A guess: a queue is worked off by then, unless nobody works."""
_PROBE_PER_S = 20.0
"""For a second: some of each class."""
_GRACE_STEPS = 1.5
"""A doubling ends up to twice above what can be done: its queue takes as long again."""
_DOUBLINGS_GUESSED = 4
"""From a first rate that is a sixteenth of the answer."""
_CONFIRMATIONS = 3  # one of the upper edge, and one of twice the length of the lower


class SearchSpec(NamedTuple):
    """A search; `step_s`: how long a step measures, None: what its targets need."""

    loaded: Loaded
    targets: list[Target]
    per_class: dict[str, float]
    bounds: SearchBounds
    step_s: float | None = None

    @property
    def mix(self) -> dict[str, float]:
        """The share that each class has in all requests."""
        return scaled.mix(self.per_class)

    @property
    def warm_up_s(self) -> float:
        """How long each step is offered before it counts."""
        return step_length.warm_up_s(self.targets, self.loaded.scenario.warm_up)

    @property
    def guessed_s(self) -> float:
        """How long it may take when the answer is some doublings above the start."""
        steps = _DOUBLINGS_GUESSED + 1 + steps_between(self.bounds.precision) + _CONFIRMATIONS
        return steps * (self.warm_up_s + self.usual_s(self.bounds.start_per_s))

    def usual_s(self, rate_per_s: float) -> float:
        """Return how long a step of this rate measures."""
        return self.step_s or step_length.usual_s(self.targets, self.mix, rate_per_s)

    def offer(self, wanted: Next) -> Offer:
        """Return what is to be offered."""
        return Offer(
            wanted.rate_per_s,
            wanted.purpose,
            {name: share * wanted.rate_per_s for name, share in self.mix.items()},
            self._seconds(wanted),
        )

    def _seconds(self, wanted: Next) -> float:
        seconds = wanted.stretch * self.usual_s(wanted.rate_per_s)
        if wanted.purpose is Purpose.LONGER:  # a step_s that is too short must not stay so
            seconds = max(seconds, step_length.usual_s(self.targets, self.mix, wanted.rate_per_s))
        return min(seconds, step_length.LONGEST_S)

    def scenario(self, offer: Offer, number: int) -> Scenario:
        """Return the scenario that is step `number`; each has arrivals of its own."""
        whole_s = self.warm_up_s + offer.seconds
        given = self.loaded.scenario
        return scaled.scaled(given, offer.per_class, whole_s).model_copy(
            update={
                "warm_up": self.warm_up_s,
                "seed": given.seed + number,
                # A step is over when its last reply is in: the next one finds no queue.
                "reply_grace": max(given.reply_grace, _LEAST_GRACE_S, _GRACE_STEPS * whole_s),
            }
        )

    def probe(self) -> Scenario:
        """Return a few requests of each class: who answers them has answered what was before them."""
        few = scaled.scaled(self.loaded.scenario, dict.fromkeys(self.per_class, _PROBE_PER_S), 1.0)
        return few.model_copy(update={"warm_up": 0.0, "reply_grace": _LEAST_GRACE_S})

    def targets_of(self, offer: Offer) -> list[Target]:
        """Return all that must hold in a step; the first are the search's own."""
        return stability.with_stability(self.targets, offer.per_class)


def search_spec(
    loaded: Loaded,
    targets: list[Target],
    *,
    start_per_s: float | None,
    precision: float,
    step_s: float | None,
) -> SearchSpec:
    """Return the search that is wanted; by default it starts with the scenario's own rate.

    Raises BadScenario.
    """
    stability.check(targets)
    per_class = scaled.rates(loaded.scenario)
    if not 0 < precision < 1:
        raise BadScenario("--precision: a share above 0%, such as 5%")
    least_per_s = step_length.least_per_s(targets, scaled.mix(per_class))
    start = start_per_s or math.fsum(per_class.values())
    bounds = SearchBounds(max(start, least_per_s), precision, least_per_s, _MOST_PER_S)
    return SearchSpec(loaded, targets, per_class, bounds, step_s)
