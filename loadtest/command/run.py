"""The command `run`: a scenario is offered, measured, judged and reported."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError
from rich.console import Console

from loadtest.command.embedded import Stage, embedded
from loadtest.command.measure import Interrupted, Measured, measure, measure_capacity
from loadtest.command.options import Options
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.plan.plan import Plan, only_capacity, plan
from loadtest.report import document, junit, raw, text, words
from loadtest.scenario.load import BadScenario, Loaded, load
from loadtest.scenario.model import Scenario
from loadtest.scenario.quantities import rate
from loadtest.traffic import login
from loadtest.traffic.receiver import TopicsMissing
from loadtest.traffic.scrape import MetricsMissing, Scraper
from loadtest.verdict.findings import Findings, findings
from loadtest.verdict.judge import judge
from loadtest.verdict.targets import BadTarget, Target, parse
from loadtest.verdict.validity import doubts
from loadtest.verdict.verdict import Exit, Verdict, pronounce
from loadtest.worker import WorkerFailed

_LOG_WIDTH = 130
_USAGE = (BadScenario, BadTarget)
_INFRASTRUCTURE = (KafkaError, KafkaUnavailable, MetricsMissing, TopicsMissing, WorkerFailed)


def run(options: Options) -> int:
    """Run a scenario and return the exit code."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    try:
        loaded = load(options.scenario)
        targets = _targets(loaded.scenario, options)
        _check(options, loaded.scenario)
        ahead = _ahead(loaded.scenario)
        with _stage(loaded.scenario, options, console) as stage:
            return _run(loaded, ahead, targets, options, stage, console)
    except _USAGE as error:
        console.print(f"tidemill-load: {error}", markup=False, style="red")
        return Exit.USAGE
    except _INFRASTRUCTURE as error:
        console.print(f"tidemill-load: {_named(error)}", markup=False, style="red")
        return Exit.INFRASTRUCTURE
    except (Interrupted, KeyboardInterrupt):
        return Exit.INTERRUPTED


def _targets(scenario: Scenario, options: Options) -> list[Target]:
    """Return the scenario's targets and the command line's; raises BadTarget, BadScenario."""
    targets = [parse(each) for each in (*scenario.targets, *options.targets)]
    if not targets:
        raise BadScenario("there is no target: without one nothing is proved (see --target)")
    for target in targets:
        unknown = {metric.traffic for metric in target.metrics} - {"", *scenario.classes}
        if unknown:
            raise BadTarget(f"target '{target.text}': there is no class {', '.join(unknown)}")
        if target.needs_daemon and not (options.metrics or options.embedded):
            raise BadTarget(f"target '{target.text}': needs --metrics URL")
    return targets


def _check(options: Options, scenario: Scenario) -> None:
    """Raise BadScenario now for what would only be seen at the end of a long run."""
    login.options(options.bootstrap, scenario.login)
    if options.metrics:
        try:
            Scraper(options.metrics)
        except ValueError as error:
            raise BadScenario(f"--metrics: {error}") from error
    for path in filter(None, (options.json, options.junit, options.raw)):
        if not path.parent.is_dir():
            raise BadScenario(f"{path} cannot be written: there is no folder {path.parent}")


def _ahead(scenario: Scenario) -> Plan | None:
    """Return the plan if it depends on nothing that must be measured; raises BadScenario."""
    return plan(scenario) if only_capacity(scenario) is None else None


@contextmanager
def _stage(scenario: Scenario, options: Options, console: Console) -> Iterator[Stage]:
    if not options.embedded:
        yield Stage(options.bootstrap or scenario.bootstrap_servers, options.metrics)
        return
    if options.bootstrap or options.metrics:
        raise BadScenario("--embedded brings its own broker and daemon")
    if scenario.embedded is None:
        raise BadScenario("the scenario has no section [embedded]")
    if scenario.login is not None:
        raise BadScenario("--embedded knows no login")
    with embedded(scenario.embedded, console) as stage:
        yield stage


def _run(
    loaded: Loaded,
    ahead: Plan | None,
    targets: list[Target],
    options: Options,
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
    measured = measure(made, scenario, stage, console)
    found = findings(made, measured.seen, measured.looks, scenario.warm_up)
    verdict = pronounce(
        [judge(target, found) for target in targets],
        doubts(made, found, scenario.most_late),
        is_interrupted=found.is_interrupted,
    )
    text.show(console, found, verdict)
    about: dict[str, document.Json] = {
        "scenario": loaded.name,
        "description": scenario.description,
        "digest": made.digest,
        "seed": scenario.seed,
        "capacity_per_s": capacity_per_s,
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began_s)),
        "took_s": time.time() - began_s,
    }
    _write(options, about, made, measured, found, verdict)
    return verdict.exit


def _capacity(scenario: Scenario, options: Options, stage: Stage, console: Console) -> float | None:
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


def _write(
    options: Options,
    about: dict[str, document.Json],
    made: Plan,
    measured: Measured,
    found: Findings,
    verdict: Verdict,
) -> None:
    name, took_s = str(about["scenario"]), float(str(about["took_s"]))
    if options.json is not None:
        document.write(options.json, document.document(about, found, verdict))
    if options.junit is not None:
        junit.write(options.junit, name, verdict, took_s)
    if options.raw is not None:
        raw.write(options.raw, made, measured.seen)


def _named(error: BaseException) -> str:
    """Return an error's message, its class before it where that is all that Kafka's say."""
    return repr(error) if isinstance(error, KafkaError) else str(error)
