"""What `check` says of a lane that opens by the clock: its next moments, and what they do not fit. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import islice, pairwise

from config.settings import Lane, Scaling, Settings
from config.units import format_duration as text
from daemon.commands.findings import CheckFinding
from daemon.telemetry.status.words import time as time_of
from daemon.windows.outlook import Outlook, outlook
from daemon.windows.schedule import Schedule

_TIMES = 2
"""How many of those are shown by which a lane is to be ready."""


def openings(settings: Settings, wall_s: float) -> Iterator[CheckFinding]:
    """Yield a finding for each lane that opens by the clock, as of `wall_s`."""
    for name, lane in settings.lanes.items():
        schedule = Schedule.of(lane)
        if schedule is not None:
            told = "; ".join(_told(lane, schedule, settings.scaling, wall_s))
            warning = "; ".join(_misfits(name, lane, settings, outlook(schedule, wall_s)))
            yield CheckFinding(f"lane {name}", told, warning=warning)


def _told(lane: Lane, schedule: Schedule, scaling: Scaling, wall_s: float) -> Iterator[str]:
    clocks = f"by clocks of {schedule.zone} (UTC)"
    if lane.open:
        scheduled = Schedule(lane.open, schedule.zone.key)
        moments = _shown(outlook(scheduled, wall_s).next_s, schedule.zone)
        yield f"opens next, {clocks}: {moments}"
    if schedule.ready_by is not None:
        times_s = list(islice(schedule.ready_by.following(wall_s), _TIMES))
        yield f"is to be ready, {clocks}: {_shown(times_s, schedule.zone)}"
        rate = scaling.service_rate
        known = (
            "as was measured; while nothing was (scaling.service_rate is not set), as soon as anything waits"
            if rate is None
            else f"of {rate:,g} records/s a worker (scaling.service_rate), or as was measured"
        )
        margin = text(lane.ready_margin)
        yield f"opens for it {margin} before, and earlier by what serving takes, {known}"


def _misfits(name: str, lane: Lane, settings: Settings, ahead: Outlook) -> Iterator[str]:
    if lane.timeout is not None and lane.timeout < ahead.longest_s:
        yield (
            f"lanes.{name}.timeout ({text(lane.timeout)}) is shorter than the longest pause between"
            f" two openings ({time_of(ahead.longest_s)}): requests would expire before they are read;"
            " raise timeout, or open more often"
        )
    if lane.early is not None and ahead.shortest_s <= lane.early:
        yield (
            f"lanes.{name}.early ({text(lane.early)}) is not shorter than the shortest pause between two"
            f" openings ({time_of(ahead.shortest_s)}): workers would hardly ever end; lower early, or open"
            " less often"
        )
    start_s = settings.scaling.start_time
    if ahead.shortest_s <= start_s:
        yield (
            f"the shortest pause between two openings ({time_of(ahead.shortest_s)}) is not longer than"
            f" scaling.start_time ({text(start_s)}): workers that are started for each would always be"
            " late; open less often, or keep workers running"
        )


def _shown(moments_s: Sequence[float], zone: tzinfo) -> str:
    """Return the moments as clocks show them, days where they change: Mon 30 Nov 09:00 (08:00), ..."""
    if not moments_s:
        return "never again"
    moments = [
        (datetime.fromtimestamp(each, zone), datetime.fromtimestamp(each, UTC))
        for each in moments_s
    ]
    seconds = any(there.second for there, _ in moments)
    times = "%H:%M:%S" if seconds else "%H:%M"
    first, utc = moments[0]
    told = [f"{first:%a %d %b} {first:{times}} ({utc:{times}})"]
    for (before, _), (there, utc) in pairwise(moments):
        day = "" if there.date() == before.date() else f"{there:%a %d %b} "
        told.append(f"{day}{there:{times}} ({utc:{times}})")
    return ", ".join(told)
