"""A batch of the daemon's making is the client's, to the byte, be its records alone or in runs."""

import hypothesis.strategies as st
import numpy as np
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given

from daemon.kafka.writing.load import Load
from daemon.values.outgoing import HeaderColumn, Numbered, RecordRun

NOW_MS = 1_700_000_000_123
PRODUCER = (7, 3, 42)

texts = st.binary(max_size=90) | st.binary(min_size=8_100, max_size=8_300)
keys = st.none() | texts
headers = st.tuples(st.sampled_from(["status", "correlation-id", "ä"]), texts)
alone = st.tuples(keys, keys, st.lists(headers, max_size=3))


@st.composite
def columns(draw, count):
    """A column of texts of any lengths, of one length, or numbered."""
    kind = draw(st.sampled_from(["any", "one length", "numbered"]))
    if kind == "numbered":
        first, step = draw(st.integers(0, 10**8)), draw(st.integers(1, 3))
        return Numbered(draw(texts), range(first, first + step * (count - 1) + 1, step))
    if kind == "one length":
        return np.full((count, draw(st.integers(1, 200))), draw(st.integers(0, 255)), np.uint8)
    few = draw(st.lists(st.binary(max_size=9) | texts, min_size=1, max_size=6))
    return (few * count)[:count]


@st.composite
def runs(draw):
    count = draw(st.integers(1, 12) | st.integers(60, 70))
    few = draw(st.lists(keys, min_size=1, max_size=4))
    shared = [
        HeaderColumn(name, draw(columns(count))) if draw(st.booleans()) else (name, text)
        for name, text in draw(st.lists(headers, max_size=4))
    ]
    return RecordRun((few * count)[:count], draw(columns(count)), shared)


def apart(outgoing):
    """The records of `outgoing`, one by one."""
    return [
        record
        for each in outgoing
        for record in (each.apart() if isinstance(each, RecordRun) else [each])
    ]


def by_the_client(records, size_bytes, in_transaction):
    """As many of `records` as the client's builder takes, and how many."""
    one_is_left_free = size_bytes + 1
    builder = BatchBuilder(one_is_left_free, 0, is_transactional=in_transaction)
    for key, value, own in records:
        if builder.append(timestamp=NOW_MS, key=key, value=value, headers=own) is None:
            break
    builder.close()
    builder._set_producer_state(*PRODUCER)
    return bytes(builder._build()), builder.record_count()


def assert_same(outgoing, size_bytes, *, in_transaction=False):
    """All batches of `outgoing` are those of the client's builder."""
    load, left = Load(outgoing), apart(outgoing)
    while left:
        expected, count = by_the_client(left, size_bytes, in_transaction)

        batch = load.next_batch(size_bytes=size_bytes, now_ms=NOW_MS, in_transaction=in_transaction)
        batch._set_producer_state(*PRODUCER)

        assert (batch.record_count(), batch.size()) == (count, len(expected))
        assert bytes(batch._build()) == expected
        load.taken(batch)
        del left[:count]
    assert load.done


@given(
    outgoing=st.lists(alone | runs(), min_size=1, max_size=6),
    size_bytes=st.integers(1, 40_000) | st.just(2**20),
    in_transaction=st.booleans(),
)
def test_batches_are_those_of_the_client_s_builder(outgoing, size_bytes, in_transaction):
    assert_same(outgoing, size_bytes, in_transaction=in_transaction)


def lengths(*each):
    return [bytes(length) for length in each]


LAYOUTS = {
    "short": lengths(0, 1, 5, 63),
    "with longer ones": lengths(3, 63, 64, 65, 130, 200),
    "with long ones": lengths(3, 300, 63),
    "of one length": lengths(8) * 5,
    "empty": lengths(0) * 5,
    "about as long as two bytes say": lengths(*range(8_000, 8_200, 10)),
    "numbers below a table": Numbered(b"t/3/", range(7, 40)),
    "numbers of one digit": Numbered(b"t/3/", range(10)),
    "numbers of three digits": Numbered(b"t/3/", range(100, 1_000, 9)),
    "numbers of four digits": Numbered(b"t/3/", range(1_000, 1_100)),
    "numbers that get longer": Numbered(b"t/3/", range(9_990, 10_010)),
    "numbers of another table": Numbered(b"t/3/", range(19_990, 20_010)),
    "numbers of one table": Numbered(b"t/3/", range(1_234_500, 1_234_600, 3)),
    "one array": np.arange(250, dtype=np.uint8).reshape(5, 50),
}


@pytest.mark.parametrize("size_bytes", [300, 20_000, 2**20])
@pytest.mark.parametrize("column", LAYOUTS.values(), ids=LAYOUTS)
def test_columns_of_every_layout_are_written_as_the_client_writes_them(column, size_bytes):
    count = len(column.numbers) if isinstance(column, Numbered) else len(column)
    keys = [None if number % 3 else b"k%d" % number for number in range(count)]
    run = RecordRun(keys, column, [("status", b"ok"), HeaderColumn("id", column)])
    plain = RecordRun([None] * count, column, [HeaderColumn("id", column), ("status", b"ok")])

    assert_same([(b"k", b"v", []), run, plain, run, (None, None, [])], size_bytes)


def test_places_beyond_two_bytes_are_written_as_well():
    assert_same([RecordRun([None] * 9_000, [b"x"] * 9_000, [])], 2**20)
