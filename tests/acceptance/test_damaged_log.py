"""A log damaged on the broker's disk: Kafka hands it out unseen, and the daemon goes on behind it.

What Kafka itself refuses can only come so: wrong checksums, packed records that cannot be unpacked,
lengths and counts that lie.
"""

import operator
import struct
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests import raw_batches
from tests.acceptance import bad_line
from tests.acceptance.bad_models import is_right
from tests.acceptance.kafka_input import RawBatch
from tests.bad_input import body, tensor

_GOOD = body(tensor())
_CODEC_AT = 21
_COUNT_AT = 57
_RECORDS_AT = 61
_XERIAL_BLOCK_AT = _RECORDS_AT + 16
_HUGE = 2**31 - 1
_ALL = (0, 1, 2)


class Damage(NamedTuple):
    """`done` to a batch of three requests; `lost` are those that cannot be read any more."""

    codec: str
    done: Callable[[bytearray], None]
    lost: tuple[int, ...] = _ALL
    sealed: bool = True


def _flip(at):
    return lambda raw: operator.setitem(raw, at, raw[at] ^ 0xFF)


def _put(at, *values):
    return lambda raw: operator.setitem(raw, slice(at, at + len(values)), bytes(values))


def _int(at, value):
    return lambda raw: struct.pack_into(">i", raw, at, value)


DAMAGES = {
    "checksum_wrong": Damage("none", _flip(_RECORDS_AT + 30), sealed=False),
    "gzip_damaged": Damage("gzip", _flip(-12)),
    "lz4_damaged": Damage("lz4", _flip(_RECORDS_AT + 20)),
    "zstd_damaged": Damage("zstd", _flip(_RECORDS_AT + 12)),
    "snappy_damaged": Damage("snappy", _flip(_XERIAL_BLOCK_AT + 7)),
    "snappy_block_length_lies": Damage("snappy", _int(_XERIAL_BLOCK_AT, _HUGE)),
    "snappy_block_length_negative": Damage("snappy", _int(_XERIAL_BLOCK_AT, -1)),
    "snappy_unpacked_length_lies": Damage("snappy", _put(_XERIAL_BLOCK_AT + 4, *b"\xff" * 4, 7)),
    "codec_unknown": Damage("none", _put(_CODEC_AT + 1, 5)),
    "count_too_high": Damage("none", _int(_COUNT_AT, _HUGE), ()),
    "count_too_low": Damage("none", _int(_COUNT_AT, 2), (2,)),
    "count_negative": Damage("none", _int(_COUNT_AT, -1)),
    "record_beyond_its_batch": Damage("none", _put(_RECORDS_AT, 0xFE, 0x7F)),
}


@pytest.fixture(scope="module")
def story(spare, tmp_path_factory):
    batches = [
        RawBatch(name, raw_batches.batch(*[_GOOD] * 3, codec=damage.codec), 3, damage.lost)
        for name, damage in DAMAGES.items()
    ]
    return bad_line.tell_of_damage(
        spare.bootstrap,
        tmp_path_factory.mktemp("damage"),
        batches,
        lambda: _damage(spare, batches),
    )


def _damage(broker, batches):
    """Damage `batches` where they lie; the broker must not see the file replaced."""
    (path,) = (broker.log.parent / "data").glob("*.rows-1/*.log")
    with path.open("r+b") as log:
        content = log.read()
        at = 0
        for damage, batch in zip(DAMAGES.values(), batches, strict=True):
            packed = batch.batch[_RECORDS_AT:]
            at = content.index(packed, at) - _RECORDS_AT
            end = at + _RECORDS_AT + len(packed)
            raw = bytearray(content[at:end])
            damage.done(raw)
            if damage.sealed:
                raw_batches.seal(raw)
            log.seek(at)
            log.write(raw)
            at = end


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_lost_becomes_dead_letters_that_name_their_places(story, name):
    for position in story.unreadable[name]:
        end = story.only_end(position)

        assert end.header("dlq-code") == b"undecodable_record"
        assert (end.key, end.value) == (None, b"")


@pytest.mark.parametrize("name", DAMAGES)
def test_what_lies_around_and_inside_is_answered_rightly(story, name):
    for neighbour in story.neighbours[name]:
        end = story.only_end(neighbour.position)

        assert end.header("status") == b"ok", end
        assert is_right(neighbour.answered_as, end.value), end


def test_offsets_are_committed_to_the_end(story):
    assert story.behind == 0


def test_the_daemon_lives_and_ends_cleanly(story):
    assert (story.livez, story.exit_code) == (200, 0)
