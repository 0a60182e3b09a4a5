"""The command `run`: a scenario is offered, measured, judged and reported."""

import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from loadtest import extra
from loadtest.deployment.embedded import Stage
from loadtest.deployment.reach import Reach, deployment
from loadtest.plan.plan import Plan, only_capacity, plan
from loadtest.report import contents, document, junit, raw, terminal, words
from loadtest.report.html.write import can_draw, write
from loadtest.scenario.load import BadScenario, Loaded, load
from loadtest.scenario.model import Scenario
from loadtest.scenario.quantities import rate
from loadtest.traffic.receiver import TopicsMissing
from loadtest.trial.guard import guarded
from loadtest.trial.preparation import check, targets_of
from loadtest.trial.provenance import provenance
from loadtest.trial.trial import Trial, measure_capacity, offer
from loadtest.verdict.targets import Target


class RunOptions(NamedTuple):
    """See `tidemill-load run --help`."""

    scenario: str
    targets: tuple[str, ...] = ()
    reach: Reach = Reach()
    capacity: str = ""
    json: Path | None = None
    junit: Path | None = None
    raw: Path | None = None
    html: Path | None = None


def run(options: RunOptions) -> int:
    """Run a scenario and return the exit code."""
    return guarded(lambda console: _prepared(options, console))


def _prepared(options: RunOptions, console: Console) -> int:
    loaded = load(options.scenario)
    targets = targets_of(loaded.scenario, options.targets, options.reach)
    check(loaded.scenario, options.reach, (options.json, options.junit, options.raw, options.html))
    if options.html is not None and not can_draw():
        raise BadScenario(f"--html: {extra.remedy(['matplotlib'])}")
    ahead = _ahead(loaded.scenario)
    with deployment(loaded.scenario, options.reach, console) as stage:
        return _run(loaded, ahead, targets, options, stage, console)


def _ahead(scenario: Scenario) -> Plan | None:
    """Return the plan if it depends on nothing that must be measured; raises BadScenario."""
    return plan(scenario) if only_capacity(scenario) is None else None


def _run(
    loaded: Loaded,
    ahead: Plan | None,
    targets: list[Target],
    options: RunOptions,
    stage: Stage,
    console: Console,
) -> int:
    scenario = loaded.scenario
    began_s = time.time()
    capacity_per_s = _capacity(scenario, options, stage, console)
    made = ahead or plan(scenario, capacity_per_s=capacity_per_s)
    console.print(f"[bold]{loaded.name}[/]: {scenario.description}")
    console.print(
        f"{made.requests:,} requests over {words.seconds(made.end_s)}, seed {scenario.seed}, "
        f"digest {made.digest}"
    )
    trial = offer(made, scenario, targets, stage, console)
    terminal.show(console, trial.findings, trial.verdict)
    about = document.About(
        scenario=loaded.name,
        description=scenario.description,
        digest=made.digest,
        seed=scenario.seed,
        capacity_per_s=capacity_per_s,
        began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began_s)),
        took_s=time.time() - began_s,
        setting=provenance(
            loaded,
            stage,
            trial.measured.served,
            targets=options.targets,
            embedded=options.reach.embedded,
        ),
    )
    _write(options, about, trial)
    return trial.verdict.exit


def _capacity(
    scenario: Scenario, options: RunOptions, stage: Stage, console: Console
) -> float | None:
    """Return the capacity if a rate needs it: the one given, else the one measured now."""
    if scenario.capacity is None:
        return None
    if options.capacity:
        try:
            return rate(options.capacity).per_s(None)
        except ValueError as error:
            raise BadScenario(f"--capacity: {error}") from error
    measured = measure_capacity(scenario, stage, console)
    console.print(
        f"Capacity: {words.rate(measured)} with {scenario.capacity.in_flight:,} in flight; "
        f"--capacity {measured:.0f}/s offers the same load again."
    )
    if not measured:
        raise TopicsMissing("nobody answered while the capacity was measured")
    return measured


def _write(options: RunOptions, about: document.About, trial: Trial) -> None:
    told = contents.report(about, trial.findings, trial.verdict)
    if options.json is not None:
        document.write(options.json, told)
    if options.html is not None:
        write(options.html, told)
    if options.junit is not None:
        junit.write(options.junit, about.scenario, trial.verdict, about.took_s)
    if options.raw is not None:
        raw.write(options.raw, trial.plan, trial.measured.seen)
