"""Makes model/: a model of which colours a picture has, their names, and two pictures to try.

It is a convolution of one pixel, written down instead of trained; a ResNet in its place has the same
settings, but for sizes and normalisation. Needs the packages onnx and pillow: Tidemill's extras `load`
and `transforms`.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

TARGET = Path(__file__).parent / "model"
COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 30, 30),
    "orange": (255, 140, 0),
    "yellow": (250, 220, 40),
    "green": (40, 150, 60),
    "blue": (40, 80, 200),
    "purple": (130, 50, 160),
    "pink": (250, 150, 190),
    "brown": (120, 70, 30),
}
SIDE = 64
_SHARPNESS = 40.0
"""A pixel whose squared distances from two colours differ by 0.115 is by 99 % of the nearer one."""


def make_model() -> onnx.ModelProto:
    """Return pixels float32 [rows, 3, 64, 64], 0 to 1 -> shares float32 [rows, colours].

    A pixel's nearest colour is that of the largest 2 pc - cc: what its distance has beside pp.
    """
    palette = np.array(list(COLOURS.values()), np.float32) / 255
    nearness = 2 * _SHARPNESS * palette[..., np.newaxis, np.newaxis]
    offset = -_SHARPNESS * (palette**2).sum(axis=1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "nearness", "offset"], ["near"]),
            helper.make_node("Softmax", ["near"], ["belongs"], axis=1),
            helper.make_node("GlobalAveragePool", ["belongs"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["shares"]),
        ],
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["rows", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["rows", len(COLOURS)])],
        [numpy_helper.from_array(nearness, "nearness"), numpy_helper.from_array(offset, "offset")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def draw_flag() -> Image.Image:
    """Return the flag of Sweden."""
    picture = Image.new("RGB", (320, 200), COLOURS["blue"])
    pencil = ImageDraw.Draw(picture)
    pencil.rectangle((100, 0, 139, 199), COLOURS["yellow"])
    pencil.rectangle((0, 80, 319, 119), COLOURS["yellow"])
    return picture


def draw_evening() -> Image.Image:
    """Return a sun above the sea."""
    picture = Image.new("RGB", (400, 300), COLOURS["orange"])
    pencil = ImageDraw.Draw(picture)
    pencil.ellipse((150, 80, 270, 200), COLOURS["yellow"])
    pencil.rectangle((0, 180, 399, 299), COLOURS["purple"])
    return picture


def main() -> None:
    """Write the model, its labels and the pictures."""
    TARGET.mkdir(exist_ok=True)
    onnx.save_model(make_model(), TARGET / "model.onnx")
    (TARGET / "labels.txt").write_text("\n".join(COLOURS) + "\n", encoding="utf-8")
    draw_flag().save(TARGET / "flag.png")
    draw_evening().save(TARGET / "evening.jpg", quality=90)
    print(f"The model is in {TARGET}")


if __name__ == "__main__":
    main()
