"""Lanes take turns at being admitted, and nobody's records keep the loop for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.admission import turns as turns_module
from daemon.admission.turns import MOST_RECORDS, TURN_S, Turns
from daemon.values.lane import PIECE_S
from daemon.values.messages import Chunk, Unreadable
from tests.fakes import FakeRecord
from tests.ledgers import make_ledger

WEIGHTS = {"standard": 1, "urgent": 8}
JSON_S, RAW_S = 1e-4, 5e-7
"""What a record takes on a slow machine."""


def chunk(count, lane="standard", unreadable=0):
    records = [FakeRecord(lane, 0, offset) for offset in range(count)]
    return Chunk(
        make_ledger(lane), records, [Unreadable(count + each, "") for each in range(unreadable)]
    )


def admit(turns, *chunks, record_s):
    """Admit `chunks`, each record in `record_s`; return the sizes of the pieces."""
    sizes = []
    for piece in turns.pieces(chunks):
        count = len(piece.records) + len(piece.unreadable)
        sizes.append(count)
        turns.admitted(piece.ledger.lane.name, count, count * record_s)
    return sizes


def learned(record_s, weights=WEIGHTS, lane="standard"):
    turns = Turns(weights)
    admit(turns, chunk(MOST_RECORDS, lane), record_s=record_s)
    return turns


def test_as_many_are_fetched_as_are_admitted_in_a_turn():
    assert learned(JSON_S).most_records("standard") == pytest.approx(TURN_S / JSON_S, abs=1)
    assert learned(RAW_S).most_records("standard") == MOST_RECORDS


def test_one_is_fetched_however_long_it_takes():
    assert learned(3.0).most_records("standard") == 1


def test_a_lane_alone_is_fetched_as_far_as_there_is_room():
    assert learned(3.0, {"standard": 1}).most_records("standard") == MOST_RECORDS


def test_no_piece_keeps_the_loop_for_long():
    assert max(admit(learned(JSON_S), chunk(1_000), record_s=JSON_S)) <= PIECE_S / JSON_S
    assert admit(learned(RAW_S), chunk(1_000), record_s=RAW_S) == [1_000]


def test_a_lane_alone_is_admitted_in_larger_pieces():
    turns = learned(JSON_S, {"standard": 1})

    assert max(admit(turns, chunk(1_000), record_s=JSON_S)) == pytest.approx(TURN_S / JSON_S, abs=1)


def test_the_first_piece_has_what_is_unreadable():
    turns = learned(JSON_S)

    pieces = list(turns.pieces([chunk(1_000, unreadable=3), chunk(0, unreadable=2)]))

    assert [len(piece.unreadable) for piece in pieces] == [3, *[0] * (len(pieces) - 2), 2]


def test_records_that_take_longer_are_noticed_in_the_next_piece():
    turns = learned(RAW_S)

    first, second, *_ = admit(turns, chunk(MOST_RECORDS), record_s=JSON_S)

    assert (first, second) == pytest.approx((PIECE_S / RAW_S, PIECE_S / JSON_S), abs=1)


def test_what_a_single_record_takes_beside_itself_is_not_taken_for_a_record_s():
    turns = learned(RAW_S)

    turns.admitted("standard", 1, PIECE_S / 5)

    assert turns.most_records("standard") == MOST_RECORDS


def test_the_lane_that_took_less_of_the_loop_by_its_weight_is_next():
    turns = Turns(WEIGHTS)
    order = []
    for _ in range(18):
        lane, *_ = turns.order(WEIGHTS)
        order.append(lane)
        pieces = admit(turns, chunk(100, lane), record_s=JSON_S)

    assert len(pieces) > 1
    assert order.count("urgent") == 16


def test_who_had_nothing_gathers_no_credit():
    turns = Turns({"standard": 1, "urgent": 1})
    for _ in range(100):
        turns.admitted("standard", 10, TURN_S)
    turns.rest()
    order = []
    for _ in range(4):
        lane, *_ = turns.order(WEIGHTS)
        order.append(lane)
        turns.admitted(lane, 10, TURN_S)

    assert order.count("urgent") == 2


def test_what_is_yet_to_be_admitted_is_coming():
    turns = learned(JSON_S)

    counts = [turns.coming_of("standard") for _ in turns.pieces([chunk(25), chunk(5)])]

    assert counts == [20, 10, 5, 0]
    assert turns.coming_of("urgent") == 0


_CHUNKS = st.lists(
    st.tuples(st.sampled_from(sorted(WEIGHTS)), st.integers(0, 5_000), st.integers(0, 3)),
    max_size=5,
)


def test_what_is_given_back_comes_next_in_pieces_by_what_its_neighbours_took():
    turns = learned(RAW_S)
    pieces = turns.pieces([chunk(MOST_RECORDS), chunk(5)])

    first = next(pieces)
    turns.admitted("standard", 100, 100 * JSON_S)
    pieces.give_back(Chunk(first.ledger, first.records[100:]))
    coming = turns.coming_of("standard")
    sizes = [len(piece.records) for piece in pieces]

    assert coming == MOST_RECORDS - 100 + 5
    assert sizes[:2] == [PIECE_S / JSON_S, PIECE_S / JSON_S]
    assert sum(sizes) == coming


@given(
    _CHUNKS,
    st.lists(st.sampled_from([0.0, 1e-7, 1e-5, 1e-3, 1.0]), min_size=1),
    st.lists(st.floats(0, 1), min_size=1),
)
def test_every_record_is_in_one_piece_and_pieces_keep_to_what_is_known(loads, costs_s, kept):
    turns = Turns(WEIGHTS)
    chunks = [chunk(count, lane, unreadable) for lane, count, unreadable in loads]
    came, unreadable = {id(each.ledger): [] for each in chunks}, 0
    expected_s = dict.fromkeys(WEIGHTS, turns_module._GUESS_S)
    pieces = turns.pieces(chunks)
    for number, piece in enumerate(pieces):
        lane, count = piece.ledger.lane.name, len(piece.records)
        assert count <= max(PIECE_S / expected_s[lane] if expected_s[lane] else MOST_RECORDS, 1)
        if count > 1:
            count = max(int(count * kept[number % len(kept)]), 1)
            pieces.give_back(Chunk(piece.ledger, piece.records[count:]))
        came[id(piece.ledger)] += piece.records[:count]
        unreadable += len(piece.unreadable)
        record_s = costs_s[number % len(costs_s)]
        seconds = record_s * (count + len(piece.unreadable))
        turns.admitted(lane, count + len(piece.unreadable), seconds)
        if seconds >= PIECE_S / 4 or record_s < expected_s[lane]:
            expected_s[lane] = record_s

    assert [came[id(each.ledger)] for each in chunks] == [list(each.records) for each in chunks]
    assert unreadable == sum(each for _, _, each in loads)
    assert not any(turns.coming_of(lane) for lane in WEIGHTS)
