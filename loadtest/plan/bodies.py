"""What requests carry: read from files or made up by signature, with the right answers if given."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loadtest.plan.golden import Golden, read_golden
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Body, Generate, Tensor
from loadtest.wire import CONTENT_TYPE, Header

Numbers: TypeAlias = npt.NDArray[np.int32]
Array: TypeAlias = npt.NDArray[np.generic]

_DTYPES = {
    "BOOL": "?", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
# Whole numbers that fit every integer type.
_MOST = 100


class BodyKind(NamedTuple):
    """Bodies of one kind; `golden` has as many answers, None when nothing is known."""

    values: list[bytes]
    headers: tuple[Header, ...] = ()
    golden: Golden | None = None
    weight: float = 1.0


class Stock:
    """All bodies of a class of requests, each known by its number."""

    def __init__(self, kinds: Sequence[BodyKind]) -> None:
        self._kinds = list(kinds)
        self.values = [value for kind in kinds for value in kind.values]
        self.headers = [kind.headers for kind in kinds for _ in kind.values]
        self._golden = [(kind.golden, n) for kind in kinds for n in range(len(kind.values))]

    @property
    def is_checked(self) -> bool:
        """Whether any right answer is known."""
        return any(kind.golden is not None for kind in self._kinds)

    def is_right(self, number: int, reply: bytes | None) -> bool | None:
        """Whether `reply` is right for body `number`; None when the right one is unknown."""
        golden, index = self._golden[number]
        return None if golden is None else golden.is_right(index, reply)

    def choices(self, count: int, random: np.random.Generator) -> Numbers:
        """Return which body each of `count` requests carries, int32 (count,).

        Kinds are drawn by weight; the bodies of a kind follow one after the other.
        """
        weights = np.array([kind.weight for kind in self._kinds])
        drawn = random.choice(len(weights), count, p=weights / weights.sum())
        chosen = np.zeros(count, np.int32)
        first = 0
        for number, kind in enumerate(self._kinds):
            mine = drawn == number
            chosen[mine] = first + np.arange(np.count_nonzero(mine)) % len(kind.values)
            first += len(kind.values)
        return chosen


def read(bodies: Sequence[Body], random: np.random.Generator) -> Stock:
    """Return the bodies that a class of requests names; raises BadScenario."""
    return Stock([_kind(body, random) for body in bodies])


def _kind(body: Body, random: np.random.Generator) -> BodyKind:
    names = _files(body.folder) if body.folder is not None else None
    try:
        values = _values(body, names or [], random)
    except (OSError, ValueError) as error:
        raise BadScenario(f"bodies: {error}") from error
    if not values:
        raise BadScenario("bodies: there are none")
    headers = ((CONTENT_TYPE, body.content_type.encode()),) if body.content_type else ()
    return BodyKind(values, headers, _golden(body, names, len(values)), body.weight)


def _golden(body: Body, names: list[str] | None, count: int) -> Golden | None:
    if body.golden is None:
        return None
    golden = read_golden(body.golden, names, body.tolerance)
    if len(golden) != count:
        raise BadScenario(f"golden answers {body.golden}: {len(golden)} for {count} bodies")
    return golden


def _values(body: Body, names: list[str], random: np.random.Generator) -> list[bytes]:
    if body.folder is not None:
        return [(body.folder / name).read_bytes() for name in names]
    if body.jsonl is not None:
        return [line for line in body.jsonl.read_bytes().splitlines() if line.strip()]
    if body.npy is not None:
        return _rows(body.npy)
    return _generated(body.generate, random) if body.generate is not None else []


def _files(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise BadScenario(f"bodies: {error}") from error


def _rows(path: Path) -> list[bytes]:
    rows = np.load(path, allow_pickle=False)
    little = rows.astype(rows.dtype.newbyteorder("<"), copy=False)
    return [row.tobytes() for row in little]


def _generated(wanted: Generate, random: np.random.Generator) -> list[bytes]:
    """Return `wanted.count` bodies; raises ValueError when the form cannot hold them."""
    if wanted.form != "json" and len(wanted.inputs) != 1:
        raise ValueError(f"the form {wanted.form} holds one input, not {len(wanted.inputs)}")
    return [_generated_body(wanted, random) for _ in range(wanted.count)]


def _generated_body(wanted: Generate, random: np.random.Generator) -> bytes:
    arrays = [_array(tensor, wanted.rows, random) for tensor in wanted.inputs]
    if wanted.form == "raw":
        return arrays[0].tobytes()
    if wanted.form == "npy":
        file = io.BytesIO()
        np.save(file, arrays[0], allow_pickle=False)
        return file.getvalue()
    inputs = [
        {
            "name": tensor.name,
            "shape": list(array.shape),
            "datatype": tensor.datatype,
            "data": array.ravel().tolist(),
        }
        for tensor, array in zip(wanted.inputs, arrays, strict=True)
    ]
    return json.dumps({"inputs": inputs}).encode()


def _array(tensor: Tensor, rows: int, random: np.random.Generator) -> Array:
    """Return normally distributed floats, or whole numbers from 0 to 99, of (rows, *shape)."""
    shape = (rows, *tensor.shape)
    dtype = np.dtype(_DTYPES[tensor.datatype])
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, _MOST, shape).astype(dtype)
