"""What must hold between settings that concern lanes which open by the clock.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

from collections.abc import Iterator

from config.settings import Lane, Settings

_USUAL_MISSED = Lane.model_fields["missed"].default
_USUAL_MARGIN_S = Lane.model_fields["ready_margin"].default


def moments_have_a_zone(settings: Settings) -> Iterator[str]:
    """A container's own zone is nobody's, and changes with its image."""
    for name, lane in settings.lanes.items():
        if lane.by_clock and lane.zone is None:
            setting = "open" if lane.open else "ready_by"
            yield (
                f"lanes.{name}.{setting} names times without lanes.{name}.zone: they would come at other"
                ' hours on another host; set zone, such as "Europe/Berlin" or "UTC"'
            )


def windows_are_opened(settings: Settings) -> Iterator[str]:
    """A lane without moments is always open."""
    for name, lane in settings.lanes.items():
        given = {
            "zone": lane.zone is not None,
            "early": lane.early is not None,
            "missed": lane.missed != _USUAL_MISSED,
            "at_most": lane.at_most is not None,
        }
        for setting in [setting for setting, is_given in given.items() if is_given]:
            if not lane.by_clock:
                yield (
                    f"lanes.{name}.{setting} is set without lanes.{name}.open or ready_by: the lane is"
                    f" always open, and {setting} would mean nothing; set one of them, or remove {setting}"
                )


def margins_have_a_time(settings: Settings) -> Iterator[str]:
    """Only what is to be ready by a time can be ready before it."""
    for name, lane in settings.lanes.items():
        if lane.ready_margin != _USUAL_MARGIN_S and not lane.ready_by:
            yield (
                f"lanes.{name}.ready_margin is set without lanes.{name}.ready_by, and would mean nothing;"
                " set ready_by, or remove ready_margin"
            )


def nothing_that_is_to_be_ready_is_skipped(settings: Settings) -> Iterator[str]:
    """What a worker leaves of an opening would wait for the next one, and so be late."""
    for name, lane in settings.lanes.items():
        if lane.ready_by and lane.missed == "skip":
            yield (
                f'lanes.{name}.missed is "skip" with lanes.{name}.ready_by: what a worker leaves when it'
                " ends would wait for the next opening, and not be ready; remove one of them"
            )


RULES = (
    moments_have_a_zone,
    windows_are_opened,
    margins_have_a_time,
    nothing_that_is_to_be_ready_is_skipped,
)
