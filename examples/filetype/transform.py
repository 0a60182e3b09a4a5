"""A transform: the bytes of a file become the model's input, its output becomes a label.

It takes magika 1.0's own steps, so that the answers are magika's own in its default mode: two
blocks of the file without surrounding white space, thresholds by label, and a generic label when
the model is not sure enough.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runtime import Done


class FileType:
    """Names the content type of a file; replies {"label", "score", "mime_type", "group"}."""

    cheap = True  # about 10 microseconds: not worth another thread

    def __init__(self, model: Path) -> None:
        """Read the settings that lie beside `model`."""
        settings = json.loads((model.parent / "config.min.json").read_text())
        self._kinds = json.loads((model.parent / "content_types_kb.min.json").read_text())
        self._begin_bytes: int = settings["beg_size"]
        self._end_bytes: int = settings["end_size"]
        self._block_bytes: int = settings["block_size"]
        self._least_bytes: int = settings["min_file_size_for_dl"]
        self._padding: int = settings["padding_token"]
        self._labels: list[str] = settings["target_labels_space"]
        self._thresholds: dict[str, float] = settings["thresholds"]
        self._threshold: float = settings["medium_confidence_threshold"]
        self._renamed: dict[str, str] = settings["overwrite_map"]

    def preprocess(
        self,
        body: bytes,
        headers: Mapping[str, bytes],  # noqa: ARG002 - every transform is given them
    ) -> dict[str, npt.NDArray[np.int32]] | Done:
        """Return the input `bytes`, int32 [1, 2048]; Done for a file too short for the model."""
        block = body[: self._block_bytes]
        begin = block.lstrip()
        if len(begin) < self._least_bytes:
            return Done("application/json", self._reply(_label_without_model(block), 1.0))
        begin = begin[: self._begin_bytes]
        end = body[-self._block_bytes :].rstrip()[-self._end_bytes :]
        row = np.full(self._begin_bytes + self._end_bytes, self._padding, np.int32)
        row[: len(begin)] = np.frombuffer(begin, np.uint8)
        row[len(row) - len(end) :] = np.frombuffer(end, np.uint8)
        return {"bytes": row[np.newaxis]}

    def postprocess(self, outputs: Mapping[str, npt.NDArray[np.float32]]) -> tuple[str, bytes]:
        """Return the reply for `target_label`, float32 [1, 214]."""
        (scores,) = outputs["target_label"]
        best = int(scores.argmax())
        score = float(scores[best])
        return "application/json", self._reply(self._judge(self._labels[best], score), score)

    def _judge(self, found: str, score: float) -> str:
        label = self._renamed.get(found, found)
        if score >= self._thresholds.get(found, self._threshold):
            return label
        return "txt" if self._kinds[label]["is_text"] else "unknown"

    def _reply(self, label: str, score: float) -> bytes:
        kind = self._kinds[label]
        reply = {"label": label, "score": score} | {n: kind[n] for n in ("mime_type", "group")}
        return json.dumps(reply).encode()


def _label_without_model(content: bytes) -> str:
    if not content:
        return "empty"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "unknown"
    return "txt"
