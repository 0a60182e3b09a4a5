"""What must hold between the settings of a ready-made transform."""

from collections.abc import Iterator

from config.settings import Settings
from config.transform_tables import ImageTransform, ReadyMade


def a_reply_is_one_thing(settings: Settings) -> Iterator[str]:
    """Labels and a vector are made of the same output, and a reply has one of them."""
    for key, table in _ready_made(settings):
        if table.labels is not None and table.embedding is not None:
            yield (
                f"{key} has both labels and embedding: a reply is labels or a vector; remove one,"
                " or serve the file as two models"
            )


def normalisation_has_a_number_for_each_channel(settings: Settings) -> Iterator[str]:
    """One number counts for all channels."""
    for key, table in _ready_made(settings):
        if not isinstance(table, ImageTransform):
            continue
        for name, numbers in (("mean", table.mean), ("std", table.std)):
            if len(numbers) not in {1, table.channels}:
                yield (
                    f"{key}.{name} has {len(numbers)} numbers for {table.channels} channels; write"
                    " one, or one for each channel"
                )


def pixels_are_not_divided_by_zero(settings: Settings) -> Iterator[str]:
    """Not one would be a number then."""
    for key, table in _ready_made(settings):
        if isinstance(table, ImageTransform) and 0 in table.std:
            yield f"{key}.std has a zero, by which pixels would be divided; write 1.0 for as they are"


def _ready_made(settings: Settings) -> Iterator[tuple[str, ReadyMade]]:
    for name, model in settings.models.items():
        if not isinstance(model.transform, str):
            yield f"models.{name}.transform", model.transform


RULES = (
    a_reply_is_one_thing,
    normalisation_has_a_number_for_each_channel,
    pixels_are_not_divided_by_zero,
)
