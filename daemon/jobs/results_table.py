"""results.parquet: the results of a job in the order of its input, made of results.jsonl when it is over."""

import asyncio
import os
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from daemon.jobs.journal import Journal
from daemon.jobs.results import RESULTS, TABLE

_SCHEMA = pa.schema(
    [
        ("custom_id", pa.string()),
        ("served_by", pa.string()),
        ("request_id", pa.string()),
        ("content_type", pa.string()),
        ("json_bytes", pa.string()),
        ("body", pa.binary()),
    ]
)
_MOST_LINES = 10_000
"""Between two moments in which whoever wants to stop is heard: 50 ms."""
_BATCH_ROWS = 1_000
"""Made of Python's rows, which take many times what Arrow has of them. A row of 200 bytes takes 0.10 us so,
0.17 by a hundred and 0.09 by ten thousand."""
_BATCH_BYTES = 8 * 2**20
"""The same of large ones: eight of the largest replies that a broker takes by default (1 MiB)."""
_GROUP_ROWS = 100_000
"""Readers want them large; DuckDB writes 122,880 by default."""
_GROUP_BYTES = 32 * 2**20
"""Held until they are written; a guess: four batches, where the process takes 120 MB without."""


class _Whose(msgspec.Struct):
    custom_id: str


class _Line(msgspec.Struct):
    custom_id: str
    served_by: str
    request_id: str
    content_type: str
    json_bytes: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"")
    body_base64: bytes | None = None

    def row(self) -> dict[str, Any]:
        """Return it as the table has it."""
        body = bytes(self.body) if self.body_base64 is None else self.body_base64
        return {name: getattr(self, name) for name in _SCHEMA.names} | {"body": body}


async def write_table(folder: Path, journal: Journal) -> None:
    """Write it whole, or leave it as it was. May be cancelled. Raises OSError, sqlite3.Error."""
    new = folder / f".{TABLE}.new"
    try:
        with (folder / RESULTS).open("rb") as lines:
            starts = await _starts(lines, journal)
            with pq.ParquetWriter(new, _SCHEMA, compression="zstd") as writer:
                for group in _groups(_batches(lines, starts)):
                    writer.write_table(group)
                    await asyncio.sleep(0)
        with new.open("rb") as written:
            os.fsync(written.fileno())
        new.replace(folder / TABLE)
    finally:
        new.unlink(missing_ok=True)


async def _starts(lines: BinaryIO, journal: Journal) -> Iterable[int]:
    """Return where the lines of results begin, in the order in which their items were asked."""
    starts, numbers = array("q"), array("q")
    found = _found(lines, journal.sizes().get(RESULTS, 0))
    while some := [*islice(found, _MOST_LINES)]:
        starts.extend(start for start, _ in some)
        numbers.extend(journal.numbers_of(item_id for _, item_id in some))
        await asyncio.sleep(0)
    return (starts[place] for place in sorted(range(len(numbers)), key=numbers.__getitem__))


def _found(lines: BinaryIO, size_bytes: int) -> Iterator[tuple[int, str]]:
    """Read which lines there are: where each begins, and whose it is."""
    start = 0
    while start < size_bytes:
        line = lines.readline()
        yield start, msgspec.json.decode(line, type=_Whose).custom_id
        start += len(line)


def _batches(lines: BinaryIO, starts: Iterable[int]) -> Iterator[pa.RecordBatch]:
    """Read the lines that begin at `starts`."""
    rows: list[dict[str, Any]] = []
    size_bytes = 0
    for start in starts:
        lines.seek(start)
        line = lines.readline()
        rows.append(msgspec.json.decode(line, type=_Line).row())
        size_bytes += len(line)
        if len(rows) >= _BATCH_ROWS or size_bytes >= _BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(rows, _SCHEMA)
            rows, size_bytes = [], 0
    yield pa.RecordBatch.from_pylist(rows, _SCHEMA)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Return `batches` in tables that make a row group each."""
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        rows, size_bytes = sum(map(len, group)), sum(each.nbytes for each in group)
        if rows >= _GROUP_ROWS or size_bytes >= _GROUP_BYTES:
            yield pa.Table.from_batches(group)
            group = []
    if group:
        yield pa.Table.from_batches(group)
