"""Which transform a model's settings ask for: a class of the user's, or a ready-made one."""

from importlib.metadata import version
from pathlib import Path

from config.transform_tables import ReadyMade, TextTransform
from runtime.errors import ModelRefused
from runtime.transform import ModelFacts, Transform, load_transform

_PACKAGES = {"tokenizers": "tokenizers", "PIL": "pillow"}
"""What the extra brings, by what is imported."""


def chosen_transform(chosen: str | ReadyMade, *, base: Path, facts: ModelFacts) -> Transform:
    """Return the transform that the setting `transform` names; its files count from `base`.

    Raises:
        ModelRefused: it cannot be loaded, does not fit the model, or its packages are missing.
    """
    if isinstance(chosen, str):
        return load_transform(chosen, base=base, facts=facts)
    try:
        return _ready_made(chosen, base, facts)
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(error.name or "")
        if package is None:
            raise
        wheel = f"tidemill-{version('tidemill')}-py3-none-any.whl"
        raise ModelRefused(
            f"this transform needs the package {package}, which is not installed",
            "it comes with the extra `transforms`: pip install '.[transforms]' in a checkout, or"
            f" '{wheel}[transforms]'",
        ) from error


def _ready_made(table: ReadyMade, base: Path, facts: ModelFacts) -> Transform:
    # Whoever has no such transform neither needs their packages nor waits for them.
    if isinstance(table, TextTransform):
        from runtime.transforms.text import Texts

        return Texts(table, base=base, facts=facts)
    from runtime.transforms.image import Images

    return Images(table, base=base, facts=facts)
