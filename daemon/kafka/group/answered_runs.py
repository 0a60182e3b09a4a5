"""Which offsets above a commit are answered, as text short enough to be committed beside it. Pure.

Answers leave in any order, a commit is one offset: without this, what was answered above a request
that takes longer would be answered again by whoever reads the partition next. Lengths of runs, by
turns unanswered and answered, as varints, by Huffman's code, in base64.

Room: a broker takes 4,096 characters (`offset.metadata.max.bytes`). The worst that 16,384 offsets
can look like, half of them answered at random, takes 2,770 (3,620 if deflate looks for repeats).
"""

import base64
import binascii
import zlib
from itertools import accumulate

from daemon.values.ledger import Edges

MOST_OFFSETS = 16_384
"""How far answers may be ahead of a commit that is sure to have room for them."""
MOST_CHARACTERS = 3_600
"""Leaves 496 for what else stands in a commit."""
_MOST_BYTES = 256 * 2**10
"""Unpacked; more is nobody's honest work."""
_MORE = 0x80
"""Set in all but the last byte of a number; the others say seven bits of it (LEB128)."""
_MOST_BITS = 63
"""Of an offset. Without the bound 256 KiB that never end a number took seconds to read."""
_RAW = -15
"""Deflate without header and checksum (zlib's wbits)."""


def text_of(offset: int, answered: Edges) -> str:
    """Return `answered`, runs beyond `offset`, as text; how long it may get is the caller's."""
    lengths = [edge - before for before, edge in zip([offset, *answered], answered, strict=False)]
    packer = zlib.compressobj(wbits=_RAW, strategy=zlib.Z_HUFFMAN_ONLY)
    packed = packer.compress(b"".join(map(_varint, lengths))) + packer.flush()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def runs_of(offset: int, text: str) -> Edges:
    """Return the runs that `text` stands for, none where it is not of this making."""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacker = zlib.decompressobj(_RAW)
        lengths = _lengths(unpacker.decompress(packed, _MOST_BYTES))
    except (binascii.Error, ValueError, zlib.error):
        return ()
    if not unpacker.eof or len(lengths) % 2 or 0 in lengths:
        return ()
    return tuple(accumulate(lengths, initial=offset))[1:]


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= _MORE:
        encoded.append(number % _MORE | _MORE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _lengths(encoded: bytes) -> list[int]:
    lengths: list[int] = []
    number = shift = 0
    for byte in encoded:
        number |= (byte % _MORE) << shift
        shift += 7
        if shift > _MOST_BITS:
            raise ValueError("a number beyond all offsets")
        if byte < _MORE:
            lengths.append(number)
            number = shift = 0
    if shift:
        raise ValueError("it ends within a number")
    return lengths
