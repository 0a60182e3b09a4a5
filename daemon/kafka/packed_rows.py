"""Rows of numbers in requests and answers, packed and unpacked as a whole.

The client library reads and writes field by field, which is 0.5 us each: 30 ms for where 10,000
logs end.
"""

from collections.abc import Sequence
from io import BytesIO
from itertools import starmap
from struct import Struct

from aiokafka.protocol.types import Int32


class PackedRows:
    """An array of rows that are all of the same width; stands where the library has Array."""

    def __init__(self, fields: str) -> None:
        """`fields` as struct has them, one letter each."""
        self._row = Struct(f">{fields}")

    def encode(self, rows: Sequence[tuple[int, ...]]) -> bytes:
        """Return how many rows there are, and the rows."""
        return bytes(Int32.encode(len(rows)) + b"".join(starmap(self._row.pack, rows)))

    def decode(self, data: BytesIO) -> list[tuple[int, ...]]:
        """Read as many rows as there are said to be; raises ValueError where there are fewer."""
        count = Int32.decode(data)
        packed = data.read(count * self._row.size)
        if len(packed) != count * self._row.size:
            raise ValueError(f"{len(packed)} bytes are not {count} rows")
        return list(self._row.iter_unpack(packed))
