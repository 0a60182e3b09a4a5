from daemon.values.outgoing import header_lists
from daemon.wire.reply_headers import echo, reply_headers, stages
from daemon.wire.trace import child
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
