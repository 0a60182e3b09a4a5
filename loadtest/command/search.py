"""The command `search`: the highest rate that still meets the targets."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from loadtest.deployment.embedded import Stage
from loadtest.deployment.reach import Reach, deployment
from loadtest.plan.plan import plan
from loadtest.scenario.load import BadScenario, Loaded, load
from loadtest.scenario.model import Scenario
from loadtest.scenario.quantities import duration, rate, share
from loadtest.search import history
from loadtest.search.rate_trial import RateTrial
from loadtest.search.search import Came, Limits, SearchAnswer, search
from loadtest.search.spec import SearchSpec, search_spec
from loadtest.search.terminal import SearchPrinter, show_answer, show_plan
from loadtest.trial.guard import guarded
from loadtest.trial.preparation import check, targets_of
from loadtest.trial.trial import offer
from loadtest.verdict.targets import Target


class SearchOptions(NamedTuple):
    """See `tidemill-load search --help`."""

    scenario: str
    targets: tuple[str, ...] = ()
    reach: Reach = Reach()
    start: str = ""
    precision: str = "5%"
    step: str = ""
    at_most: str = "30min"
    json: Path | None = None
    history: Path | None = None


def find(options: SearchOptions) -> int:
    """Search and return the exit code."""
    return guarded(lambda console: _prepared(options, console))


def _prepared(options: SearchOptions, console: Console) -> int:
    loaded = load(options.scenario)
    targets = targets_of(loaded.scenario, options.targets, options.reach)
    check(loaded.scenario, options.reach, (options.json, options.history))
    wanted, at_most_s = _wanted(options, loaded, targets)
    steps = history.read(options.history, history.asked(wanted)) if options.history else []
    show_plan(console, wanted, at_most_s, len(steps))
    with deployment(loaded.scenario, options.reach, console) as stage:
        limits = Limits(time.monotonic, time.monotonic() + at_most_s)
        real = _Real(stage, console)
        answer = search(
            wanted, steps, real, SearchPrinter(console), limits, _Keeper(wanted, options.history)
        )
    show_answer(console, wanted, answer)
    if options.json is not None:
        history.keep(options.json, history.document(wanted, steps, answer))
    return answer.exit


def _wanted(
    options: SearchOptions, loaded: Loaded, targets: list[Target]
) -> tuple[SearchSpec, float]:
    """Return what is searched, and for how many seconds at most; raises BadScenario."""
    try:
        start_per_s = rate(options.start).per_s(None) if options.start else None
        precision, at_most_s = share(options.precision), duration(options.at_most)
        step_s = duration(options.step) if options.step else None
    except ValueError as error:
        raise BadScenario(f"--from, --precision, --step or --at-most: {error}") from error
    found = search_spec(
        loaded, targets, start_per_s=start_per_s, precision=precision, step_s=step_s
    )
    return found, at_most_s


class _Real:
    """A deployment that is reached through Kafka."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console

    def offer(self, scenario: Scenario, targets: Sequence[Target]) -> Came:
        trial = offer(plan(scenario), scenario, targets, self._stage, self._console)
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(trial.began_s))
        return Came(trial.findings, trial.verdict, began, trial.took_s)


class _Keeper:
    """Writes the history after each step, where it is wanted."""

    def __init__(self, wanted: SearchSpec, path: Path | None) -> None:
        self._wanted = wanted
        self._path = path

    def __call__(self, steps: Sequence[RateTrial], answer: SearchAnswer | None) -> None:
        if self._path is not None:
            history.keep(self._path, history.document(self._wanted, steps, answer))
