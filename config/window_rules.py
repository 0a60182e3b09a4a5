"""What must hold between settings that concern lanes which open by the clock.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

from collections.abc import Iterator

from config.settings import Lane, Settings

_USUAL_MISSED = Lane.model_fields["missed"].default


def moments_have_a_zone(settings: Settings) -> Iterator[str]:
    """A container's own zone is nobody's, and changes with its image."""
    for name, lane in settings.lanes.items():
        if lane.open and lane.zone is None:
            yield (
                f"lanes.{name}.open names times without lanes.{name}.zone: they would come at other"
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
            if not lane.open:
                yield (
                    f"lanes.{name}.{setting} is set without lanes.{name}.open: the lane is always"
                    f" open, and {setting} would mean nothing; set open, or remove {setting}"
                )


RULES = (
    moments_have_a_zone,
    windows_are_opened,
)
