"""Makes model/: a detector of ink, a reader of digits, and a note to read.

Both models are written down instead of trained; a detector of text and a recogniser in their place have
the same settings. Needs the package onnx: Tidemill's extra `load`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

TARGET = Path(__file__).parent / "model"
HEIGHT, WIDTH = 32, 256
"""Pixels of a note."""
ROWS, COLUMNS = 14, 10
"""Pixels of a digit as the reader takes it."""
DIGITS = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00110 01000 10000 11111",
    "01110 10001 00001 00110 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
SCALE = 3
"""Pixels of a note for one of a digit's own seven times five."""
_SHARPNESS = 30.0


def digit(number: int) -> npt.NDArray[np.float32]:
    """Return the ink of a digit, 0 or 1, without white columns at its sides."""
    ink = np.array([[*map(float, row)] for row in DIGITS[number].split()], np.float32)
    used = np.flatnonzero(ink.any(axis=0))
    return ink[:, used[0] : used[-1] + 1]


def draw(number: str) -> npt.NDArray[np.uint8]:
    """Return a note with the digits of `number`, black on white, none quite at the height of another."""
    note = np.full((HEIGHT, WIDTH), 255, np.uint8)
    left = 2 * SCALE
    for place, each in enumerate(number):
        ink = np.kron(digit(int(each)), np.ones((SCALE, SCALE))) > 0
        top = 2 + place % 4
        note[top : top + ink.shape[0], left : left + ink.shape[1]][ink] = 0
        left += ink.shape[1] + 2 * SCALE
    return note


def as_pgm(note: npt.NDArray[np.uint8]) -> bytes:
    """Return `note` as a file in Netpbm's grey format."""
    return b"P5 %d %d 255\n" % (WIDTH, HEIGHT) + note.tobytes()


def make_detector() -> onnx.ModelProto:
    """Return darkness float32 [n, HEIGHT, WIDTH], 0 to 1 -> ink float32 [n, WIDTH], by column."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMax", ["darkness", "vertical"], ["ink"], keepdims=0)],
        "detector",
        [helper.make_tensor_value_info("darkness", TensorProto.FLOAT, ["n", HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("ink", TensorProto.FLOAT, ["n", WIDTH])],
        [numpy_helper.from_array(np.array([1], np.int64), "vertical")],
    )
    return _model(graph)


def make_reader() -> onnx.ModelProto:
    """Return glyphs float32 [n, ROWS * COLUMNS] -> scores float32 [n, 10], of digits.

    What it has learned is how each looks; its metadata names them, as a recogniser's does its alphabet.
    """
    looks = []
    for number in range(len(DIGITS)):
        ink = digit(number)
        rows = np.arange(ROWS) * ink.shape[0] // ROWS
        columns = np.arange(COLUMNS) * ink.shape[1] // COLUMNS
        look = ink[np.ix_(rows, columns)].ravel()
        looks.append(look / np.linalg.norm(look))
    graph = helper.make_graph(
        [
            helper.make_node("LpNormalization", ["glyphs"], ["unit"], axis=1, p=2),
            helper.make_node("MatMul", ["unit", "looks"], ["alike"]),
            helper.make_node("Softmax", ["alike"], ["scores"], axis=1),
        ],
        "reader",
        [helper.make_tensor_value_info("glyphs", TensorProto.FLOAT, ["n", ROWS * COLUMNS])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", len(DIGITS)])],
        [numpy_helper.from_array(_SHARPNESS * np.array(looks, np.float32).T, "looks")],
    )
    model = _model(graph)
    helper.set_model_props(model, {"character": "0123456789"})
    return model


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def main() -> None:
    """Write both models and a note."""
    TARGET.mkdir(exist_ok=True)
    onnx.save_model(make_detector(), TARGET / "detector.onnx")
    onnx.save_model(make_reader(), TARGET / "reader.onnx")
    (TARGET / "note.pgm").write_bytes(as_pgm(draw("31415926")))
    print(f"The models are in {TARGET}")


if __name__ == "__main__":
    main()
