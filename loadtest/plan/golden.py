"""Right answers, and whether a reply is one. Pure but for reading them."""

import json
import math
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from loadtest.scenario.load import BadScenario


class Golden(Protocol):
    """The right answers to some bodies, by their number."""

    def __len__(self) -> int:
        """How many there are."""

    def is_right(self, number: int, reply: bytes | None) -> bool:
        """Whether `reply` is the right one to body `number`."""


class Exact:
    """Replies that are right byte for byte."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers

    def __len__(self) -> int:
        """How many there are."""
        return len(self._answers)

    def is_right(self, number: int, reply: bytes | None) -> bool:
        """Whether `reply` is the right one to body `number`."""
        return reply == self._answers[number]


class Rows:
    """Replies that are rows of numbers, as bytes; `rows` is (n, ...), one row a reply."""

    def __init__(self, rows: npt.NDArray[np.generic], tolerance: float) -> None:
        little = rows.dtype.newbyteorder("<")
        self._rows = rows.astype(little, copy=False).reshape(len(rows), -1)
        self._bytes = [row.tobytes() for row in self._rows]
        self._tolerance = tolerance

    def __len__(self) -> int:
        """How many there are."""
        return len(self._bytes)

    def is_right(self, number: int, reply: bytes | None) -> bool:
        """Whether `reply` is the right one to body `number`."""
        if reply == self._bytes[number]:  # nearly always, and much faster
            return True
        if reply is None or len(reply) != len(self._bytes[number]):
            return False
        values = np.frombuffer(reply, self._rows.dtype)
        return bool(np.allclose(values, self._rows[number], rtol=0, atol=self._tolerance))


class Objects:
    """Replies that are JSON; only the keys that the answer names are looked at."""

    def __init__(self, answers: list[object], tolerance: float) -> None:
        self._answers = answers
        self._tolerance = tolerance

    def __len__(self) -> int:
        """How many there are."""
        return len(self._answers)

    def is_right(self, number: int, reply: bytes | None) -> bool:
        """Whether `reply` is the right one to body `number`."""
        try:
            found = msgspec.json.decode(reply or b"")
        except msgspec.DecodeError:
            return False
        return self._holds(found, self._answers[number])

    def _holds(self, found: object, wanted: object) -> bool:
        if isinstance(wanted, dict):
            return isinstance(found, dict) and all(
                key in found and self._holds(found[key], value) for key, value in wanted.items()
            )
        if isinstance(wanted, list):
            return (
                isinstance(found, list)
                and len(found) == len(wanted)
                and all(map(self._holds, found, wanted))
            )
        if isinstance(wanted, float) and isinstance(found, int | float):
            return math.isclose(found, wanted, rel_tol=0, abs_tol=self._tolerance)
        return found == wanted


def read_golden(path: Path, names: list[str] | None, tolerance: float) -> Golden:
    """Return the answers in `path`; `names` are the files of a folder of bodies.

    Raises BadScenario.
    """
    try:
        if path.suffix == ".npy":
            return Rows(np.load(path, allow_pickle=False), tolerance)
        if path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            return Objects([json.loads(line) for line in lines], tolerance)
        if names is not None:
            return Exact([(path / name).read_bytes() for name in names])
    except (OSError, ValueError) as error:
        raise BadScenario(f"golden answers {path}: {error}") from error
    raise BadScenario(f"golden answers {path}: must be .npy or .jsonl, or a folder beside a folder")
