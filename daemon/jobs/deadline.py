"""By when a job is wanted: a time of day, a moment or a while, as people type it. Pure."""

from datetime import MAXYEAR, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.units import parse_duration
from daemon.values.errors import Exit, Fatal


def deadline_of(by: str, zone: str, *, now: datetime) -> datetime:
    """Return the moment that `by` names, with the zone's offset from UTC.

    A time of day (08:00) is the next one after `now`; a moment is in ISO 8601; a while is like 2h. Without
    `zone` times are the host's. Raises Fatal for what is none of these, or over.
    """
    within = _zone(zone)
    moment = _after_a_while(by, now) or _time_of_day(by, within, now) or _moment(by, within)
    if moment is None:
        raise Fatal(
            Exit.USAGE,
            f"--by {by!r} is no time of day, such as 08:00, no moment, such as 2030-01-31T08:00, and no"
            " while, such as 2h",
        )
    if moment.year == MAXYEAR:  # which in UTC may be one that no date has
        raise Fatal(Exit.USAGE, f"--by {by}: there is no time of that year")
    moment = moment.astimezone(within)
    if moment <= now:
        raise Fatal(Exit.USAGE, f"--by {by}: {moment.isoformat(timespec='minutes')} is over")
    return moment


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Fatal(Exit.USAGE, f"--zone {name!r} is no time zone, such as Europe/Berlin") from None


def _after_a_while(by: str, now: datetime) -> datetime | None:
    try:
        return now + timedelta(seconds=parse_duration(by))
    except ValueError:
        return None


def _time_of_day(by: str, zone: tzinfo | None, now: datetime) -> datetime | None:
    try:
        at = time.fromisoformat(by)
    except ValueError:
        return None
    today = now.astimezone(zone).date()
    moment = datetime.combine(today, at, at.tzinfo or zone).astimezone(zone)
    if moment <= now:
        tomorrow = today + timedelta(days=1)
        moment = datetime.combine(tomorrow, at, at.tzinfo or zone).astimezone(zone)
    return moment


def _moment(by: str, zone: tzinfo | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(by)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
