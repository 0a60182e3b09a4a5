"""Every decoder that reads a stranger's bytes, as a function of bytes that raises when one is wrong.

A decoder may refuse; what it may not is raise anything else, lose a record, or make up one. Inputs
are compact forms, so that a fuzzer reaches what lies behind checksums, names and codecs; `packed_*`
make them of what people would send.
"""

import itertools
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO

import cramjam
import msgspec
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition
from msgspec.structs import astuple
from PIL import Image

from daemon.admission.reply_topics import ReplyTopics
from daemon.answering.replay import Skip, letter_of, replay_of
from daemon.isolation.note import LONGEST, Alone, Note
from daemon.jobs.ends import End, outcome_of
from daemon.jobs.last_words import UnderWay
from daemon.kafka.group.committed import Commit
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.column_reading import read_columns
from daemon.kafka.reading.decompression import CannotUnpack, Decompressor
from daemon.kafka.reading.record_batches import HEAD, read_leniently
from daemon.kafka.reading.room import Room
from daemon.kafka.reading.tolerant_records import TolerantRecords
from daemon.telemetry.status.job_rows import job_rows
from daemon.values.errors import RequestRefused
from daemon.values.messages import Unreadable
from daemon.wire import binary, json_v2, npy
from daemon.wire.headers import REQUEST_HEADERS, read_headers
from runtime import Rejected
from runtime.transforms.picture import read_picture
from runtime.transforms.text_body import read_texts
from tests import bad_input, raw_batches
from tests.fakes import FakeRecord
from tests.shown import with_jobs
from tests.signatures import SIGNATURES, sentences
from tests.unit.admission import door
from tests.unit.wire.tensors import BOUNDS
from tests.unit.wire.test_fuzz import RAGGED, check

Target = Callable[[bytes], None]

_P = TopicPartition("requests", 0)
_LIMIT_BYTES = 2**16
_TIMES_MS = range(-(2**63), 2**63)
_LANES = tuple(bad_input.LANES)
_NAMES = (*sorted(REQUEST_HEADERS), "dlq-code", "dlq-topic", "dlq-partition", "dlq-offset")
_NAMES += ("dlq-attempts", "dlq-truncated", "dlq-dropped", "status", "error-code", "served-by", "")
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_PACK = {
    "gzip": cramjam.gzip.compress,
    "snappy": cramjam.snappy.compress_raw,
    "lz4": cramjam.lz4.compress,
    "zstd": cramjam.zstd.compress,
}
_SETTINGS = door.settings()
_ADMISSION = door.admission(_SETTINGS)
_TOPICS = ReplyTopics(_SETTINGS)
_MOST_PIXELS = 2**16
_TURNED = Image.Exif()
_TURNED[0x0112] = 6
_ALLOWED = ("bad.replies", "bad.elsewhere", "bad.dead")

# Forms


def packed_request(lane: str, headers: Sequence[tuple[str, bytes | None]], body: bytes) -> bytes:
    """Return a request in the form that `requests` reads."""
    return bytes([_LANES.index(lane)]) + packed_headers(headers) + body


def packed_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Return headers in the form that `headers` reads; a value has at most 254 bytes."""
    parts = [bytes([min(len(headers), 255)])]
    for name, value in headers[:255]:
        number = _NAMES.index(name) if name in _NAMES else len(_NAMES)
        text = b"" if value is None else value[:254]
        parts.append(bytes([number, 255 if value is None else len(text)]) + text)
    return b"".join(parts)


def _headers(data: bytes) -> tuple[list[tuple[str, bytes | None]], bytes]:
    """Return the headers at the start of `data`, and the rest."""
    count, at, headers = data[0] if data else 0, 1, []
    for _ in range(count):
        if at + 2 > len(data):
            break
        number, length = data[at], data[at + 1]
        at += 2
        name = _NAMES[number] if number < len(_NAMES) else f"other-{number}"
        headers.append((name, None if length == 255 else data[at : at + length]))
        at += 0 if length == 255 else length
    return headers, data[at:]


# Records


def record_batch(data: bytes) -> None:
    """The records of a batch, packed by a codec or not: each is read or reported, once, in order.

    The first byte chooses the codec and whether the rest is packed for it already; then come how
    many records and offsets the batch claims, and its records.
    """
    if len(data) < 3:
        return
    codec, is_packed = _CODECS[data[0] & 7 if data[0] & 7 < len(_CODECS) else 0], data[0] & 8
    count, offsets, records = data[1], data[2], data[3:]
    if codec != "none" and not is_packed:
        records = bytes(_PACK[codec](records))
    batch = _batch(records, codec, count, offsets)
    if codec == "none":
        _require_columns(memoryview(bytes(batch)))
    batch += raw_batches.batch(b"next")
    _place(batch, HEAD.size + len(records), offsets + 1)
    batch_reading = BatchReading(_LIMIT_BYTES)
    reader = TolerantRecords(
        _P, _MemoryRecordsPy(bytes(batch)), [], 0, batch_reading, None, None, READ_COMMITTED
    )
    most = 1 + (data[0] >> 4)
    read = []
    while not reader.ended:
        taken = reader.take(Room(most, 2**15))
        _require(len(taken) <= most, "more records than there was room for")
        read += [record.offset for record in taken]
    bad = [each.offset for each in batch_reading.take().get(_P, ())]
    _require(read == sorted(set(read)), "records twice, or out of order")
    _require(not set(read) & set(bad), "a record both read and reported")
    _require(all(0 <= offset <= offsets + 1 for offset in read + bad), "an offset made up")
    _require(read[-1:] == [offsets + 1], "what follows the batch is hidden")
    _require(reader.ended and reader.next_fetch_offset == offsets + 2, "no end")


def _require_columns(batch: memoryview) -> None:
    """What is read by columns is what is read record by record."""
    columns = read_columns(*_P, [batch])
    if columns is not None:
        alone = [*read_leniently(batch, *_P, 0)]
        _require([*map(astuple, columns)] == [*map(astuple, alone)], "columns that are no records")


def _batch(records: bytes, codec: str, count: int, offsets: int) -> bytearray:
    length = HEAD.size - 12 + len(records)
    head = (0, length, -1, 2, 0, _CODECS.index(codec), offsets, 0, 0, -1, -1, -1, count)
    return raw_batches.seal(bytearray(HEAD.pack(*head) + records))


def _place(batch: bytearray, at: int, offset: int) -> None:
    struct.pack_into(">q", batch, at, offset)


def fetched_bytes(data: bytes) -> None:
    """What a broker answers, byte for byte; the checksum is right, as it is where a broker checks."""
    raw = bytearray(data)
    if len(raw) >= HEAD.size:
        (length,) = struct.unpack_from(">i", raw, 8)
        if length + 12 == len(raw):
            raw_batches.seal(raw)
    batch_reading = BatchReading(_LIMIT_BYTES)
    reader = TolerantRecords(
        _P, _MemoryRecordsPy(bytes(raw)), [], 0, batch_reading, None, None, READ_COMMITTED
    )
    for _ in range(len(data) + 1):
        if reader.ended:
            return
        reader.take(Room(100, 2**20))
    raise WrongDecoder("no end")


def lenient_records(data: bytes) -> None:
    """The reader that goes on where the client's stops."""
    if len(data) < HEAD.size:
        return
    for number, item in enumerate(read_leniently(memoryview(data), "t", 0, 0)):
        if not isinstance(item, Unreadable):
            _require(item.offset >= 0, "an offset below the first")
            _require(item.timestamp in _TIMES_MS, "a time of more than 64 bits")
        if number > 2_000:
            return


def decompression(data: bytes) -> None:
    """Each codec, on bytes that are no work of its own."""
    if not data:
        return
    decompressor, batch = Decompressor(_LIMIT_BYTES), memoryview(bytes(HEAD.size) + data[1:])
    codec = data[0] % 8
    small = decompressor.unpack_small(batch, codec)
    try:
        whole = decompressor.unpack(batch, codec).plain
    except CannotUnpack:
        _require(small is None, "unpacked in the window only")
    else:
        _require(len(whole) <= HEAD.size + _LIMIT_BYTES, "more than the bound")
        _require(small is None or small == bytes(whole), "two results")


# Requests


def requests(data: bytes) -> None:
    """A whole request, of any lane and form: a request or an answer comes of it."""
    if not data:
        return
    lane = _LANES[data[0] % len(_LANES)]
    headers, body = _headers(data[1:])
    record = FakeRecord(f"bad.{lane}", 3, 7, int(door.WALL_MS), b"k", body, tuple(headers))
    admitted = _ADMISSION.admit(lane, door.chunk(record), now_s=door.NOW_S, wall_ms=door.WALL_MS)
    _require(len(admitted.requests) + len(admitted.answers) == 1, "lost, or doubled")
    _require(admitted.cost_bytes >= len(body), "cheaper than its bytes")
    for answer in admitted.answers:
        _require(_may_go_to(answer.topic), f"an answer to {answer.topic}")
    for request in admitted.requests:
        _require(_may_go_to(request.reply_topic), f"a reply to {request.reply_topic}")
        _require(request.rows >= 1, "a request without rows")


def _may_go_to(topic: str) -> bool:
    return topic in _ALLOWED or topic.startswith("bad.replies.")


def headers(data: bytes) -> None:
    """Headers by themselves."""
    sent, _ = _headers(data)
    said = read_headers(sent, _SETTINGS.limits)
    events = [("correlation-id", value) for name, value in sent if name == "ce_id"]
    came = said.correlation is None or said.correlation in [*sent, *events]
    _require(came, "a correlation made up")
    topic = _TOPICS.allowed(said.reply_to)
    _require(topic is None or _may_go_to(topic), f"a reply to {topic}")


def reply_address(data: bytes) -> None:
    """A reply topic as it was asked for, alone."""
    topic = _TOPICS.allowed(data)
    _require(topic is None or _may_go_to(topic), f"a reply to {topic!r}")


def json_body(data: bytes) -> None:
    """An Open Inference Protocol request in JSON."""
    for signature in (*SIGNATURES.values(), sentences()):
        with suppress(RequestRefused):
            check(json_v2.decode(data, signature, BOUNDS), signature)


def binary_body(data: bytes) -> None:
    """The same with binary parts; the first two bytes are the length of the JSON."""
    (length,) = struct.unpack_from("<H", data.ljust(2, b"\0"))
    for signature in SIGNATURES.values():
        with suppress(RequestRefused):
            check(binary.decode(data[2:], length, signature, BOUNDS), signature)


def npy_body(data: bytes) -> None:
    """A .npy file."""
    for name in ("rows", "ids", "spans"):
        with suppress(RequestRefused):
            check(npy.decode(data, SIGNATURES[name], BOUNDS), SIGNATURES[name])


def raw_rows(data: bytes) -> None:
    """Raw rows in a chunk of their own kind."""
    lane = ("rows", "ids", "logs")[data[0] % 3] if data else "rows"
    bodies = [data[1 + at : 65 + at] for at in range(0, max(len(data) - 1, 1), 64)][:64]
    records = [
        FakeRecord(f"bad.{lane}", 3, offset, 0, None, body, (bad_input.RAW,))
        for offset, body in enumerate(bodies)
    ]
    admitted = _ADMISSION.admit(lane, door.chunk(*records), now_s=door.NOW_S, wall_ms=door.WALL_MS)
    ended = [each.record.offset for each in (*admitted.requests, *admitted.answers)]
    _require(sorted(ended) == [*range(len(bodies))], "lost, or doubled")


def dead_letter(data: bytes) -> None:
    """The headers of a dead letter that is to be sent again."""
    sent, body = _headers(data)
    record = FakeRecord("dead", 0, 5, 1_000, None, body or None, tuple(sent))
    sent_again = replay_of(record, letter_of(record), {"requests"})
    if not isinstance(sent_again, Skip):
        _require(sent_again.topic == "requests", f"sent to {sent_again.topic}")
        _require(sent_again.partition >= 0, "a partition below the first")
        _require(sent_again.value == body, "another body")


def commit(data: bytes) -> None:
    """The metadata of a commit, whoever made it; what was understood of it is committed again."""
    made = Commit.of(7, data.decode("latin-1"))
    edges = (7, *made.answered)
    _require(all(a < b for a, b in itertools.pairwise(edges)), "runs that do not go upward")
    _require(len(made.note.text) <= 4 * LONGEST, "a note without an end")
    if made.has_room:
        _require(Commit.of(7, made.metadata) == made, "not what was read")


def picture(data: bytes) -> None:
    """A file as the ready-made transform of pictures reads it."""
    with suppress(Rejected):
        read = read_picture(data, channels=3, max_pixels=_MOST_PIXELS)
        _require(read.mode == "RGB", f"pixels of {read.mode}")
        _require(read.width * read.height <= _MOST_PIXELS, "more pixels than it may have")


def text_body(data: bytes) -> None:
    """Texts as their ready-made transform is sent them: plain after a zero, else JSON."""
    headers = {} if data[:1] == b"\0" else {"content-type": b"application/json"}
    with suppress(Rejected):
        texts, many = read_texts(data[1:], headers)
        _require(many or len(texts) == 1, "several texts of one")
        both = [each for pair in texts for each in pair if each is not None]
        _require(all(isinstance(each, str) for each in both), "a text that is none")


def job_word(data: bytes) -> None:
    """What the topic of jobs says, whoever wrote it; what is understood is shown on a page."""
    words = UnderWay()
    words.hear([FakeRecord("jobs", 0, 0, value=data, headers=[("ce_type", b"tidemill.job.x")])])
    rows = [row._asdict() for row in job_rows(words.heard(), 1e9)]
    _require(all(row["items"] >= 0 for row in rows), "fewer items than none")
    _require(len(json.loads(msgspec.json.encode(rows))) == len(rows), "what no page can show")


def job_reply(data: bytes) -> None:
    """A reply to an item of a job, whoever wrote it; its end is written into the results."""
    sent, body = _headers(data)
    outcome = outcome_of(sent, body)
    _require(isinstance(outcome.end, End), "no end")
    _require(json.loads(msgspec.json.encode(outcome))[0] == outcome.end, "what no file can hold")


class WrongDecoder(Exception):
    """A decoder did what it may not."""


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WrongDecoder(otherwise)


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        record_batch,
        fetched_bytes,
        lenient_records,
        decompression,
        requests,
        headers,
        reply_address,
        json_body,
        binary_body,
        npy_body,
        raw_rows,
        dead_letter,
        commit,
        picture,
        text_body,
        job_word,
        job_reply,
    )
}


def seeds() -> Iterator[tuple[str, bytes]]:
    """Yield what people send, rightly and wrongly, in the form of its target."""
    cases = [(each.lane, each.sent_headers, each.value or b"") for each in bad_input.BAD_INPUT]
    cases += [(lane, sent, body) for lane, (body, sent) in bad_input.GOOD.items()]
    for lane, sent, body in cases:
        if len(body) > 4_096:
            continue
        yield "requests", packed_request(lane, sent, body)
        yield "headers", packed_headers(sent)
        named = dict(sent)
        if "inference-header-content-length" in named:
            length = named["inference-header-content-length"]
            if length.isdigit():
                yield "binary_body", struct.pack("<H", int(length) & 0xFFFF) + body
        elif body.startswith(b"\x93NUMPY"):
            yield "npy_body", body
        elif body[:1] in {b"{", b"["}:
            yield "json_body", body
        else:
            yield "raw_rows", b"\0" + body
    yield "json_body", RAGGED
    for form in ("PNG", "JPEG", "WEBP"):
        file = BytesIO()
        Image.new("RGB", (9, 7), (1, 2, 3)).save(file, form, exif=_TURNED)
        yield "picture", file.getvalue()
    for body in (b"\0text", b'1{"text": "a", "pair": "b"}', b'1{"text": ["a", "\\ud800"]}'):
        yield "text_body", body
    yield from _record_seeds()
    for topic in (
        b"bad.replies",
        b"bad.replies.x",
        b"bad.elsewhere",
        b"__consumer_offsets",
        b"a/b",
    ):
        yield "reply_address", topic
    yield "commit", Commit(7, "id", (9, 12), Note("a1", "b2", None, Alone(8, 9))).metadata.encode()
    yield "job_word", msgspec.json.encode(with_jobs().jobs.words[0])
    failed = [("status", b"error"), ("error-code", b"invalid_shape"), ("served-by", b"m@1")]
    yield "job_reply", packed_headers(failed) + b'{"detail": "too short"}'
    said = [("dlq-topic", b"requests"), ("dlq-partition", b"3"), ("dlq-offset", b"17")]
    yield "dead_letter", packed_headers([*said, ("dlq-code", b"model_failed")]) + b"body"


def _record_seeds() -> Iterator[tuple[str, bytes]]:
    sent = [[("correlation-id", b"7")], [("a", None)], []]
    plain = bytes(raw_batches.batch(b"one", None, b"x" * 300, headers=sent))
    bad = bytes(raw_batches.bad_header_between(b"a", b"b", b"c"))
    long = bytes(raw_batches.long_time_behind_a_bad_header(b"a", b"b", b"c"))
    for raw in (plain, bad, long):
        yield "fetched_bytes", raw
        yield "lenient_records", raw
        for number in range(len(_CODECS)):
            yield "record_batch", bytes([number | 0x20, 3, 2]) + raw[HEAD.size :]
    for codec in _CODECS[1:]:
        raw = bytes(raw_batches.batch(b"a" * 500, b"b" * 500, codec=codec))
        yield "fetched_bytes", raw
        packed = raw[HEAD.size :]
        yield "decompression", bytes([_CODECS.index(codec)]) + packed
        yield "record_batch", bytes([_CODECS.index(codec) | 8, 2, 1]) + packed
