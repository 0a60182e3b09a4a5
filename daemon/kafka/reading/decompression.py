"""Decompression with a bound, in place of the client's, which has none.

A batch of 10 KB may unpack to gigabytes; the client would unpack it whole, on the event loop, and
some of its codecs end the process when memory runs out.
"""

import mmap
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import cramjam

Unpack: TypeAlias = Callable[[Any, Any], int]

RATIO = 64
"""How far a fetched batch may unpack: text and JSON reach about 20, zstd of zeros 32,000."""

_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEAD_BYTES = 16
_BLOCK_LENGTH = struct.Struct(">i")


class CannotUnpack(Exception):
    """What a batch holds is damaged, of an unknown codec, or larger than the bound."""


class Decompressor:
    """Unpacks the records of a batch into at most `limit_bytes`.

    One scratch buffer is used again and again. It is mapped, not allocated: pages that no batch
    has reached take no memory.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._scratch = memoryview(mmap.mmap(-1, limit_bytes))

    def unpack(self, codec: int, packed: memoryview) -> memoryview:
        """Return what `packed` holds, valid until the next call.

        `codec` is that of a batch's attributes: 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        Raises: CannotUnpack.
        """
        if codec == _SNAPPY and bytes(packed[: len(_XERIAL)]) == _XERIAL:
            return self._unpack_blocks(packed)
        unpack = _UNPACK.get(codec)
        if unpack is None:
            raise CannotUnpack(f"unknown codec {codec}")
        return self._scratch[: self._fill(unpack, packed, 0)]

    def _unpack_blocks(self, packed: memoryview) -> memoryview:
        """Unpack snappy as Java writes it: a head, then blocks that each name their length."""
        at, filled = _XERIAL_HEAD_BYTES, 0
        while at < len(packed):
            try:
                (length,) = _BLOCK_LENGTH.unpack_from(packed, at)
            except struct.error:
                raise CannotUnpack("a snappy block without a length") from None
            at += _BLOCK_LENGTH.size
            if not 0 <= length <= len(packed) - at:
                raise CannotUnpack(f"a snappy block of {length} bytes")
            filled += self._fill(
                cramjam.snappy.decompress_raw_into, packed[at : at + length], filled
            )
            at += length
        return self._scratch[:filled]

    def _fill(self, unpack: Unpack, packed: memoryview, filled: int) -> int:
        try:
            return unpack(packed, self._scratch[filled:])
        except cramjam.DecompressionError as error:
            raise CannotUnpack(
                f"cannot be unpacked into {self._limit_bytes} bytes: {error}"
            ) from error


_UNPACK: dict[int, Unpack] = {
    _GZIP: cramjam.gzip.decompress_into,
    _SNAPPY: cramjam.snappy.decompress_raw_into,
    _LZ4: cramjam.lz4.decompress_into,
    _ZSTD: cramjam.zstd.decompress_into,
}
