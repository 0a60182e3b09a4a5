"""Two transforms: where something is written on a note, and what.

What `Detect` replies is what `Read` takes: a JSON object of boxes, and of each what is in it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runtime import Done, Prepared, Rejected, Signature

Arrays = Mapping[str, npt.NDArray[np.float32]]

ROWS, COLUMNS = 14, 10
"""Pixels of a digit as the reader takes it."""
_INK = 0.5


class Detect:
    """Notes (Netpbm's P5, one byte a pixel) -> {"boxes": [[left, top, right, bottom]], "glyphs": [[...]]}."""

    def __init__(self, signature: Signature) -> None:
        """The model says how large a note is."""
        self._height, self._width = signature.inputs[0].row_shape

    def preprocess(
        self,
        body: bytes,
        headers: Mapping[str, bytes],  # noqa: ARG002 - every transform is given them
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Return the darkness of a note, float32 [1, height, width]."""
        head = b"P5 %d %d 255\n" % (self._width, self._height)
        if not body.startswith(head) or len(body) != len(head) + self._width * self._height:
            raise Rejected("invalid_value", f"no P5 file of {self._width} x {self._height} pixels")
        pixels = np.frombuffer(body, np.uint8, offset=len(head))
        darkness = 1 - pixels.reshape(1, self._height, self._width).astype(np.float32) / 255
        return {"darkness": darkness}

    def postprocess(self, outputs: Arrays, inputs: Arrays) -> tuple[str, bytes]:
        """Cut out what has ink: the boxes are the model's, what is in them is the request's own."""
        (ink,), (darkness,) = outputs["ink"], inputs["darkness"]
        edges = np.flatnonzero(np.diff(ink > _INK, prepend=False, append=False))
        boxes, glyphs = [], []
        for left, right in edges.reshape(-1, 2):
            used = np.flatnonzero(darkness[:, left:right].max(axis=1) > _INK)
            top, bottom = used[0], used[-1] + 1
            boxes.append([int(left), int(top), int(right), int(bottom)])
            glyphs.append(_stretched(darkness[top:bottom, left:right]))
        return "application/json", json.dumps({"boxes": boxes, "glyphs": glyphs}).encode()


class Read:
    """{"boxes": ..., "glyphs": ...} -> {"text": "314", "score": 0.9, "boxes": ...}."""

    def __init__(self, model: Path, metadata: Mapping[str, str]) -> None:
        """The alphabet lies in the model's metadata."""
        if "character" not in metadata:
            raise ValueError(f"{model} does not say which characters it knows")
        self._characters = metadata["character"]

    def preprocess(
        self,
        body: bytes,
        headers: Mapping[str, bytes],  # noqa: ARG002 - every transform is given them
    ) -> Prepared | Done:
        """Return a row for each box, which postprocess gets together again; Done for an empty note."""
        found = json.loads(body)
        if not found["boxes"]:
            return Done("application/json", b'{"text": "", "score": 1.0, "boxes": []}')
        glyphs = np.array(found["glyphs"], np.float32)
        return Prepared({"glyphs": glyphs}, context=found["boxes"])

    def postprocess(self, outputs: Arrays, context: list[list[int]]) -> tuple[str, bytes]:
        """Join the best character of each box, with the score of the one that is least sure."""
        scores = outputs["scores"]
        text = "".join(self._characters[best] for best in scores.argmax(axis=1))
        score = round(float(scores.max(axis=1).min()), 6)
        reply = {"text": text, "score": score, "boxes": context}
        return "application/json", json.dumps(reply).encode()


def _stretched(ink: npt.NDArray[np.float32]) -> list[float]:
    """Return `ink` at the reader's size, row by row; each pixel is the nearest one."""
    height, width = ink.shape
    rows, columns = np.arange(ROWS) * height // ROWS, np.arange(COLUMNS) * width // COLUMNS
    pixels: list[float] = ink[np.ix_(rows, columns)].ravel().tolist()
    return pixels
