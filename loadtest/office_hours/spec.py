"""What the command line asks for, read and checked before anything starts."""

from pathlib import Path
from typing import NamedTuple

from loadtest.office_hours.computed import hours
from loadtest.office_hours.computed.by_clock import ticks_s
from loadtest.office_hours.computed.compression import DayPart, part
from loadtest.office_hours.computed.hours import BadHours, Hours
from loadtest.scenario.load import SHIPPED, BadScenario
from loadtest.scenario.quantities import duration

SEED = 1
"""Of when requests come within their hours."""
_MOST_REPLAYED = 20_000


class OfficeHoursOptions(NamedTuple):
    """See `tidemill-load office-hours --help`."""

    requests: Path | None = None
    linger_day: str = "15min"
    linger_night: str = "1h"
    run_time: str = "500ms"
    start_time: str = ""
    boot: str = "1min"
    json: Path | None = None
    replay: bool = False
    replay_hours: str = "10-12"
    replay_for: str = "20min"


class Replays(NamedTuple):
    """Some hours by the clock, for `at_most_s` if starts leave room for it, and the whole day by load."""

    by_clock: DayPart
    at_most_s: float


class Spec(NamedTuple):
    """A day, where it is from, and how it is computed and replayed; see --help."""

    hours: Hours
    source: str
    lingers_s: tuple[float, float]
    run_s: float
    start_s: float | None
    boot_s: float
    replays: Replays | None


def read(options: OfficeHoursOptions) -> Spec:
    """Return what the command line asks for; raises BadScenario."""
    path = options.requests or SHIPPED / "office-hours" / "hours.csv"
    try:
        day = hours.read(path)
    except BadHours as error:
        raise BadScenario(str(error)) from error
    run_s, boot_s = _duration("--run-time", options.run_time), _duration("--boot", options.boot)
    spec = Spec(
        day,
        path.name if options.requests else "made up: no office's in particular",
        _lingers_s(options),
        run_s,
        _duration("--start-time", options.start_time) if options.start_time else None,
        boot_s,
        _replays(options, day, run_s) if options.replay else None,
    )
    if options.json is not None and not options.json.parent.is_dir():
        raise BadScenario(f"{options.json} cannot be written: there is no such folder")
    return spec


def _lingers_s(options: OfficeHoursOptions) -> tuple[float, float]:
    by_day_s = _duration("--linger-day", options.linger_day)
    at_night_s = _duration("--linger-night", options.linger_night)
    try:
        ticks_s(by_day_s, at_night_s)
    except ValueError as error:
        raise BadScenario(f"--linger-day or --linger-night: {error}") from error
    return by_day_s, at_night_s


def _replays(options: OfficeHoursOptions, day: Hours, run_s: float) -> Replays:
    """Return what is to be replayed of a day; raises BadScenario when it cannot be."""
    if sum(day) > _MOST_REPLAYED:
        raise BadScenario(f"--replay: a day of more than {_MOST_REPLAYED:,} requests is too fast")
    try:
        by_clock = part(options.replay_hours, _lingers_s(options)[0])
    except ValueError as error:
        raise BadScenario(f"--replay-hours: {error}") from error
    documents = len(by_clock.times_s(hours.times_s(day, SEED)))
    if not documents:
        raise BadScenario(f"--replay-hours: no request comes in {by_clock.hours}")
    if documents * run_s > by_clock.to_s - by_clock.from_s:
        raise BadScenario(
            f"--run-time: from {by_clock.hours} {documents:,} documents are more than a worker answers"
        )
    return Replays(by_clock, _duration("--replay-for", options.replay_for))


def _duration(option: str, written: str) -> float:
    try:
        return duration(written)
    except ValueError as error:
        raise BadScenario(f"{option}: {error}") from error
