"""Texts that lie in one piece of memory: a column of them, of any length each. Pure."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.uint8]
"""Texts of one length, (n, length)."""
Places: TypeAlias = npt.NDArray[np.int64]


class Texts(Sequence[bytes]):
    """The texts of `lengths` that begin at `starts` of `data`; none is copied before it is asked for."""

    __slots__ = ("data", "lengths", "starts")

    def __init__(self, data: bytes, starts: Places, lengths: Places) -> None:
        self.data = data
        self.starts = starts
        self.lengths = lengths

    @property
    def width(self) -> int | None:
        """How long each is, None where they differ."""
        width = int(self.lengths[0]) if len(self) else 0
        return width if (self.lengths == width).all() else None

    @property
    def shared(self) -> bytes | None:
        """What each is, None where they differ."""
        width = self.width
        if width is None or not len(self):
            return None
        first = self[0]
        return first if self.rows(width).tobytes() == first * len(self) else None

    def rows(self, width: int) -> Rows:
        """Return the texts, each of which is `width` bytes long, as an array."""
        if not width:
            return np.empty((len(self), 0), np.uint8)
        return windows(self.data, width)[self.starts].view(np.uint8).reshape(-1, width)

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice | Places) -> "Texts": ...
    def __getitem__(self, place: int | slice | Places) -> "bytes | Texts":
        """Return one of the texts, or several."""
        if not isinstance(place, int):
            return Texts(self.data, self.starts[place], self.lengths[place])
        start = int(self.starts[place])
        return self.data[start : start + int(self.lengths[place])]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.apart())

    def apart(self) -> list[bytes]:
        """Return the texts one by one."""
        data, starts, ends = self.data, self.starts.tolist(), (self.starts + self.lengths).tolist()
        return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def windows(data: bytes, width: int) -> npt.NDArray[np.void]:
    """View `data` as the texts of `width` bytes, more than 0, that begin at each of its bytes."""
    return np.ndarray((max(len(data) - width + 1, 0),), f"V{width}", data, strides=(1,))
