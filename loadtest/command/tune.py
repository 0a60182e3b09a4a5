"""The command `tune`: which N and T meet a target at a rate for the least work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from loadtest import extra
from loadtest.deployment.embedded import sandbox
from loadtest.deployment.reach import Reach, running, to_embed
from loadtest.report.document import Json, write
from loadtest.report.html.write import can_draw, write_page
from loadtest.scenario.load import BadScenario
from loadtest.scenario.quantities import duration, rate
from loadtest.trial.guard import guarded
from loadtest.trial.preparation import check
from loadtest.tune import spec
from loadtest.tune.deployed import Deployed
from loadtest.tune.document import document
from loadtest.tune.fit import SizesMissing
from loadtest.tune.page import page
from loadtest.tune.spec import TuneSpec
from loadtest.tune.terminal import TunePrinter, guessed_s, show_answer, show_plan
from loadtest.tune.tunable import Tunable, tunable
from loadtest.tune.tuning import tune as tuning
from loadtest.verdict.exits import Exit
from loadtest.verdict.sources import refusal
from loadtest.verdict.targets import Target, parse


class TuneOptions(NamedTuple):
    """See `tidemill-load tune --help`."""

    given: str
    rate: str
    targets: tuple[str, ...] = ()
    lane: str = ""
    bodies: Path | None = None
    most_rows: int = 256
    reach: Reach = Reach()
    at_most: str = "20min"
    json: Path | None = None
    html: Path | None = None


def tune(options: TuneOptions) -> int:
    """Tune and return the exit code."""
    return guarded(lambda console: _prepared(options, console))


def _prepared(options: TuneOptions, console: Console) -> int:
    given = tunable(options.given, options.bodies, options.lane)
    check(given.scenario, options.reach, (options.json, options.html))
    if options.html is not None and not can_draw():
        raise BadScenario(f"--html: {extra.remedy(['matplotlib'])}")
    wanted = _wanted(options, given)
    _check_time(options, wanted)
    show_plan(console, wanted, can_restart=options.reach.embedded)
    began_s = time.time()
    with _deployed(wanted, options.reach, console) as deployed:
        try:
            answer = tuning(wanted, deployed, TunePrinter(console))
        except SizesMissing as error:
            console.print(f"tidemill-load: {error}", markup=False, style="red")
            return Exit.INVALID
    show_answer(console, wanted, answer)
    if options.json is not None:
        about: dict[str, Json] = {
            "name": given.name,
            "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began_s)),
            "took_s": time.time() - began_s,
        }
        write(options.json, {**about, **document(wanted, answer)})
    if options.html is not None:
        write_page(options.html, page(given.name, wanted, answer))
    return answer.exit


def _wanted(options: TuneOptions, given: Tunable) -> TuneSpec:
    """Return what is tuned; raises BadScenario, BadTarget."""
    try:
        rate_per_s = rate(options.rate).per_s(None)
    except ValueError as error:
        raise BadScenario(f"--rate: {error}") from error
    if not rate_per_s:
        raise BadScenario("--rate: nothing can be learnt from no requests")
    targets = _targets(options, given)
    spec.check(targets, given.traffic)
    lane = given.lane.name if given.lane else ""
    found = TuneSpec(given.scenario, given.traffic, lane, targets, rate_per_s, options.most_rows)
    offered, has_metrics = (
        found.steady(1.0, 0),
        bool(options.reach.metrics) or options.reach.embedded,
    )
    for target in targets:
        if why := refusal(target, offered, has_metrics=has_metrics):
            raise BadScenario(f"target '{target.text}': {why}")
    _ = found.bounds, found.sweep_s  # what makes no sense is said now
    return found


def _targets(options: TuneOptions, given: Tunable) -> list[Target]:
    """Return those of the command line, else the scenario's that are of the class."""
    if options.targets:
        return [parse(text) for text in options.targets]
    targets = [parse(text) for text in given.scenario.targets]
    return [
        target
        for target in targets
        if {metric.traffic for metric in target.metrics} <= {"", given.traffic}
    ]


def _check_time(options: TuneOptions, wanted: TuneSpec) -> None:
    try:
        most_s = duration(options.at_most)
    except ValueError as error:
        raise BadScenario(f"--at-most: {error}") from error
    needed_s = guessed_s(wanted) if options.reach.embedded else 0.0
    if needed_s > most_s:
        raise BadScenario(
            f"it would take about {needed_s / 60:.0f} min; allow it with --at-most, or choose a "
            "target that fewer requests show"
        )


@contextmanager
def _deployed(wanted: TuneSpec, reach: Reach, console: Console) -> Iterator[Deployed]:
    if not reach.embedded:
        yield Deployed(wanted, running(wanted.scenario, reach, console), None, console)
        return
    with sandbox(to_embed(wanted.scenario, reach), console) as found:
        yield Deployed(wanted, None, found, console)
