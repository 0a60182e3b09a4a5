"""Records as they lie in the log: alone, or several of one partition by columns. Pure.

Columns are a sequence of records, which are made when somebody looks at one alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, overload

import msgspec

from daemon.values.messages import Header, Record
from daemon.values.object_sizes import headers_bytes
from daemon.values.texts import Places, Texts


class FetchedRecord(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A record as it lies in the log; meets daemon.values.messages.Record.

    Made in a quarter of the time of the client's own, and unseen by the cyclic collector.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]


class SentColumn(NamedTuple):
    """A header that each of several records has in the same place."""

    name: str
    values: Texts

    def apart(self) -> Iterable[Header]:
        """Return it record by record; one whose value all share is the same object for all."""
        shared = self.values.shared
        if shared is not None:
            return repeat((self.name, shared), len(self.values))
        return zip(repeat(self.name), self.values.apart())


class RecordColumns(Sequence[FetchedRecord]):
    """Records in the order of their offsets that have the same headers, each with a value.

    `keys` None: none has a key. `timestamps_ms`: int64, -1 where there is none.
    """

    __slots__ = ("headers", "keys", "offsets", "partition", "timestamps_ms", "topic", "values")

    def __init__(
        self,
        topic: str,
        partition: int,
        offsets: Sequence[int],
        timestamps_ms: Places,
        keys: Texts | None,
        values: Texts,
        headers: Sequence[SentColumn],
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offsets = offsets
        self.timestamps_ms = timestamps_ms
        self.keys = keys
        self.values = values
        self.headers = headers

    @property
    def sizes_bytes(self) -> Places:
        """What each takes: its key, its value, and the objects that its headers would be."""
        sizes = self.values.lengths + headers_bytes(len(self.headers), of=1)
        return sizes if self.keys is None else sizes + self.keys.lengths

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, place: int) -> FetchedRecord: ...
    @overload
    def __getitem__(self, place: slice | Places) -> "RecordColumns": ...
    def __getitem__(self, place: int | slice | Places) -> "FetchedRecord | RecordColumns":
        """Return one of the records, made anew, or several by columns."""
        if not isinstance(place, int):
            return RecordColumns(
                self.topic,
                self.partition,
                in_order(self.offsets, place),
                self.timestamps_ms[place],
                None if self.keys is None else self.keys[place],
                self.values[place],
                [SentColumn(each.name, each.values[place]) for each in self.headers],
            )
        return FetchedRecord(
            self.topic,
            self.partition,
            self.offsets[place],
            int(self.timestamps_ms[place]),
            None if self.keys is None else self.keys[place],
            self.values[place],
            [(each.name, each.values[place]) for each in self.headers],
        )

    def __iter__(self) -> Iterator[FetchedRecord]:
        keys = repeat(None) if self.keys is None else self.keys.apart()
        columns = [each.apart() for each in self.headers]
        headers = map(list, zip(*columns, strict=True)) if columns else ([] for _ in self.offsets)
        fields = (self.offsets, self.timestamps_ms.tolist(), keys, self.values.apart(), headers)
        return map(FetchedRecord, repeat(self.topic), repeat(self.partition), *fields)


def timestamps_ms(records: Sequence[Record]) -> Sequence[int] | Places:
    """Return when each of `records` was sent; -1 where that is not known."""
    if isinstance(records, RecordColumns):
        return records.timestamps_ms
    return [record.timestamp for record in records]


def in_order(numbers: Sequence[int], places: slice | Places) -> Sequence[int]:
    """Return those of `numbers`, which ascend, that are at `places`."""
    if isinstance(places, slice):
        return numbers[places]
    return in_steps([numbers[place] for place in places.tolist()])


def in_steps(numbers: list[int]) -> Sequence[int]:
    """Return `numbers` as a range where they are one: offsets of neighbours mostly follow each other."""
    if len(numbers) > 1 and numbers[0] < numbers[1]:
        steps = range(numbers[0], numbers[-1] + 1, numbers[1] - numbers[0])
        if len(steps) == len(numbers) and numbers == [*steps]:
            return steps
    return numbers
