"""What every measuring command does before it measures, and how it ends when something fails."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka.errors import KafkaError
from rich.console import Console

from loadtest.command.embedded import Stage, embedded
from loadtest.command.measure import Interrupted
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.processes.worker import WorkerFailed
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Scenario
from loadtest.traffic import login
from loadtest.traffic.receiver import TopicsMissing
from loadtest.traffic.scrape import MetricsMissing, Scraper
from loadtest.verdict.targets import BadTarget, Target, parse
from loadtest.verdict.verdict import Exit

_LOG_WIDTH = 130
_USAGE = (BadScenario, BadTarget)
_INFRASTRUCTURE = (KafkaError, KafkaUnavailable, MetricsMissing, TopicsMissing, WorkerFailed)


class Reach(NamedTuple):
    """Which deployment the command line means; empty: the scenario's."""

    bootstrap: str = ""
    metrics: str = ""
    embedded: bool = False


def guarded(work: Callable[[Console], int]) -> int:
    """Return the exit code of `work`, or the one of what went wrong, which is printed."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    try:
        return work(console)
    except _USAGE as error:
        console.print(f"tidemill-load: {error}", markup=False, style="red")
        return Exit.USAGE
    except _INFRASTRUCTURE as error:
        console.print(f"tidemill-load: {_named(error)}", markup=False, style="red")
        return Exit.INFRASTRUCTURE
    except (Interrupted, KeyboardInterrupt):
        return Exit.INTERRUPTED


def targets_of(scenario: Scenario, further: Sequence[str], reach: Reach) -> list[Target]:
    """Return the scenario's targets and the command line's; raises BadTarget, BadScenario."""
    targets = [parse(each) for each in (*scenario.targets, *further)]
    if not targets:
        raise BadScenario("there is no target: without one nothing is proved (see --target)")
    for target in targets:
        unknown = {metric.traffic for metric in target.metrics} - {"", *scenario.classes}
        if unknown:
            raise BadTarget(f"target '{target.text}': there is no class {', '.join(unknown)}")
        if target.needs_daemon and not (reach.metrics or reach.embedded):
            raise BadTarget(f"target '{target.text}': needs --metrics URL")
    return targets


def check(scenario: Scenario, reach: Reach, written: Sequence[Path | None] = ()) -> None:
    """Raise BadScenario now for what would only be seen at the end of a long run.

    `written`: the files that will be.
    """
    login.options(reach.bootstrap, scenario.login)
    if reach.metrics:
        try:
            Scraper(reach.metrics)
        except ValueError as error:
            raise BadScenario(f"--metrics: {error}") from error
    for path in filter(None, written):
        if not path.parent.is_dir():
            raise BadScenario(f"{path} cannot be written: there is no folder {path.parent}")


@contextmanager
def deployment(scenario: Scenario, reach: Reach, console: Console) -> Iterator[Stage]:
    """Give the deployment; start and end one of the scenario's own when it is to be embedded.

    Raises BadScenario, KafkaUnavailable, WorkerFailed.
    """
    if not reach.embedded:
        yield Stage(reach.bootstrap or scenario.bootstrap_servers, reach.metrics)
        return
    if reach.bootstrap or reach.metrics:
        raise BadScenario("--embedded brings its own broker and daemon")
    if scenario.embedded is None:
        raise BadScenario("the scenario has no section [embedded]")
    if scenario.login is not None:
        raise BadScenario("--embedded knows no login")
    with embedded(scenario.embedded, console) as stage:
        yield stage


def _named(error: BaseException) -> str:
    """Return an error's message, its class before it where that is all that Kafka's say."""
    return repr(error) if isinstance(error, KafkaError) else str(error)
