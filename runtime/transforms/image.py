"""A picture becomes a row of pixels, as the model was trained to see them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from config.transform_tables import ImageTransform
from runtime.errors import ModelRefused
from runtime.signature import Signature, TensorSpec
from runtime.transform import ModelFacts
from runtime.transforms.answers import answers_of, reply_of
from runtime.transforms.picture import read_picture
from runtime.transforms.row_shape import as_made

_REALS = frozenset({"FP32", "FP16", "FP64"})
_RAW = "UINT8"
_NORMALISATION = frozenset({"scale", "mean", "std"})
_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class Images:
    """Makes one row of the picture that a request is."""

    def __init__(self, table: ImageTransform, *, base: Path, facts: ModelFacts) -> None:
        """Raises ModelRefused when the model takes or gives other things than `table` says."""
        self._table = table
        self._input = _input(table, facts.signature)
        self._resampling = _RESAMPLING[table.resample]
        self._factor = np.array(table.scale, np.float32) / np.array(table.std, np.float32)
        self._offset = np.array(table.mean, np.float32) / np.array(table.std, np.float32)
        self._answers = answers_of(table, base=base, facts=facts)

    def preprocess(
        self,
        body: bytes,
        headers: Mapping[str, bytes],  # noqa: ARG002 -- the file itself says what it is
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return the picture's pixels; raises Rejected."""
        table = self._table
        picture = read_picture(body, channels=table.channels, max_pixels=table.max_pixels)
        pixels = np.asarray(self._fitted(picture)).reshape(*table.size[::-1], table.channels)
        if table.colours == "bgr":
            pixels = pixels[..., ::-1]
        if self._input.datatype != _RAW:
            pixels = (pixels * self._factor - self._offset).astype(self._input.dtype)
        if table.channels_first:
            pixels = pixels.transpose(2, 0, 1)
        if not self._input.whole or self._input.row_shape != table.image:
            pixels = pixels[np.newaxis]
        return {self._input.name: np.ascontiguousarray(pixels)}

    def postprocess(self, outputs: Mapping[str, npt.NDArray[Any]]) -> tuple[str, bytes]:
        """Return an object as JSON."""
        return reply_of(self._answers(outputs, None), many=False)

    def _fitted(self, picture: Image.Image) -> Image.Image:
        """Return `picture` in the model's width and height."""
        size = self._table.size
        match self._table.resize:
            case "letterbox":
                return self._letterboxed(picture)
            case "crop":
                box = _middle(picture.size, size, self._table.crop_share)
                return picture.resize(size, self._resampling, box=box)
            case "stretch":
                return picture.resize(size, self._resampling)

    def _letterboxed(self, picture: Image.Image) -> Image.Image:
        sides = zip(self._table.size, picture.size, strict=True)
        ratio = min(wanted / has for wanted, has in sides)
        width, height = (max(1, round(has * ratio)) for has in picture.size)
        fill = (self._table.fill,) * self._table.channels
        framed = Image.new(picture.mode, self._table.size, fill if len(fill) > 1 else fill[0])
        place = ((framed.width - width) // 2, (framed.height - height) // 2)
        framed.paste(picture.resize((width, height), self._resampling), place)
        return framed


def _middle(
    has: tuple[int, int], wanted: tuple[int, int], share: float
) -> tuple[float, float, float, float]:
    """Return the box (left, upper, right, lower) of the middle that has the shape of `wanted`."""
    ratio = share * min(own / side for own, side in zip(has, wanted, strict=True))
    width, height = (side * ratio for side in wanted)
    left, upper = (has[0] - width) / 2, (has[1] - height) / 2
    return left, upper, left + width, upper + height


def _input(table: ImageTransform, signature: Signature) -> TensorSpec:
    """Return the model's one input; raises ModelRefused when `table` makes no row of it."""
    if len(signature.inputs) > 1:
        names = ", ".join(spec.name for spec in signature.inputs)
        raise ModelRefused(
            f"a transform with `image` makes one input, the model takes {names}",
            "write a class of your own for such a model (docs/transforms.md)",
        )
    (spec,) = as_made(signature, table).inputs
    made = {table.image, (1, *table.image)} if spec.whole else {table.image}
    if spec.row_shape not in made:
        shape = ["any" if length is None else length for length in spec.row_shape]
        raise ModelRefused(
            f"transform.image is {list(table.image)}, the model takes rows {shape}",
            "write the shape that the model takes",
        )
    if spec.datatype not in _REALS | {_RAW}:
        raise ModelRefused(
            f"the model takes {spec.datatype}, pixels are UINT8 or reals", "cast it in the model"
        )
    given = sorted(_NORMALISATION & table.model_fields_set)
    if spec.datatype == _RAW and given:
        raise ModelRefused(
            f"the model takes pixels as they are (UINT8), transform has {', '.join(given)}",
            "remove it",
        )
    return spec
