"""A scenario at another rate: all classes by one factor, their mix as it was. Pure."""

from collections.abc import Mapping

from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Scenario, Traffic
from loadtest.scenario.quantities import Rate


def rates(scenario: Scenario) -> dict[str, float]:
    """Return the rate of each class, requests a second; raises BadScenario for other shapes."""
    found = {}
    for name, traffic in scenario.classes.items():
        if traffic.rate is None or traffic.rate.of_capacity or not traffic.rate.value:
            raise BadScenario(
                f"classes.{name}: a search takes steady rates in requests a second, such as 200/s"
            )
        found[name] = traffic.rate.value
    return found


def mix(per_class: Mapping[str, float]) -> dict[str, float]:
    """Return the share that each class has in all requests."""
    whole = sum(per_class.values())
    return {name: rate / whole for name, rate in per_class.items()}


def scaled(scenario: Scenario, per_class: Mapping[str, float], seconds: float) -> Scenario:
    """Return the scenario with these rates; all its classes begin together, for so long."""

    def at(traffic: Traffic, per_s: float) -> Traffic:
        return traffic.model_copy(update={"rate": Rate(per_s), "start": 0.0, "duration": seconds})

    classes = {name: at(scenario.classes[name], per_s) for name, per_s in per_class.items()}
    return scenario.model_copy(update={"classes": classes, "capacity": None})
