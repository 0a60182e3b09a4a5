"""JSON records by columns must be treated as each of them would be alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.admission.model_rules import ModelRules
from daemon.answering.replies import Replies
from daemon.values.errors import Code
from daemon.values.messages import Chunk, Form
from daemon.values.reply_run import apart
from daemon.values.request_run import RequestRun, in_runs
from tests.bad_input import JSON
from tests.ledgers import make_ledger
from tests.record_columns import columns_of
from tests.signatures import SIGNATURES, sentences
from tests.unit.admission.door import (
    NOW_S,
    WALL_AHEAD_S,
    WALL_MS,
    admission,
    record,
    served,
    settings,
)
from tests.unit.admission.test_json_bodies import (
    GOOD,
    HOSTILE,
    LANES,
    bodies,
    body_of_spans,
    changed,
    said,
    sent,
)
from tests.unit.admission.test_raw_lane import TRACE, sensible

OF_ONE_ROW = ["ids", "pair", "rows"]
ONE_ROW = {
    "ids": GOOD["ids"].replace("[4]", "[1]").replace("[1, 2, 3, 4]", "[3]"),
    "pair": GOOD["pair"],
    "rows": GOOD["rows"].replace("{", '{"id": "one", ', 1),
}
FRESH = int(WALL_MS)


@pytest.fixture(autouse=True)
def _however_few(monkeypatch):
    monkeypatch.setattr("daemon.admission.json_columns.LEAST_ALIKE", 1)


def taught(lane, body, *, by_columns=True, **sections):
    """A door that has seen a body, with its columns or without."""
    door = admission(settings(**sections))
    if not by_columns:
        door._json_lanes.clear()
    door.admit(lane, Chunk(ledger(lane), sent(lane, [body])), now_s=NOW_S, wall_ms=WALL_MS)
    return door


def ledger(lane):
    return make_ledger(f"bad.{lane}", 3, 0)


def admitted(door, lane, records):
    return door.admit(lane, Chunk(ledger(lane), records), now_s=NOW_S, wall_ms=WALL_MS)


def outcomes(door, lane, records):
    found = admitted(door, lane, records)
    by_offset = {
        each.record.offset: (type(each), plain(said(each)))
        for each in [*found.requests, *found.answers]
    }
    return by_offset, found.count, found.cost_bytes, found.skewed


def plain(fields):
    """Records are of one kind or another; what they say is not."""
    each = fields.pop("record")
    return fields | {"of": (each.offset, each.timestamp, each.key, each.value, [*each.headers])}


def assert_same(lane, records, body, **sections):
    columns = columns_of(records)
    if columns is not None:
        alone = outcomes(taught(lane, body, by_columns=False, **sections), lane, records)
        assert outcomes(taught(lane, body, **sections), lane, columns) == alone


def runs_of(lane, records, door=None):
    """How many requests each run has that records come to; 1 of one that is in none is 0."""
    door = door or taught(lane, ONE_ROW[lane].encode())
    found = in_runs(admitted(door, lane, columns_of(records)).requests)
    return [each.count if isinstance(each, RequestRun) else 0 for each in found]


@pytest.mark.parametrize("lane", OF_ONE_ROW)
def test_requests_of_one_frame_are_one_run(lane):
    (run,) = in_runs(
        admitted(
            taught(lane, ONE_ROW[lane].encode()),
            lane,
            columns_of(sent(lane, [ONE_ROW[lane].encode()] * 5)),
        ).requests
    )

    assert (run.count, run.rows, run.form) == (5, 5, Form.JSON)
    assert {name: len(array) for name, array in run.inputs.items()} == {
        each.name: 5 for each in SIGNATURES[lane].inputs
    }


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("case", HOSTILE)
def test_a_body_that_is_nearly_like_another_is_read_as_if_it_were_alone(case, lane):
    for text in (GOOD[lane], ONE_ROW.get(lane, GOOD[lane])):
        good = text.encode()
        bad = text.replace(*HOSTILE[case]).encode("utf-8", "surrogateescape")
        for texts in ([good, bad, good], [bad]):
            assert_same(lane, sent(lane, texts), good)


def test_values_out_of_a_model_s_range_are_refused():
    good = ONE_ROW["ids"].encode()
    records = columns_of(sent("ids", [good, good.replace(b"[3]", b"[21]"), good]))
    (answer,) = admitted(taught("ids", good), "ids", records).answers
    assert (answer.record.offset, answer.code) == (1, Code.INVALID_VALUE)


@given(bodies())
def test_whatever_comes_is_read_as_if_it_were_alone(drawn):
    lane, texts = drawn
    assert_same(lane, sent(lane, texts), GOOD[lane].encode())


columns = st.builds(
    lambda headers, others, ages_ms: [
        record(
            GOOD["rows"].encode(),
            *[
                (name, value if other is None else other)
                for (name, value), other in zip(headers, others[place:], strict=False)
            ],
            offset=place,
            timestamp=FRESH - age_ms,
        )
        for place, age_ms in enumerate(ages_ms)
    ],
    st.lists(st.sampled_from([JSON, JSON, *sensible]), max_size=5),
    st.lists(
        st.none() | st.sampled_from([b"", b"id", b"x" * 129, b"bad.replies.1", JSON[1]]),
        min_size=9,
        max_size=9,
    ),
    st.lists(st.sampled_from([0, 0, 10, 5_000, 10**7, -5_000]), min_size=1, max_size=4),
)


@pytest.mark.parametrize(
    "changes", [{}, {"timeout": "1h"}, {"content_type": "application/octet-stream"}]
)
@given(columns)
def test_headers_are_read_as_the_examiner_reads_them(changes, records):
    lane = {"topics": ["bad.rows"], "models": ["rows", "logs"]} | changes
    assert_same("rows", records, GOOD["rows"].encode(), lanes={"rows": lane})


def test_one_that_is_not_right_leaves_all_to_who_looks_at_each():
    good = GOOD["rows"].encode()
    texts = [good, good, changed("rows", "3, 4", "3, null"), good]

    assert runs_of("rows", sent("rows", texts)) == [0, 0, 0]


def test_neighbours_of_one_frame_are_a_run_and_frames_by_turns_are_none():
    good = GOOD["rows"].encode()
    other = good.replace(b'{"inputs"', b'{ "inputs"')
    door = taught("rows", good)
    for _ in range(3):  # lessons are taken ever more rarely
        admitted(door, "rows", sent("rows", [other]))

    assert runs_of("rows", sent("rows", [good] * 3 + [other] * 2), door) == [3, 2]
    assert runs_of("rows", sent("rows", [good, other, good]), door) == [0, 0, 0]


def test_bodies_of_several_rows_are_requests_each():
    door = taught("spans", body_of_spans(2))

    assert runs_of("spans", sent("spans", [body_of_spans(2)] * 3), door) == [0] * 3


def test_bodies_larger_than_a_request_may_be_are_refused():
    good = GOOD["rows"].encode()
    longer = changed("rows", "3, 4", "3." + "0" * 1000 + ", 4")

    for limit in (len(good), len(longer)):
        records = sent("rows", [good, longer])
        assert_same("rows", records, good, limits={"request_bytes": limit})


def test_rows_that_are_padded_or_whole_or_made_by_a_transform_are_looked_at_one_by_one():
    assert {*LANES} <= {*admission()._json_lanes}
    assert "found" not in admission()._json_lanes
    assert not ModelRules(
        "rows", sentences(), settings().models["rows"], settings().limits, transform=False
    ).rows_are_columns
    assert not ModelRules(
        "rows", SIGNATURES["rows"], settings().models["rows"], settings().limits, transform=True
    ).rows_are_columns


def test_a_request_taken_from_a_run_keeps_no_other_s_numbers_alive():
    run = admitted(
        taught("rows", GOOD["rows"].encode()),
        "rows",
        columns_of(sent("rows", [GOOD["rows"].encode()] * 4)),
    )
    assert all(each.inputs["x"].base is None for each in run.requests)


@pytest.mark.parametrize("lane", OF_ONE_ROW)
def test_replies_are_those_of_requests_that_are_looked_at_alone(lane, monkeypatch):
    monkeypatch.setattr("daemon.answering.batch_replies.LEAST_ALIKE", 1)
    text = ONE_ROW[lane]
    texts = [text.replace("one", f"id {place}").encode() for place in range(6)]
    records = [
        record(
            body, JSON, ("correlation-id", b"%d" % 10**place), TRACE, topic=f"bad.{lane}",
            offset=place,
        )
        for place, body in enumerate(texts)
    ]  # fmt: skip
    outputs = {
        each.name: np.arange(6 * math.prod(each.row_shape)).reshape(6, *each.row_shape)
        for each in SIGNATURES[lane].outputs
    }
    outputs = {
        each.name: outputs[each.name].astype(each.dtype) for each in SIGNATURES[lane].outputs
    }

    def answers(door, records):
        run, part = served(lane, admitted(door, lane, records).requests, **outputs)
        replies = Replies(settings(), span_ids=lambda: 0xABC)
        made = apart(replies.results(run, part, wall_ahead_s=WALL_AHEAD_S))
        return {each.record.offset: plain(said(each)) for each in made}

    assert runs_of(lane, records) == [6]
    alone = answers(taught(lane, texts[0], by_columns=False), records)
    assert answers(taught(lane, texts[0]), columns_of(records)) == alone
