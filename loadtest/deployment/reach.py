"""How a deployment is reached: what the command line says, the scenario where it says nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console

from loadtest.deployment.embedded import Stage, embedded
from loadtest.kafka.address import address
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Embedded, Scenario


class Reach(NamedTuple):
    """Which deployment the command line means; empty: the scenario's."""

    bootstrap: str = ""
    metrics: str = ""
    embedded: bool = False


@contextmanager
def deployment(scenario: Scenario, reach: Reach, console: Console) -> Iterator[Stage]:
    """Give the deployment; start and end one of the scenario's own when it is to be embedded.

    Raises BadScenario, KafkaUnavailable, WorkerFailed.
    """
    if not reach.embedded:
        yield running(scenario, reach, console)
        return
    with embedded(to_embed(scenario, reach), console) as stage:
        yield stage


def running(scenario: Scenario, reach: Reach, console: Console) -> Stage:
    """Return where a deployment is that runs already; it is told when a variable says so."""
    found = address(scenario.bootstrap_servers, reach.bootstrap)
    if found.variable:
        console.print(f"Kafka is {found.bootstrap}, as {found.variable} says.", style="dim")
    return Stage(found.bootstrap, reach.metrics)


def to_embed(scenario: Scenario, reach: Reach) -> Embedded:
    """Return what `--embedded` is to start; raises BadScenario when it cannot be."""
    if reach.bootstrap or reach.metrics:
        raise BadScenario("--embedded brings its own broker and daemon")
    if scenario.embedded is None:
        raise BadScenario("the scenario has no section [embedded]")
    if scenario.login is not None:
        raise BadScenario("--embedded knows no login")
    return scenario.embedded
