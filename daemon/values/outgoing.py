"""Records on their way out: one alone, or a run of them by columns. Pure.

A run says once what all its records share; what each has of its own is a column.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np

from daemon.values.messages import Header
from daemon.values.texts import Places, Rows, Texts

OutgoingRecord: TypeAlias = tuple[bytes | None, bytes | None, list[Header]]
"""Key, value, headers."""


class Numbered(NamedTuple):
    """A text for each of `numbers`: `start`, and the number in decimal."""

    start: bytes
    numbers: range


Column: TypeAlias = Sequence[bytes] | Rows | Numbered
"""A text for each record, of any length each where nothing is known of them."""


class HeaderColumn(NamedTuple):
    """A header that every record of a run has, each with a value of its own."""

    name: str
    values: Column

    def at(self, places: slice | Places) -> "HeaderColumn":
        """Return that of the records at `places`."""
        return HeaderColumn(self.name, _at(self.values, places))

    def headers(self) -> list[Header]:
        """Return it record by record."""
        return [(self.name, text) for text in texts(self.values)]


SharedHeaders: TypeAlias = Sequence[Header | HeaderColumn]
"""The headers of a run, in the order in which each of its records has them."""


class RecordRun(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Records that have the same headers, by columns; there is at least one."""

    keys: Sequence[bytes | None]
    values: Column
    headers: SharedHeaders

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.keys)

    def part(self, first: int, end: int) -> "RecordRun":
        """Return those from the one at `first` to before `end`."""
        if not first and end >= self.count:
            return self
        chosen = slice(first, end)
        headers = [
            each.at(chosen) if isinstance(each, HeaderColumn) else each for each in self.headers
        ]
        return RecordRun(self.keys[chosen], _at(self.values, chosen), headers)

    def apart(self) -> Iterator[OutgoingRecord]:
        """Yield the same records one by one."""
        headers = header_lists(self.headers, self.count)
        return zip(self.keys, texts(self.values), headers, strict=True)


Outgoing: TypeAlias = OutgoingRecord | RecordRun
"""One record, or several."""


def texts(column: Column) -> Sequence[bytes]:
    """Return the texts of `column` one by one."""
    if isinstance(column, Numbered):
        return [b"%b%d" % (column.start, number) for number in column.numbers]
    if isinstance(column, np.ndarray):
        return [row.tobytes() for row in column]
    return column.apart() if isinstance(column, Texts) else column


def header_lists(headers: SharedHeaders, count: int) -> Iterator[list[Header]]:
    """Yield the headers of each of `count` records."""
    columns = [
        each.headers() if isinstance(each, HeaderColumn) else repeat(each, count)
        for each in headers
    ]
    return map(list, zip(*columns, strict=True)) if columns else ([] for _ in range(count))


def _at(column: Column, places: slice | Places) -> Column:
    if isinstance(column, np.ndarray | Texts):
        return column[places]
    if isinstance(places, slice):
        if isinstance(column, Numbered):
            return Numbered(column.start, column.numbers[places])
        return column[places]
    every = texts(column)
    return [every[place] for place in places.tolist()]
