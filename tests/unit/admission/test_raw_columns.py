"""Records by columns must be treated as each of them would be alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from daemon.answering.replies import Replies
from daemon.values.messages import Chunk
from daemon.values.reply_run import apart
from daemon.values.request_run import RequestRun, in_runs
from tests.ledgers import make_ledger
from tests.record_columns import columns_of
from tests.unit.admission.door import (
    NOW_S,
    WALL_AHEAD_S,
    WALL_MS,
    admission,
    record,
    served,
    settings,
)
from tests.unit.admission.test_raw_lane import (
    CORRELATED,
    FOREIGN,
    LANES,
    OCTETS,
    ROW,
    TIMED,
    TRACE,
    examining,
    looked_at,
    sensible,
)

LEDGER = make_ledger("bad.rows", 3, 0)
LATE_MS = int(WALL_MS) - 10**8


@pytest.fixture(autouse=True)
def _however_few(monkeypatch):
    monkeypatch.setattr("daemon.admission.raw_lane.LEAST_ALIKE", 1)


def sent(*records):
    """The same records at offsets that follow each other."""
    return [each._replace(offset=place) for place, each in enumerate(records)]


def outcomes(door, records):
    admitted = door.admit("rows", Chunk(LEDGER, records), now_s=NOW_S, wall_ms=WALL_MS)
    found = [*admitted.requests, *admitted.answers]
    return [
        (kind, {name: _plain(value) for name, value in fields.items()})
        for kind, fields in sorted(map(looked_at, found), key=repr)
    ], (admitted.count, admitted.cost_bytes, admitted.skewed)


def _plain(value):
    """Records are of one kind or another; what they say is not."""
    if not hasattr(value, "timestamp"):
        return value
    return value.offset, value.timestamp, value.key, value.value, [*value.headers]


values = st.sampled_from([b"", b"id", b"1000", b"x" * 129, b"bad.replies.1", OCTETS[1]])
records = st.builds(
    lambda headers, others, keys, ages_ms, bodies: sent(
        *[
            record(
                body,
                *[
                    (name, value if other is None else other)
                    for (name, value), other in zip(headers, others[place:], strict=False)
                ],
                key=b"k" * place if keys else None,
                timestamp=int(WALL_MS) - age_ms,
            )
            for place, (body, age_ms) in enumerate(zip(bodies, ages_ms, strict=False))
        ]
    ),
    st.lists(st.sampled_from(sensible), max_size=5),
    st.lists(st.one_of(st.none(), st.none(), st.none(), values), min_size=9, max_size=9),
    st.booleans(),
    st.lists(st.sampled_from([0, 0, 10, 5_000, 10**7, -5_000]), min_size=4, max_size=4),
    st.lists(st.sampled_from([ROW, ROW, ROW, ROW * 2, b"x", b""]), min_size=1, max_size=4),
)


@pytest.mark.parametrize("lane", LANES.values(), ids=LANES)
@given(records)
def test_columns_are_treated_as_the_examiner_treats_each_record(lane, alone):
    chosen = settings(lanes={"rows": lane})
    columns = columns_of(alone)
    if columns is not None:
        assert outcomes(admission(chosen), columns) == outcomes(examining(chosen), alone)


def admitted_by_columns(*alone, lane="raw", chosen=None):
    """The one run that records come to, None where they do not come to one."""
    door = admission(chosen or settings(lanes={"rows": LANES[lane]}))
    admitted = door.admit(
        "rows", Chunk(LEDGER, columns_of(sent(*alone))), now_s=NOW_S, wall_ms=WALL_MS
    )
    runs = in_runs(admitted.requests)
    if len(runs) != 1 or not isinstance(runs[0], RequestRun) or len(alone) != runs[0].count:
        return None
    return runs[0]


@pytest.mark.parametrize(
    "dress",
    [
        lambda place: [],
        lambda place: [("correlation-id", b"%d" % 10**place)],
        lambda place: [OCTETS, ("correlation-id", b"%d" % 10**place), TIMED],
        lambda place: [CORRELATED, TRACE, ("tenant", b"t" * place)],
    ],
    ids=["nothing", "bare", "typical", "traced"],
)
def test_what_requests_mostly_carry_is_one_run_whatever_its_length(dress):
    alone = [
        record(ROW, *dress(place), key=b"k" * place, timestamp=int(WALL_MS) - place)
        for place in range(4)
    ]

    run = admitted_by_columns(*alone)

    assert [*run.columns.keys] == [b"", b"k", b"kk", b"kkk"]
    assert run.columns.offsets == range(4)
    assert run.columns.records.values.data is run.columns.keys.data  # nothing is copied


@pytest.mark.parametrize(
    "odd",
    [
        record(ROW, OCTETS, ("correlation-id", b"x" * 129), TIMED),
        record(ROW, OCTETS, CORRELATED, ("timeout-ms", b"soon")),
        record(ROW, OCTETS, CORRELATED, TIMED, timestamp=LATE_MS),
        record(ROW * 2, OCTETS, CORRELATED, TIMED),
        record(ROW[:-1], OCTETS, CORRELATED, TIMED),
    ],
    ids=["a long id", "no timeout", "late", "two rows", "half a row"],
)
def test_one_that_differs_leaves_all_to_who_looks_at_each(odd):
    alike = [record(ROW, OCTETS, CORRELATED, TIMED) for _ in range(3)]

    assert admitted_by_columns(*alike) is not None
    assert admitted_by_columns(*alike, odd) is None


def test_where_replies_go_and_how_long_they_may_take_may_differ():
    alone = [
        record(ROW, ("reply-to", b"bad.replies.%d" % (place % 2)), ("timeout-ms", b"%d000" % place))
        for place in range(1, 5)
    ]

    run = admitted_by_columns(*alone)

    assert [each.reply_topic for each in run.apart()] == ["bad.replies.1", "bad.replies.0"] * 2
    assert [each.expires_s - NOW_S for each in run.apart()] == pytest.approx([1, 2, 3, 4])


def test_replies_are_those_of_requests_that_are_looked_at_alone(monkeypatch):
    monkeypatch.setattr("daemon.answering.batch_replies.LEAST_ALIKE", 1)
    addresses = [
        [("reply-to", b"bad.replies.1"), ("kafka_replyPartition", b"\0\0\0\5")],
        [("reply-to", b"bad.replies.2"), ("kafka_replyPartition", b"\0\0\0\6")],
    ]
    alone = sent(
        *[
            record(ROW, *addresses[place % 3 % 2], ("correlation-id", b"%d" % place), TRACE)
            for place in range(8)
        ]
    )
    outputs = np.arange(64, dtype=np.float32).reshape(8, 8)

    def answers(door, records):
        admitted = door.admit("rows", Chunk(LEDGER, records), now_s=NOW_S, wall_ms=WALL_MS)
        run, part = served("rows", admitted.requests, y=outputs)
        replies = Replies(settings(), span_ids=lambda: 0xABC)
        made = apart(replies.results(run, part, wall_ahead_s=WALL_AHEAD_S))
        made.sort(key=lambda each: each.record.offset)
        return [
            {name: _plain(value) for name, value in structs.asdict(each).items()} for each in made
        ]

    chosen = settings(lanes={"rows": LANES["raw"]})
    assert admitted_by_columns(*alone) is not None
    assert answers(admission(chosen), columns_of(alone)) == answers(examining(chosen), alone)


def test_more_ways_than_a_few_are_looked_at_one_by_one():
    timeouts = [("timeout-ms", b"%d" % (1_000 + place)) for place in range(65)]

    assert admitted_by_columns(*[record(ROW, each) for each in timeouts[:64]]) is not None
    assert admitted_by_columns(*[record(ROW, each) for each in timeouts]) is None


def test_limits_are_the_examiner_s():
    few = settings(lanes={"rows": LANES["raw"]}, limits={"headers": 2})
    three = record(ROW, *FOREIGN[:3])

    assert admitted_by_columns(three) is not None
    assert admitted_by_columns(three, chosen=few) is None
    assert admitted_by_columns(record(ROW, ("other", b"x" * 2**14))) is None
