"""What is refused before a load is offered: wrong targets, and what would fail at the end of a long run."""

from collections.abc import Sequence
from pathlib import Path

from loadtest.deployment.reach import Reach
from loadtest.deployment.scrape import Scraper
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Scenario
from loadtest.traffic import login
from loadtest.verdict.sources import refusal
from loadtest.verdict.targets import BadTarget, Target, parse


def targets_of(scenario: Scenario, further: Sequence[str], reach: Reach) -> list[Target]:
    """Return the scenario's targets and the command line's; raises BadTarget, BadScenario."""
    targets = [parse(each) for each in (*scenario.targets, *further)]
    if not targets:
        raise BadScenario("there is no target: without one nothing is proved (see --target)")
    has_metrics = bool(reach.metrics) or reach.embedded
    for target in targets:
        if why := refusal(target, scenario, has_metrics=has_metrics):
            raise BadTarget(f"target '{target.text}': {why}")
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
