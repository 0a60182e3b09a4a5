"""Decompression with a bound, in place of the client's, which has none.

A batch of 10 KB may unpack to gigabytes; the client would unpack it whole, on the event loop, and
some of its codecs end the process when memory runs out.
"""

import mmap
import struct
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import cramjam

from daemon.kafka.reading.record_batches import HEAD, is_sound, uncompressed_head

Unpack: TypeAlias = Callable[[Any, Any], int]

RATIO = 64
"""How far a fetched batch may unpack: text and JSON reach about 20, zstd of zeros 32,000."""
WINDOW_BYTES = 2 * 2**20
"""What is unpacked on the event loop: 1 to 8 ms. Batches of ordinary producers stay below: those of
librdkafka have 1 MB before they are packed, of Java 16 KiB."""

_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEAD_BYTES = 16
_BLOCK_LENGTH = struct.Struct(">i")


class CannotUnpack(Exception):
    """What a batch holds is damaged, of an unknown codec, or larger than the bound."""


class Unpacked(NamedTuple):
    """A large batch; when it is not sound the client's parser must not see it."""

    plain: memoryview
    is_sound: bool


class Decompressor:
    """Unpacks the records of a batch into at most `limit_bytes`.

    Codecs are those of a batch's attributes: 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._window = bytearray(min(limit_bytes, WINDOW_BYTES))

    def unpack_small(self, batch: memoryview, codec: int) -> bytes | None:
        """Return `batch` with its records unpacked; None when they are large, or damaged."""
        if len(batch) > HEAD.size + len(self._window):
            return None
        window = memoryview(self._window)
        try:
            filled = _unpack(codec, batch[HEAD.size :], window)
        except CannotUnpack:
            return None
        return b"".join((uncompressed_head(batch), window[:filled]))

    def unpack(self, batch: memoryview, codec: int) -> Unpacked:
        """Return `batch` with its records unpacked, and looked over; raises CannotUnpack.

        May be called in any thread. The result has memory of its own, which is mapped, not
        allocated: pages that it does not reach take none.
        """
        plain = memoryview(mmap.mmap(-1, HEAD.size + self._limit_bytes))
        plain[: HEAD.size] = uncompressed_head(batch)
        try:
            filled = _unpack(codec, batch[HEAD.size :], plain[HEAD.size :])
        except CannotUnpack as error:
            raise CannotUnpack(
                f"cannot be unpacked into {self._limit_bytes} bytes: {error}"
            ) from None
        plain = plain[: HEAD.size + filled]
        return Unpacked(plain, is_sound(plain))


def _unpack(codec: int, packed: memoryview, into: memoryview) -> int:
    """Return how many bytes `packed` has filled; raises CannotUnpack."""
    if codec == _SNAPPY and bytes(packed[: len(_XERIAL)]) == _XERIAL:
        return _unpack_blocks(packed, into)
    unpack = _UNPACK.get(codec)
    if unpack is None:
        raise CannotUnpack(f"unknown codec {codec}")
    return _fill(unpack, packed, into)


def _unpack_blocks(packed: memoryview, into: memoryview) -> int:
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
        block = packed[at : at + length]
        filled += _fill(cramjam.snappy.decompress_raw_into, block, into[filled:])
        at += length
    return filled


def _fill(unpack: Unpack, packed: memoryview, into: memoryview) -> int:
    try:
        return unpack(packed, into)
    except cramjam.DecompressionError as error:
        raise CannotUnpack(str(error)) from error


_UNPACK: dict[int, Unpack] = {
    _GZIP: cramjam.gzip.decompress_into,
    _SNAPPY: cramjam.snappy.decompress_raw_into,
    _LZ4: cramjam.lz4.decompress_into,
    _ZSTD: cramjam.zstd.decompress_into,
}
