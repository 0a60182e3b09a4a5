"""What leaves next for one partition: by turns of lanes, and no more than others have patience for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.line.destination import MOST_RECORDS, Destination
from daemon.values.messages import Answer
from daemon.values.outgoing import RecordRun
from daemon.values.reply_run import ReplyRun, apart
from tests.fakes import FakeRecord
from tests.ledgers import make_lane, make_ledger

PATIENCE_S = 0.02
VALUE = b"v" * 44
RECORD_BYTES = 300
"""Of one with VALUE."""


def answers(lane, count, *, first=0, value=VALUE):
    ledger = make_ledger(lane)
    return [
        Answer(
            FakeRecord(lane, 0, offset),
            ledger,
            lane,
            None,
            False,
            "replies",
            0,
            None,
            value,
            [],
            10,
        )
        for offset in range(first, first + count)
    ]


def run_of(made):
    """The same replies as one value."""
    values = [answer.value for answer in made]
    return ReplyRun(
        made,  # as requests: they have the same record and costs
        made[0].ledger,
        made[0].lane,
        "replies",
        0,
        RecordRun([None] * len(made), values, []),
        [answer.record.offset for answer in made],
        [answer.record.timestamp for answer in made],
        0,
        sum(map(len, values)),
        0,
    )


def make_destination(*, lanes=("standard", "urgent")):
    policies = {
        "standard": make_lane("standard", patience_s=1.0).policy,
        "urgent": make_lane("urgent", patience_s=PATIENCE_S, weight=8).policy,
    }
    return Destination({name: policies[name] for name in lanes})


def put(destination, leaving):
    for each in leaving:
        destination.queue(each.lane).append(each)


def learn(destination, *, start_s, record_s):
    """Let it see loads of two sizes."""
    for count in (1, 10):
        put(destination, answers("standard", count))
        destination.load()
        destination.left(start_s + record_s * count)


def offsets(load, lane="standard"):
    return [answer.record.offset for answer in apart(load) if answer.lane == lane]


def test_nothing_leaves_where_nothing_waits():
    assert make_destination().load() == []


def test_all_that_waits_leaves_at_once_as_it_came():
    destination = make_destination()
    made = answers("standard", 70)
    put(destination, [run_of(made[:64]), *made[64:]])

    load = destination.load()

    assert [each.count for each in load] == [64, *[1] * 6]
    assert offsets(load) == [*range(70)]
    assert destination.load() == []


def test_a_load_has_at_most_so_many_records():
    destination = make_destination()
    put(destination, answers("standard", MOST_RECORDS + 1))

    assert len(destination.load()) == MOST_RECORDS
    assert offsets(destination.load()) == [MOST_RECORDS]


def test_another_lane_is_in_the_next_load():
    destination = make_destination()
    put(destination, answers("standard", 2 * MOST_RECORDS))
    put(destination, answers("urgent", 3))

    assert offsets(destination.load(), "urgent") == [0, 1, 2]


def test_two_lanes_that_are_full_share_by_weight():
    destination = make_destination()
    put(destination, answers("standard", 10 * MOST_RECORDS))
    put(destination, answers("urgent", 10 * MOST_RECORDS))

    loads = [*destination.load(), *destination.load()]

    ratio = len(offsets(loads, "urgent")) / len(offsets(loads, "standard"))
    assert ratio == pytest.approx(8, rel=0.1)


def test_a_load_takes_half_of_the_least_patience_of_the_others():
    destination = make_destination()
    learn(destination, start_s=0.0, record_s=0.001)
    put(destination, answers("standard", 500))

    assert len(destination.load()) == 10


def test_a_lane_beside_which_nobody_is_urgent_is_cut_by_their_patience():
    destination = make_destination()
    learn(destination, start_s=0.0, record_s=0.001)
    put(destination, answers("urgent", 800))

    assert len(destination.load()) == 500


def test_large_answers_count_for_more():
    destination = make_destination()
    learn(destination, start_s=0.0, record_s=0.001)
    put(destination, answers("standard", 50, value=b"v" * 10 * RECORD_BYTES))

    assert len(destination.load()) == 1


def test_nothing_is_cut_where_loads_cost_much_by_themselves():
    """10 ms of 10 are for a start: loads of 3,000 records and more cost no more than 3 %."""
    destination = make_destination()
    learn(destination, start_s=0.01, record_s=1e-4)
    put(destination, answers("standard", MOST_RECORDS))

    assert len(destination.load()) == MOST_RECORDS


def test_nothing_is_cut_for_a_lane_that_is_alone():
    destination = make_destination(lanes=["standard"])
    learn(destination, start_s=0.0, record_s=1.0)
    put(destination, answers("standard", 500))

    assert len(destination.load()) == 500


def test_a_run_that_has_no_room_leaves_as_single_answers():
    destination = make_destination()
    learn(destination, start_s=0.0, record_s=0.001)
    made = answers("standard", 24)
    put(destination, [run_of(made[:8]), run_of(made[8:16]), run_of(made[16:])])

    first, second, third = (destination.load() for _ in range(3))

    assert [each.count for each in first] == [8, 1, 1]
    assert offsets([*first, *second, *third]) == [*range(24)]


turns = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["standard", "urgent"]), st.integers(1, 90), st.booleans()),
        st.tuples(st.just("load"), st.floats(0, 1), st.none()),
    ),
    max_size=40,
)


@given(turns)
def test_each_leaves_once_and_those_of_a_lane_in_their_order(turns):
    destination = make_destination()
    put_so_far = {"standard": 0, "urgent": 0}
    left = []
    for what, number, in_a_run in turns:
        if what == "load":
            load = destination.load()
            assert bool(load) == (len(apart(left)) < sum(put_so_far.values()))
            left += load
            if load:
                destination.left(number)
            continue
        made = answers(what, number, first=put_so_far[what])
        put(destination, [run_of(made)] if in_a_run else made)
        put_so_far[what] += number
    while load := destination.load():
        left += load

    for lane, count in put_so_far.items():
        assert offsets(left, lane) == [*range(count)]
