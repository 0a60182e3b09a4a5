"""The tight loop for plain raw records must decide nothing of its own."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from daemon.admission.admission import Admission
from daemon.admission.examination import Moment
from daemon.answering.replies import Replies
from daemon.values.messages import Request
from daemon.values.request_run import RequestRun
from daemon.wire.headers import CORRELATION
from tests.signatures import Signature, whole
from tests.unit.admission.door import NOW_S, WALL_MS, admission, chunk, record, settings

OCTETS = ("content-type", b"application/octet-stream")
LANE = {"topics": ["bad.rows"], "models": ["rows", "logs"], "content_type": OCTETS[1].decode()}
LANES = {
    "raw": LANE,
    "with a timeout": LANE | {"timeout": "1h"},
    "JSON unless told": LANE | {"content_type": "application/json"},
}
ROW = b"\0" * 64

names = [
    *(*CORRELATION, "reply-to", "kafka_replyPartition", "deadline", "timeout-ms", "model"),
    *("content-type", "inference-header-content-length", "traceparent", "tracestate", "other"),
]
values = [
    *(b"", b"id", b"0", b"1000", b"7200000", b"9" * 13, b"x" * 128, b"x" * 129, b"rows", b"logs"),
    *(b"bad.replies.1", b"\0\0\0\1", OCTETS[1], b"application/json", None),
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
]
CORRELATED = ("correlation-id", b"1")
TIMED = ("timeout-ms", b"7200000")
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
ERROR_REPLY = [
    ("status", b"error"),
    ("error-code", b"invalid_value"),
    ("content-type", b"application/problem+json"),
]
sensible = [
    *(OCTETS, CORRELATED, TIMED, ("timeout-ms", b"1000"), ("model", b"rows"), ("model", b"logs")),
    *(("reply-to", b"bad.replies.1"), ("reply-to", b"bad.elsewhere"), ("source", b"a")),
    *(TRACE, ("traceparent", b"none"), ("tracestate", b"a=1")),
    *(("kafka_replyPartition", b"\0\0\0\1"), ("deadline", b"9" * 13), ("tenant", b"b")),
    *(("request-id", b"a/0/1"), ("origin-id", b"bad.rows/0/1"), ("status", b"ok")),
    *ERROR_REPLY,
]
headers = st.one_of(
    st.lists(st.sampled_from(sensible), max_size=7),
    st.lists(st.tuples(st.sampled_from(names), st.sampled_from(values)), max_size=3),
)
bodies = st.one_of(
    st.none(), st.integers(0, 3).map(lambda rows: ROW * rows), st.binary(max_size=70)
)
records = st.lists(
    st.builds(
        lambda value, sent, key, age_ms: record(
            value, *sent, key=key, timestamp=int(WALL_MS) - age_ms
        ),
        bodies,
        headers,
        st.sampled_from([None, b"", b"key"]),
        st.sampled_from([0, 10, 5_000, 10**7, -500, -5_000]),
    ),
    max_size=5,
)


def looked_at(outcome):
    """What must not differ between the two ways; the ledger may."""
    fields = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    fields.pop("ledger")
    return type(outcome), fields


def outcomes(door, sent):
    admitted = door.admit("rows", chunk(*sent), now_s=NOW_S, wall_ms=WALL_MS)
    found = [*admitted.requests, *admitted.answers]
    return sorted(map(looked_at, found), key=repr), admitted.cost_bytes, admitted.skewed


@pytest.fixture(autouse=True, params=[1, 1_000], ids=["in runs", "one by one"])
def _form(request, monkeypatch):
    monkeypatch.setattr("daemon.admission.raw_lane.LEAST_ALIKE", request.param)


def examining(chosen):
    """A door without the tight loop, and without columns."""
    door = admission(chosen)
    door._raw_lanes.clear()
    door._json_lanes.clear()
    return door


@pytest.mark.parametrize("lane", LANES.values(), ids=LANES)
@settings_of_hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records)
def test_a_plain_record_is_treated_as_the_examiner_treats_it(lane, sent):
    chosen = settings(lanes={"rows": lane})

    assert outcomes(admission(chosen), sent) == outcomes(examining(chosen), sent)


FOREIGN = [(f"other-{number}", b"x") for number in range(65)]


@pytest.mark.parametrize(
    "sent",
    [
        record(ROW, CORRELATED, OCTETS, TIMED, *FOREIGN[:5]),
        record(ROW, *FOREIGN[:64]),
        record(ROW, *FOREIGN),
        record(ROW, ("other", b"x" * 2**14)),
        record(ROW, ("reply-to", b"bad.replies.1"), ("reply-to", b"bad.replies.1")),
        record(ROW * 1_000),
        record(ROW * 1_001),
    ],
)
def test_limits_are_the_examiner_s(sent):
    chosen = settings(lanes={"rows": LANE})

    assert outcomes(admission(chosen), [sent]) == outcomes(examining(chosen), [sent])


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize(("tensors", "requests"), [(1, 1), (2, 0)])
def test_a_whole_tensor_is_one_row_and_no_body_has_two(lane, tensors, requests):
    chosen = settings(lanes={"rows": LANES[lane]})
    signature = Signature((whole("x", "FP32", (16,)),), (whole("y", "FP32", (8,)),), 1)
    replies = Replies(chosen, span_ids=lambda: 1)
    signatures = dict.fromkeys(chosen.models, signature)

    admitted = Admission(chosen, signatures, replies.errors).admit(
        "rows", chunk(record(ROW * tensors, OCTETS)), now_s=NOW_S, wall_ms=WALL_MS
    )

    assert [request.rows for request in admitted.requests] == [1] * requests
    assert len(admitted.answers) == 1 - requests


def taken(sent, lane="raw"):
    raw_lane = admission(settings(lanes={"rows": LANES[lane]}))._raw_lanes["rows"]
    requests, others = raw_lane.take([sent], chunk().ledger, Moment(NOW_S, WALL_MS))
    assert all(isinstance(each, Request | RequestRun) for each in requests)
    assert len(requests) + len(others) == 1
    return bool(requests)


@pytest.mark.parametrize(
    ("lane", "sent"),
    [
        ("raw", []),
        ("raw", [CORRELATED]),
        ("raw", [OCTETS, ("correlation-id", b"x" * 36), TIMED]),
        ("raw", [("reply-to", b"bad.replies.1"), CORRELATED, ("source", b"a"), ("tenant", b"b")]),
        ("raw", [("model", b"rows"), CORRELATED]),
        ("raw", [("status", b"ok"), CORRELATED]),
        (
            "raw",
            [OCTETS, CORRELATED, TIMED, ("reply-to", b"bad.replies.1"), TRACE, ("source", b"a")],
        ),
        ("with a timeout", [CORRELATED]),
        ("with a timeout", [CORRELATED, TIMED]),
        ("JSON unless told", [OCTETS, CORRELATED]),
    ],
)
def test_what_requests_mostly_carry_takes_the_tight_loop(lane, sent):
    assert taken(record(ROW, *sent, key=b"k" * len(sent)), lane)


@pytest.mark.parametrize(
    "sent",
    [
        [("deadline", b"9" * 13)],
        [("model", b"logs")],
        [("content-type", b"application/json")],
        [("timeout-ms", b"0")],
        [("reply-to", b"not.allowed")],
        [CORRELATED, CORRELATED],
        [TRACE, TRACE],
        [TRACE, ("tracestate", b"a=1")],
        [("traceparent", b"none")],
        [("request-id", b"a/0/1")],
        [("origin-id", b"a/0/1")],
        [("job-id", b"j")],
        [("ce_id", b"e")],
        ERROR_REPLY,
    ],
)
def test_what_the_examiner_has_more_to_say_of_does_not(sent):
    assert not taken(record(ROW, *sent))


def test_terms_are_kept_of_few_combinations_of_headers():
    raw_lane = admission(settings(lanes={"rows": LANE}))._raw_lanes["rows"]
    sent = [record(ROW, ("timeout-ms", b"%d" % number)) for number in range(1, 5_000)]

    requests, _ = raw_lane.take(sent, chunk().ledger, Moment(NOW_S, WALL_MS))

    assert len(requests) == len(sent)
    assert len(raw_lane._terms._kept) <= 1_024


def test_terms_of_long_headers_are_not_kept():
    raw_lane = admission(settings(lanes={"rows": LANE}))._raw_lanes["rows"]

    raw_lane.take([record(ROW, ("model", b"x" * 600))], chunk().ledger, Moment(NOW_S, WALL_MS))

    assert [*raw_lane._terms._kept] == [()]
