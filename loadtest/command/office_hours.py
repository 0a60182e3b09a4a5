"""The command `office-hours`: a day measured, computed and, if wanted, replayed."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from loadtest.demo.stage import DemoFailed, fetch_model
from loadtest.kafka import topics
from loadtest.kafka.broker import Broker
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.office_hours import (
    document,
    replay_by_clock,
    replay_by_load,
    terminal,
    terminal_replays,
)
from loadtest.office_hours.computed import hours
from loadtest.office_hours.computed.comparison import Comparison, compare, constant
from loadtest.office_hours.computed.compression import BUSINESS_HOURS, NoRoom, compress
from loadtest.office_hours.documents import REPLY_TOPICS, TOPICS
from loadtest.office_hours.measuring import MeasuredCosts, measure
from loadtest.office_hours.replay_by_clock import ReplayedByClock
from loadtest.office_hours.spec import SEED, OfficeHoursOptions, Replays, Spec, read
from loadtest.office_hours.supervised import Replayed
from loadtest.processes.worker import WorkerFailed
from loadtest.report import words
from loadtest.scenario.rates import Times
from loadtest.trial.guard import guarded
from loadtest.tune.fit import SizesMissing
from loadtest.verdict.exits import Exit

_MOST_TURN_ROWS = 1000


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
    spec = read(options)
    terminal.show_hours(console, spec.hours, spec.source)
    times_s = hours.times_s(spec.hours, SEED)
    with _kafka() as bootstrap:
        measured = _measured(spec, bootstrap, console)
        terminal.show_measured(console, measured)
        comparisons = _computed(spec, times_s, measured)
        for comparison in comparisons:
            terminal.show_comparison(console, comparison)
        terminal.show_terms(console, spec.boot_s)
        by_clock = by_load = None
        if spec.replays is not None:
            by_clock = _replayed_by_clock(spec.replays, spec, times_s, measured, bootstrap, console)
            by_load = _replayed_by_load(spec, times_s, measured, bootstrap, console)
    if by_load is None:
        console.print("\nHours of it before a live supervisor: --replay.", style="dim")
    if options.json is not None:
        told = document.document(spec.hours, spec.boot_s, measured, comparisons, by_load, by_clock)
        document.write(options.json, told)
    accounts = [each.account for each in (by_load, by_clock and by_clock.replayed) if each]
    if any(account.lost or account.errors for account in accounts):
        return Exit.MISSED
    return Exit.INVALID if spec.replays is not None and by_clock is None else Exit.PASS


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


def _measured(spec: Spec, bootstrap: str, console: Console) -> MeasuredCosts:
    by_day_s = spec.lingers_s[0]
    waiting = max(1, round(max(spec.hours) * by_day_s / hours.HOUR_S))
    with console.status("Measuring takes about a minute ...") as status:
        return measure(
            bootstrap,
            max(min(waiting, _MOST_TURN_ROWS), 2),
            lambda what: status.update(f"Measuring takes about a minute: {what} ..."),
        )


def _computed(spec: Spec, times_s: Times, measured: MeasuredCosts) -> list[Comparison]:
    cost = measured.cost(spec.boot_s)
    start_s = measured.start_s if spec.start_s is None else spec.start_s
    heavy = cost._replace(run_s=constant(spec.run_s), start_s=start_s)
    told = (
        f"a model assumed to take {words.seconds(spec.run_s)} a document (--run-time), to gain nothing from"
        f" batches and to start in {words.seconds(start_s)}"
    )
    return [
        compare(name, spec.hours, times_s, spec.lingers_s, each)
        for name, each in (("the measured model", cost), (told, heavy))
    ]


def _replayed_by_clock(
    replays: Replays,
    spec: Spec,
    times_s: Times,
    measured: MeasuredCosts,
    bootstrap: str,
    console: Console,
) -> ReplayedByClock | None:
    cost = measured.supervised
    file_s = cost.run_s(cost.max_rows) / cost.max_rows
    try:
        compression = compress(
            replays.by_clock,
            start_s=measured.start_s,
            at_most_s=replays.at_most_s,
            document_s=spec.run_s,
            file_s=file_s,
        )
    except NoRoom as error:
        console.print(f"\nNothing is replayed by the clock: {error}.", style="yellow")
        return None
    terminal_replays.show_compression(console, compression, file_s)
    requests = len(compression.times_s(times_s))
    with terminal_replays.answers_by_opening(console, compression, requests) as told:
        found = replay_by_clock.replay(bootstrap, times_s, compression, cost, told)
    documents = len(BUSINESS_HOURS.times_s(times_s))
    terminal_replays.show_by_clock(console, found, documents)
    return found


def _replayed_by_load(
    spec: Spec, times_s: Times, measured: MeasuredCosts, bootstrap: str, console: Console
) -> Replayed:
    took_s = hours.DAY_S / replay_by_load.FACTOR
    console.print(f"\nThe day is replayed by load in {words.seconds(took_s)} ...")
    with terminal_replays.answers(console, len(times_s)) as told:
        found = replay_by_load.replay(bootstrap, times_s, spec.lingers_s, measured.supervised, told)
    terminal_replays.show_by_load(console, found)
    return found
