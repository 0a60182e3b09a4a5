"""The tight loop for plain raw records must decide nothing of its own."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.values.messages import Request
from daemon.wire.headers import CORRELATION
from tests.unit.admission.door import NOW_S, WALL_MS, admission, chunk, record, settings

OCTETS = "application/octet-stream"
LANE = {"rows": {"topics": ["bad.rows"], "models": ["rows"], "content_type": OCTETS}}
# The same lane; only because its requests could have a timeout has it no tight loop.
EXAMINED = {"rows": LANE["rows"] | {"timeout": "1h"}}

headers = st.lists(
    st.tuples(
        st.sampled_from([*CORRELATION, "reply-to", "deadline", "model", "content-type", "other"]),
        st.sampled_from(
            [b"", b"id", b"9" * 13, b"x" * 128, b"x" * 129, b"rows", b"bad.replies.1", None]
        ),
    ),
    max_size=2,
)
bodies = st.one_of(
    st.none(), st.integers(0, 3).map(lambda rows: b"\0" * 64 * rows), st.binary(max_size=70)
)
records = st.lists(
    st.builds(
        lambda value, sent, key: record(value, *sent, key=key),
        bodies,
        headers,
        st.sampled_from([None, b"", b"key"]),
    ),
    max_size=5,
)


def looked_at(outcome):
    """What must not differ between the two ways; the ledger and the deadline may."""
    fields = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    for name in ("ledger", "expires_s"):
        fields.pop(name, None)
    return type(outcome), fields


def outcomes(lanes, sent):
    admitted = admission(settings(lanes=lanes)).admit(
        "rows", chunk(*sent), now_s=NOW_S, wall_ms=WALL_MS
    )
    found = [*admitted.requests, *admitted.answers]
    return sorted(map(looked_at, found), key=repr), admitted.cost_bytes


@given(records)
def test_a_plain_record_is_treated_as_the_examiner_treats_it(sent):
    assert outcomes(LANE, sent) == outcomes(EXAMINED, sent)


def test_plain_records_take_the_tight_loop():
    door = admission(settings(lanes=LANE))

    taken, others = door._raw_lanes["rows"].take(
        [record(b"\0" * 64, ("correlation-id", b"1"))], chunk().ledger, NOW_S
    )

    assert [type(each) for each in taken] == [Request]
    assert others == []
