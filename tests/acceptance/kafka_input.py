"""Bad input that only a real Kafka can show, beside the list of tests.bad_input."""

import struct
from typing import NamedTuple

from tests import raw_batches
from tests.bad_input import RAW, ROW, BadInput, body, tensor

SMALL_REPLIES = "bad.replies.small"
"""A reply topic that takes no batch beyond SMALL_BYTES."""
SMALL_BYTES = 2_048
DEAD_BYTES = 32 * 2**10
"""What the dead-letter topic takes in one batch; the daemon believes in more."""
_ELSEWHERE = ("reply-to", b"elsewhere")
_TO_SMALL = ("reply-to", SMALL_REPLIES.encode())
_TRIPS = 2**40


def _words(text):
    return body(tensor(shape=[1], datatype="BYTES", data=[text]))


def _measured(name, code, value):
    return BadInput(f"transform_{name}", code, value, lane="measured")


RECORDS = [
    BadInput(
        "expired_before_it_arrived",
        "deadline_exceeded",
        ROW,
        (RAW, ("timeout-ms", b"5000")),
        age_s=60.0,
    ),
    BadInput(
        "expired_hours_ago",
        "deadline_exceeded",
        ROW,
        (RAW, ("timeout-ms", b"60000")),
        age_s=7_200.0,
    ),
    BadInput(
        "result_too_large_for_its_topic",
        "result_too_large",
        _words("x" * SMALL_BYTES),
        (_TO_SMALL,),
        lane="words",
    ),
    BadInput(
        "dead_letter_too_large_for_its_topic",
        "reply_topic_denied",
        ROW * 900,
        (RAW, _ELSEWHERE),
        dead=True,
        key=b"k",
    ),
    BadInput(
        "key_too_large_for_the_reply_topic",
        "unknown_model",
        ROW,
        (RAW, _TO_SMALL, ("model", b"other")),
        key=b"k" * SMALL_BYTES,
    ),
    BadInput("dead_without_key_and_value", "reply_topic_denied", None, (_ELSEWHERE,), dead=True),
    BadInput(
        "correlation_of_spring",
        "unknown_model",
        ROW,
        (RAW, ("kafka_correlationId", bytes(16)), ("model", b"other")),
    ),
    BadInput(
        "correlation_of_faststream",
        "unknown_model",
        ROW,
        (RAW, ("correlation_id", b"\xff"), ("model", b"other")),
    ),
    BadInput(
        "run_without_end",
        "model_timeout",
        body(tensor(shape=[1], datatype="INT64", data=[_TRIPS])),
        lane="trips",
    ),
    _measured("raises", "transform_failed", b"raise"),
    _measured("rejects", "invalid_value", b"reject"),
    _measured("returns_nothing", "transform_failed", b"nothing"),
    _measured("returns_another_shape", "transform_failed", b"shape"),
    _measured("returns_nan", "invalid_value", b"nan"),
    _measured("returns_too_many_rows", "too_large", b"rows"),
    _measured("raises_afterwards", "transform_failed", bytes(13)),
]


class RawBatch(NamedTuple):
    """A batch as it goes to Kafka; `unreadable` are the places in it that cannot be read.

    Its other records are good requests of the lane `rows`.
    """

    name: str
    batch: bytes
    count: int
    unreadable: tuple[int, ...]


_GOOD = body(tensor())


def _forged_offset():
    raw = raw_batches.batch(_GOOD, _GOOD, _GOOD)
    second = raw.index(b"\x00\x00\x02\x01", 61)  # attributes, timestamp, offset 1, no key
    raw[second + 2] = 100
    return raw_batches.seal(raw)


def _with_junk_behind(codec):
    """Kafka reads what is packed and does not look behind its end."""
    raw = raw_batches.batch(_GOOD, _GOOD, codec=codec) + b"junk" * 4
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    return raw_batches.seal(raw)


def _bomb(codec):
    return raw_batches.batch(bytes(6 * 2**20), _GOOD, codec=codec)


RAW_BATCHES = [
    RawBatch("header_name_not_utf8", raw_batches.bad_header_between(_GOOD, b"bad", _GOOD), 3, (1,)),
    RawBatch("header_name_not_utf8_alone", raw_batches.bad_header_between(b"bad", bad=0), 1, (0,)),
    RawBatch(
        "time_of_more_than_64_bits",
        raw_batches.long_time_behind_a_bad_header(_GOOD, b"bad", _GOOD),
        3,
        (1,),
    ),
    RawBatch("forged_offset", _forged_offset(), 3, (1, 2)),
    RawBatch("bomb_gzip", _bomb("gzip"), 2, (0, 1)),
    RawBatch("bomb_lz4", _bomb("lz4"), 2, (0, 1)),
    RawBatch("bomb_zstd", _bomb("zstd"), 2, (0, 1)),
    RawBatch("junk_behind_gzip", _with_junk_behind("gzip"), 2, (0, 1)),
    RawBatch("junk_behind_lz4", _with_junk_behind("lz4"), 2, (0, 1)),
]
"""What else is wrong with a batch Kafka refuses when it is produced; see test_damaged_log.py."""
