"""What must hold between settings that concern scaling.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

from collections.abc import Iterator

from config.settings import Settings
from config.units import format_duration as text


def fewest_fit_most(settings: Settings) -> Iterator[str]:
    """Some number of workers must be allowed."""
    fewest, most = settings.scaling.min_workers, settings.scaling.max_workers
    if most is not None and fewest > most:
        yield (
            f"scaling.min_workers ({fewest}) is above scaling.max_workers ({most}): no number of"
            " workers would be right; lower the one or raise the other"
        )


def looking_fits_catching_up(settings: Settings) -> Iterator[str]:
    """A backlog is seen before the time to serve it is over."""
    interval, catch_up = settings.scaling.interval, settings.scaling.catch_up
    if interval > catch_up:
        yield (
            f"scaling.interval ({text(interval)}) is longer than scaling.catch_up"
            f" ({text(catch_up)}): a backlog would be late before it is seen; lower scaling.interval"
        )


RULES = (fewest_fit_most, looking_fits_catching_up)
