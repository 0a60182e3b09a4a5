"""A table in Parquet as what a job asks: each row is an item.

It is one file, or several of the same columns, read in batches, whatever their row groups are.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from daemon.jobs.columns import chosen_columns
from daemon.jobs.inputs import Body, Item, Unfit, too_large, unfit_id
from daemon.jobs.order import Columns

_MOST_ROWS = 1_000
"""Held at a time. Rows of 200 bytes take 0.10 us each so, 0.15 by a hundred and 0.14 to 0.17 by ten thousand."""
_MOST_BYTES = 8 * 2**20
"""Held at a time, by the mean size of a row: eight of the largest that a broker takes by default (1 MiB)."""
_READ_BYTES = 2**20
"""Read of a column at a time; else it is all of a row group, which may be the whole file."""
_DIGITS = 12
"""Of a body's digest, in the id of a row where no column has one; as many as tell models apart."""


class _Part(NamedTuple):
    path: Path
    first: int
    """The number of its first row."""
    rows: int

    def name(self, number: int) -> str:
        """Return how people find a row of the table in it."""
        return f"{self.path.name}: row {number - self.first}"


class _Row(NamedTuple):
    number: int
    item_id: Any
    """As the column of ids has it."""
    content: Any
    """As the columns have it of which the body is made."""


class Table:
    """Parquet files: an item is a row, its id in a column, or its number, from 0, with a digest of its body."""

    def __init__(self, paths: Sequence[Path], columns: Columns, *, most_bytes: int) -> None:
        """`paths`: at least one. Raises OSError, and ValueError where they are no table that can be sent."""
        self._most_bytes = most_bytes
        self._parts: list[_Part] = []
        schema = _schema(paths[0])
        count = 0
        for path in paths:
            if not _schema(path).equals(schema):
                raise ValueError(f" {path.name} has other columns, or types, than {paths[0].name}")
            self._parts.append(_Part(path, count, pq.read_metadata(path).num_rows))
            count += self._parts[-1].rows
        self._chosen = chosen_columns(schema, columns)
        self._following: Iterator[_Row] = iter(())
        self._next = 0
        """The number of the row that `_following` comes to next."""

    def items(self) -> Iterator[Item | Unfit]:
        """As `Input` says; row by row."""
        number = 0
        try:
            for row in self._rows(0):
                yield self._item(row)
                number = row.number + 1
        except (pa.ArrowException, OSError) as error:
            name = self._part(number).name(number)
            yield Unfit(f"{name} and all behind it", " ".join(str(error).split()))

    def _item(self, row: _Row) -> Item | Unfit:
        name = self._part(row.number).name(row.number)
        try:
            body = self._chosen.sent.sent(row.content)
            item_id = self._id(row, body)
        except ValueError as error:
            return Unfit(name, str(error))
        if why := unfit_id(item_id):
            return Unfit(name, why)
        if len(body) > self._most_bytes:
            return Unfit(f"{name} ({item_id})", too_large(len(body), self._most_bytes))
        return Item(item_id, row.number, name, body)

    def body(self, item_id: str, start: int) -> Body:
        """As `Input` says; quick for rows one behind the other."""
        row = self._row(start)
        body = self._chosen.sent.sent(row.content)
        if self._id(row, body) != item_id:
            raise ValueError(f"{self._part(start).path} has another row there")
        return Body(body, self._chosen.sent.form)

    def _id(self, row: _Row, body: bytes) -> str:
        if self._chosen.ids is not None:
            return self._chosen.ids.text(row.item_id)
        return f"{row.number}-{hashlib.sha256(body).hexdigest()[:_DIGITS]}"

    def _row(self, number: int) -> _Row:
        """Return a row; raises OSError, ValueError."""
        if not self._next or number < self._next:
            self._following, self._next = self._rows(number), number
        try:
            for row in self._following:
                self._next = row.number + 1
                if row.number == number:
                    return row
        except pa.ArrowException as error:
            raise ValueError(str(error)) from error
        raise ValueError(f"there is no row {number} any more")

    def _part(self, number: int) -> _Part:
        """Return the file of a row."""
        return self._parts[bisect_right(self._parts, number, key=lambda part: part.first) - 1]

    def _rows(self, start: int) -> Iterator[_Row]:
        """Read from a batch on that has row `start`; raises OSError, ArrowException."""
        ids, sent = self._chosen
        for first, batch in self._batches(start):
            item_ids = ids.read(batch) if ids is not None else [None] * batch.num_rows
            for number, row in enumerate(zip(item_ids, sent.read(batch), strict=True), first):
                yield _Row(number, *row)

    def _batches(self, start: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Read the batches from that on, each with the number of its first row."""
        for part in self._parts:
            if part.first + part.rows > start:
                yield from _batches(part, self._chosen.names, start)


def _schema(path: Path) -> pa.Schema:
    """Return what a file says of its columns; raises OSError, ValueError."""
    try:
        return pq.read_schema(path)
    except pa.ArrowException as error:
        raise ValueError(f" {path.name} is broken: {error}") from error


def _batches(part: _Part, names: list[str], start: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Read those of a file."""
    with pq.ParquetFile(part.path, buffer_size=_READ_BYTES, pre_buffer=False) as file:
        first = part.first
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            if first + group.num_rows <= start:
                first += group.num_rows
                continue
            for batch in file.iter_batches(
                _rows_at_a_time(group), row_groups=[number], columns=names, use_threads=False
            ):
                if first + batch.num_rows > start:
                    yield first, batch
                first += batch.num_rows


def _rows_at_a_time(group: pq.RowGroupMetaData) -> int:
    mean_bytes: int = group.total_byte_size // max(group.num_rows, 1)
    return max(1, min(_MOST_ROWS, _MOST_BYTES // max(mean_bytes, 1)))
