"""The ready-made transforms as they are configured: a table where a class of the user's would stand.

Which keys go together is judged in config/transform_rules.py, what fits the model where it is loaded.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Strict, Tag

from config.forms import File, Text, TransformName

_Item = TypeVar("_Item")
_Numbers: TypeAlias = Annotated[tuple[_Item, ...], Strict(strict=False)]
_Number = Annotated[float, Field(allow_inf_nan=False)]

_CHANNELS = (1, 3)
# What BERT and most of its kin have positions for.
USUAL_LENGTH = 512


def _check_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    channels = {shape[0], shape[-1]} & set(_CHANNELS) if len(shape) == 3 else set()  # noqa: PLR2004 -- axes of a picture
    if not channels or min(shape) < 1:
        raise ValueError(
            "must be the shape of a row of the model, 1 or 3 channels first or last, like"
            " [3, 224, 224]"
        )
    return shape


class _ReadyMade(BaseModel):
    """What a reply is made of, whatever the request was."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    output: Text | None = Field(
        None, description="the output that the reply is made of; none: the model's first"
    )
    labels: File | None = Field(
        None,
        description="names of the classes: a text file with one a line, or JSON, also one with"
        " `id2label`; none: `names` of the model's metadata, and without them replies have numbers",
    )
    activation: Literal["softmax", "sigmoid", "none"] = Field(
        "softmax", description="what makes scores of the output; none: it has scores already"
    )
    top: int = Field(5, ge=1, description="most labels of a reply, the best first")
    threshold: _Number = Field(0.0, description="labels with a lower score are left out")
    embedding: Literal["mean", "first", "whole"] | None = Field(
        None,
        description="reply with a vector: the mean over all tokens, the first token's, or the output"
        " as it is",
    )
    normalise: bool = Field(False, description="scale that vector to length 1")


class TextTransform(_ReadyMade):
    text: File = Field(description="the tokenizer: tokenizer.json, as `tokenizers` writes it")
    max_length: int | None = Field(
        None,
        ge=1,
        description="most tokens of a text, special ones included; the rest is cut off. none: as the"
        f" model's shape or else the tokenizer says, or else {USUAL_LENGTH}",
    )
    padding: Literal["longest", "max_length"] = Field(
        "longest",
        description="how long rows are where the model leaves it free: as the longest text of the"
        " request, or always max_length",
    )
    max_texts: int = Field(64, ge=1, description="most texts of a request; each is a row")


class ImageTransform(_ReadyMade):
    image: Annotated[_Numbers[int], AfterValidator(_check_image)] = Field(
        description="a row's shape: [channels, height, width], or [height, width, channels]"
    )
    # torchvision's transforms: divided by 255, then mean and std of ImageNet.
    scale: _Number = Field(1 / 255, description="pixels, 0 to 255, are multiplied by this (1/255),")
    mean: _Numbers[_Number] = Field(
        (0.0,), description="this is subtracted, one number or one for each channel,"
    )
    std: _Numbers[_Number] = Field((1.0,), description="and this divided by")
    colours: Literal["rgb", "bgr"] = Field(
        "rgb", description="order of the channels; what was trained with OpenCV mostly has bgr"
    )
    resize: Literal["stretch", "letterbox", "crop"] = Field(
        "stretch",
        description="how a picture of another shape fits: its sides scaled apart, all of it with"
        " bars beside it, or its middle",
    )
    # YOLOv5's.
    fill: int = Field(114, ge=0, le=255, description="letterbox: the grey of the bars")
    crop_share: float = Field(
        1.0, gt=0, le=1, description="crop: share of the shorter side that is kept; 0.875 is usual"
    )
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "bilinear", description="how pixels are made of others"
    )
    # A telephone's usual 4,032 x 3,024, with some to spare: up to 200 MB while it is decoded
    # (daemon/process/memory.py). Pillow itself stops at 179 million.
    max_pixels: int = Field(
        12_500_000,
        ge=1,
        le=178_956_970,
        description="largest picture, width times height; a larger one is refused undecoded",
    )

    @property
    def channels_first(self) -> bool:
        """Whether a row is [channels, height, width]."""
        return self.image[0] in _CHANNELS

    @property
    def channels(self) -> int:
        """3 for colours, 1 for greys."""
        return self.image[0 if self.channels_first else -1]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.image[1:] if self.channels_first else self.image[:2]
        return width, height


_CLASS, _TEXT, _IMAGE = "<class>", "<text>", "<image>"
TAGS = frozenset({_CLASS, _TEXT, _IMAGE})
"""What pydantic puts into the place of an error, where nobody wrote it."""


def _kind(given: object) -> str:
    if isinstance(given, Mapping):
        return _IMAGE if "image" in given else _TEXT
    if isinstance(given, ImageTransform):
        return _IMAGE
    return _TEXT if isinstance(given, TextTransform) else _CLASS


ReadyMade: TypeAlias = TextTransform | ImageTransform


def described(chosen: str | ReadyMade) -> str:
    """Return in a few words which transform that is."""
    match chosen:
        case TextTransform():
            return f"of texts by {chosen.text}"
        case ImageTransform():
            return f"of pictures {list(chosen.image)}"
        case _:
            return chosen


Transform = Annotated[
    Annotated[TransformName, Tag(_CLASS)]
    | Annotated[TextTransform, Tag(_TEXT), Field(description="Texts become rows of tokens.")]
    | Annotated[
        ImageTransform, Tag(_IMAGE), Field(description="JPEG, PNG and WebP become rows of pixels.")
    ],
    Discriminator(_kind),
]
"""A class by its name, or a table."""
