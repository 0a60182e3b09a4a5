"""The command `office-hours`: a day measured, computed and, if wanted, replayed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.demo.stage import DemoFailed, fetch_model
from loadtest.kafka import topics
from loadtest.kafka.broker import Broker
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.office_hours import document, terminal
from loadtest.office_hours.computed import hours
from loadtest.office_hours.computed.by_clock import ticks_s
from loadtest.office_hours.computed.comparison import Comparison, compare, constant
from loadtest.office_hours.computed.hours import BadHours, Hours
from loadtest.office_hours.documents import REPLY_TOPICS, TOPICS
from loadtest.office_hours.measuring import MeasuredCosts, measure
from loadtest.office_hours.replay import FACTOR, Replayed, replay
from loadtest.processes.worker import WorkerFailed
from loadtest.report import words
from loadtest.scenario.load import SHIPPED, BadScenario
from loadtest.scenario.quantities import duration
from loadtest.scenario.rates import Times
from loadtest.trial.guard import guarded
from loadtest.tune.fit import SizesMissing
from loadtest.verdict.exits import Exit

_SEED = 1
_MOST_TURN_ROWS = 1000
_MOST_REPLAYED = 20_000


class OfficeHoursOptions(NamedTuple):
    """See `tidemill-load office-hours --help`."""

    requests: Path | None = None
    linger_day: str = "15min"
    linger_night: str = "1h"
    run_time: str = "5s"
    start_time: str = ""
    boot: str = "1min"
    json: Path | None = None
    replay: bool = False


class _Asked(NamedTuple):
    hours: Hours
    source: str
    lingers_s: tuple[float, float]
    run_s: float
    start_s: float | None
    boot_s: float


def office_hours(options: OfficeHoursOptions) -> int:
    """Measure, compute and show a day; return the exit code."""
    return guarded(lambda console: _proved(options, console))


def _proved(options: OfficeHoursOptions, console: Console) -> int:
    try:
        return _told(options, console)
    except SizesMissing as error:
        console.print(f"tidemill-load: nothing is computed: {error}", markup=False, style="yellow")
        return Exit.INVALID


def _told(options: OfficeHoursOptions, console: Console) -> int:
    asked = _asked(options)
    terminal.show_hours(console, asked.hours, asked.source)
    times_s = hours.times_s(asked.hours, _SEED)
    with _kafka() as bootstrap:
        measured = _measured(asked, bootstrap, console)
        terminal.show_measured(console, measured)
        comparisons = _computed(asked, times_s, measured)
        for comparison in comparisons:
            terminal.show_comparison(console, comparison)
        terminal.show_terms(console, asked.boot_s)
        replayed = (
            _replayed(asked, times_s, measured, bootstrap, console) if options.replay else None
        )
    if replayed is not None:
        terminal.show_replay(console, replayed)
    else:
        console.print("\nA live day, a minute and a half long, beside it: --replay.", style="dim")
    if options.json is not None:
        told = document.document(asked.hours, asked.boot_s, measured, comparisons, replayed)
        document.write(options.json, told)
    is_whole = replayed is None or not (replayed.account.lost or replayed.account.errors)
    return Exit.PASS if is_whole else Exit.MISSED


def _asked(options: OfficeHoursOptions) -> _Asked:
    """Return what the command line asks for; raises BadScenario."""
    path = options.requests or SHIPPED / "office-hours" / "hours.csv"
    try:
        day = hours.read(path)
        lingers_s = duration(options.linger_day), duration(options.linger_night)
        ticks_s(*lingers_s)
        start_s = duration(options.start_time) if options.start_time else None
        run_s, boot_s = duration(options.run_time), duration(options.boot)
    except BadHours as error:
        raise BadScenario(str(error)) from error
    except ValueError as error:
        raise BadScenario(
            f"--linger-day, --linger-night, --run-time, --start-time or --boot: {error}"
        ) from error
    if options.json is not None and not options.json.parent.is_dir():
        raise BadScenario(f"{options.json} cannot be written: there is no such folder")
    if options.replay and sum(day) > _MOST_REPLAYED:
        raise BadScenario(f"--replay: a day of more than {_MOST_REPLAYED:,} requests is too fast")
    source = path.name if options.requests else "made up: no office's in particular"
    return _Asked(day, source, lingers_s, run_s, start_s, boot_s)


@contextmanager
def _kafka() -> Iterator[str]:
    """Give a broker with the topics of the scenario; raises KafkaUnavailable, WorkerFailed."""
    try:
        fetch_model()
        with Broker() as broker:
            topics.create(broker.bootstrap, [*TOPICS, *REPLY_TOPICS])
            yield broker.bootstrap
    except DemoFailed as error:
        raise WorkerFailed(str(error)) from error
    except topics.TopicsFailed as error:
        raise KafkaUnavailable(str(error)) from error


def _measured(asked: _Asked, bootstrap: str, console: Console) -> MeasuredCosts:
    by_day_s = asked.lingers_s[0]
    waiting = max(1, round(max(asked.hours) * by_day_s / hours.HOUR_S))
    with console.status("Measuring takes about a minute ...") as status:
        return measure(
            bootstrap,
            max(min(waiting, _MOST_TURN_ROWS), 2),
            lambda what: status.update(f"Measuring takes about a minute: {what} ..."),
        )


def _computed(asked: _Asked, times_s: Times, measured: MeasuredCosts) -> list[Comparison]:
    cost = measured.cost(asked.boot_s)
    start_s = measured.start_s if asked.start_s is None else asked.start_s
    heavy = cost._replace(run_s=constant(asked.run_s), start_s=start_s)
    told = (
        f"a model assumed to take {words.seconds(asked.run_s)} a document (--run-time), to gain nothing from"
        f" batches and to start in {words.seconds(start_s)}"
    )
    return [
        compare(name, asked.hours, times_s, asked.lingers_s, each)
        for name, each in (("the measured model", cost), (told, heavy))
    ]


def _replayed(
    asked: _Asked, times_s: Times, measured: MeasuredCosts, bootstrap: str, console: Console
) -> Replayed:
    console.print(f"\nThe day is replayed in {words.seconds(hours.DAY_S / FACTOR)} ...")
    columns = (TextColumn("answered"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(times_s))
        return replay(
            bootstrap,
            times_s,
            asked.lingers_s,
            measured.cost(0.0),
            lambda answered: progress.update(task, completed=answered),
        )
