"""What is tuned: a lane by one class of requests, at a rate, for targets. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from loadtest.scenario.arrivals import SHAPES
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Scenario
from loadtest.scenario.quantities import Rate
from loadtest.search import step_length
from loadtest.search.stability import with_stability
from loadtest.tune.model import Bound
from loadtest.verdict.metrics import PERCENTILE
from loadtest.verdict.targets import Quantity, Target

_CONFIRM_STRETCH = 3
"""The interval of what was chosen is narrower than those that it was chosen by."""
_LONGEST = 100.0
"""Per cent: the longest of all."""
_BURST_GRACE_S = 120.0
"""A guess: a burst of the slowest model is answered by then."""


class TuneSpec(NamedTuple):
    """`lane` is empty where no configuration tells its name."""

    scenario: Scenario
    traffic: str
    lane: str
    targets: list[Target]
    rate_per_s: float
    most_rows: int

    @property
    def bounds(self) -> list[Bound]:
        """The targets on latency; raises BadScenario without any."""
        found = [bound for target in self.targets if (bound := _bound(target)) is not None]
        if not found:
            raise BadScenario('tuning needs a target on latency, such as "p99 < 2s"')
        return found

    @property
    def judged(self) -> list[Target]:
        """The targets and what every run must hold: all is answered, no lag grows."""
        return with_stability(self.targets, [self.traffic])

    @property
    def warm_up_s(self) -> float:
        """How long a run is offered before it counts."""
        return step_length.warm_up_s(self.targets, self.scenario.warm_up)

    @property
    def sweep_s(self) -> float:
        """How long each run of the sweep measures."""
        mix = {self.traffic: 1.0}
        least_per_s = step_length.least_per_s(self.targets, mix)
        if self.rate_per_s < least_per_s:
            raise BadScenario(
                f"at {self.rate_per_s:g}/s a run would take longer than {step_length.LONGEST_S:.0f} s to "
                f"show that the targets are met; from {least_per_s:.3g}/s on it does not"
            )
        return step_length.usual_s(self.targets, mix, self.rate_per_s)

    @property
    def confirm_s(self) -> float:
        """How long the run measures that confirms."""
        return _CONFIRM_STRETCH * self.sweep_s

    def steady(self, seconds: float, seed: int) -> Scenario:
        """Return the load: the class alone at the rate, for so long after the warm-up."""
        return self._alone(
            {"rate": Rate(self.rate_per_s), "duration": self.warm_up_s + seconds}
        ).model_copy(update={"warm_up": self.warm_up_s, "seed": seed})

    def backlog(self, requests: int) -> Scenario:
        """Return so many requests at once, without deadlines."""
        return self._alone({"backlog": requests, "timeout": None}).model_copy(
            update={
                "warm_up": 0.0,
                "reply_grace": max(self.scenario.reply_grace, _BURST_GRACE_S),
            }
        )

    def _alone(self, changed: dict[str, object]) -> Scenario:
        blank = dict.fromkeys((*SHAPES, "duration"))
        traffic = self.scenario.classes[self.traffic].model_copy(
            update={**blank, "start": 0.0, "bad": 0.0, **changed}
        )
        return self.scenario.model_copy(
            update={"classes": {self.traffic: traffic}, "capacity": None}
        )


def check(targets: Sequence[Target], traffic: str) -> None:
    """Raise BadScenario for targets that are of other classes."""
    for target in targets:
        others = {metric.traffic for metric in target.metrics} - {"", traffic}
        if others:
            raise BadScenario(
                f"target '{target.text}': only the class {traffic} is offered, not "
                f"{', '.join(sorted(others))}"
            )


def _bound(target: Target) -> Bound | None:
    terms = [term for term in target.bound if isinstance(term, Quantity)]
    if len(terms) != len(target.bound) or target.metric.argument:
        return None
    seconds = sum(term.value for term in terms)
    if target.metric.name == PERCENTILE:
        return Bound(target.metric.percent, seconds)
    return Bound(_LONGEST, seconds) if target.metric.name == "max" else None
