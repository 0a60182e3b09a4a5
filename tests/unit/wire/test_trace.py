import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.outgoing import header_lists
from daemon.values.texts import Texts
from daemon.wire.reply_headers import echo, reply_headers, stages
from daemon.wire.trace import are_traces, child, is_trace
from tests.fakes import FakeRecord

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_child_keeps_trace_and_flags():
    assert child(PARENT, 0xABC) == b"00-0af7651916cd43dd8448eb211c80319c-0000000000000abc-01"


def test_child_of_a_newer_version_is_version_00():
    assert child(b"cc" + PARENT[2:] + b"-more", 1).startswith(b"00-")
    assert len(child(b"cc" + PARENT[2:] + b"-more", 1)) == len(PARENT)


def test_span_is_never_all_zeros():
    assert child(PARENT, 0)[36:52] == b"0000000000000001"
    assert child(PARENT, 2**64)[36:52] == b"0000000000000001"


def _trace_headers(traceparent, tracestate):
    echoed = echo(FakeRecord("t", 0, 0), None, traceparent, tracestate)
    (headers,) = header_lists(reply_headers(echoed, [], None, lambda: 1), 1)
    return [each for each in headers if each[0].startswith("trace")]


def test_tracestate_is_passed_on():
    assert _trace_headers(PARENT, b"a=1")[1] == ("tracestate", b"a=1")


def test_no_trace_in_no_trace_out():
    assert _trace_headers(None, None) == []


def test_stages_are_whole_microseconds():
    assert stages(0.0015, 2.0, 0.0000004) == ("stages", b"broker=1500;wait=2000000;run=0")


def test_stages_leave_out_what_no_timestamp_tells():
    assert stages(None, 1.0, 1.0) == ("stages", b"wait=1000000;run=1000000")


def test_stages_are_never_negative():
    assert stages(-1.0, -0.1, 0.0) == ("stages", b"broker=0;wait=0;run=0")


@given(
    st.lists(
        st.one_of(
            st.just(PARENT),
            st.builds(
                lambda place, byte: PARENT[:place] + byte + PARENT[place + 1 :],
                st.integers(0, len(PARENT) - 1),
                st.sampled_from([b"0", b"a", b"F", b"-", b"g", b"\xff"]),
            ),
            st.builds(
                lambda start, end: PARENT[:start] + b"0" * (end - start) + PARENT[end:],
                st.sampled_from([3, 36]),
                st.sampled_from([35, 52]),
            ),
            st.just(b"cc" + PARENT[2:] + b"-more"),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_traces_by_columns_are_those_that_are_traces_alone(values):
    lengths = [*map(len, values)]
    starts = [sum(lengths[:place]) for place in range(len(values))]
    column = Texts(b"".join(values), np.array(starts), np.array(lengths))

    assert are_traces(column) == all(map(is_trace, values))
