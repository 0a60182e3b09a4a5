"""Lag in records and seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.kafka.reading.lag import Lag, behind
from tests.ledgers import make_ledger

P = ("t", 0)
NOW_MS = 1_000_000.0


def _read(lag, ledger, first, count, written_ms):
    ledger.start(range(first, first + count), position=first + count)
    lag.read(ledger, first, written_ms, NOW_MS - 5_000)


def _age_s(lag, ledger, end):
    return lag.seconds({P: ledger}, {P: end}, NOW_MS)["t"]


def test_the_age_is_that_of_the_chunk_with_the_oldest_unanswered_record():
    lag, ledger = Lag(), make_ledger("t", 0, 0)
    _read(lag, ledger, 0, 10, 900_000)
    _read(lag, ledger, 10, 10, 990_000)

    assert _age_s(lag, ledger, 20) == 100
    ledger.settle(range(10))
    assert _age_s(lag, ledger, 20) == 10


def test_nothing_unanswered_and_nothing_unread_is_no_lag():
    lag, ledger = Lag(), make_ledger("t", 0, 0)
    _read(lag, ledger, 0, 10, 900_000)
    ledger.settle(range(10))

    assert _age_s(lag, ledger, 10) == 0


def test_unread_records_are_no_older_than_the_last_time_the_end_was_reached():
    lag, ledger = Lag(), make_ledger("t", 0, 0)
    _read(lag, ledger, 0, 10, 100_000)
    ledger.settle(range(10))

    assert _age_s(lag, ledger, 11) == 900
    lag.caught_up(ledger, 998_000)
    assert _age_s(lag, ledger, 11) == 2


def test_a_partition_never_read_has_no_known_age():
    assert _age_s(Lag(), make_ledger("t", 0, 0), 10) == 0


def test_what_was_known_of_a_partition_is_forgotten_when_it_comes_back():
    lag, before = Lag(), make_ledger("t", 0, 0)
    _read(lag, before, 0, 10, 1_000)
    before.settle(range(10))

    assert _age_s(lag, make_ledger("t", 0, 500), 501) == 0


def test_a_record_without_a_timestamp_is_as_old_as_the_time_when_it_was_read():
    lag, ledger = Lag(), make_ledger("t", 0, 0)
    _read(lag, ledger, 0, 10, -1)

    assert _age_s(lag, ledger, 10) == 5


def test_a_timestamp_in_the_future_is_no_negative_age():
    lag, ledger = Lag(), make_ledger("t", 0, 0)
    _read(lag, ledger, 0, 10, 2_000_000)

    assert _age_s(lag, ledger, 10) == 0


def test_answered_chunks_are_forgotten():
    lag, ledger = Lag(), make_ledger("t", 0, 0)
    for first in range(0, 1_000, 10):
        _read(lag, ledger, first, 10, 900_000)
        ledger.settle(range(first, first + 10))

    assert len(lag._marks[ledger]) <= 2


@given(st.lists(st.tuples(st.integers(1, 5), st.lists(st.integers(0, 9), max_size=2)), max_size=30))
def test_the_age_is_that_of_the_last_chunk_that_begins_no_later_than_what_is_unanswered(steps):
    lag, ledger, written, outstanding = Lag(), make_ledger("t", 0, 0), {}, []
    for number, (count, settled) in enumerate(steps):
        first = ledger.position
        written[first] = 900_000 + number
        _read(lag, ledger, first, count, written[first])
        outstanding.append(range(first, first + count))
        for which in settled[: len(outstanding)]:
            ledger.settle(outstanding.pop(which % len(outstanding)))
        if ledger.span:
            begun = [offset for offset in written if offset <= ledger.committable]
            age_s = (NOW_MS - written[begun[-1]]) / 1000
            assert _age_s(lag, ledger, ledger.position) == pytest.approx(age_s)


def test_what_is_behind_is_counted_by_topic():
    one, two, other = make_ledger("t", 0, 5), make_ledger("t", 1, 10), make_ledger("u", 0, 0)
    ends = {("t", 0): 8, ("t", 1): 10, ("u", 0): None}

    assert behind({P: one, ("t", 1): two, ("u", 0): other}, ends.get) == {"t": 3, "u": 0}
