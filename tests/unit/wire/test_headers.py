import pytest

from config.settings import Limits
from daemon.values.errors import Code
from daemon.wire.headers import REPLY_TO, deadline_of, read_headers

LIMITS = Limits()
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def read(*headers, limits=LIMITS):
    return read_headers(headers, limits)


def test_no_headers_say_nothing():
    said = read()

    assert said.correlation is None
    assert said.reply_to is None
    assert said.timeout_ms is None
    assert said.deadline_ms is None
    assert said.refusal is None


@pytest.mark.parametrize("name", ["correlation-id", "correlation_id", "kafka_correlationId"])
def test_correlation_keeps_the_name_it_came_by(name):
    assert read((name, b"\x00\xff")).correlation == (name, b"\x00\xff")


def test_first_correlation_alias_wins_whatever_the_order_sent():
    said = read(("kafka_correlationId", b"3"), ("correlation_id", b"2"), ("correlation-id", b"1"))

    assert said.correlation == ("correlation-id", b"1")
    assert said.refusal is None


def test_first_reply_alias_wins_whatever_the_order_sent():
    said = read(("kafka_replyTopic", b"c"), ("reply_to", b"b"), ("reply-to", b"a"))

    assert said.reply_to == b"a"


def test_alias_that_lost_may_be_there_twice():
    said = read(
        ("kafka_correlationId", b"3"), ("kafka_correlationId", b"3"), ("correlation-id", b"1")
    )

    assert said.correlation == ("correlation-id", b"1")
    assert said.refusal is None


def test_the_id_of_an_event_is_the_correlation_where_there_is_none():
    assert read(("ce_id", b"e-1")).correlation == ("correlation-id", b"e-1")
    assert read(("ce_id", b"e-1"), ("correlation_id", b"c")).correlation == ("correlation_id", b"c")


@pytest.mark.parametrize(
    "sent", [[("ce_id", b"")], [("ce_id", b"e" * 129)], [("ce_id", b"e"), ("ce_id", b"e")]]
)
def test_an_event_id_that_cannot_be_a_correlation_is_dropped(sent):
    said = read(*sent)

    assert (said.correlation, said.refusal) == (None, None)


def test_an_event_id_does_not_stand_for_a_correlation_that_is_refused():
    said = read(("ce_id", b"e"), ("correlation-id", b"c"), ("correlation-id", b"c"))

    assert said.correlation is None
    assert said.refusal is not None


def test_correlation_of_128_bytes_is_taken():
    assert read(("correlation-id", b"c" * 128)).correlation is not None


def test_longer_correlation_is_refused_and_not_echoed():
    said = read(("correlation-id", b"c" * 129))

    assert said.correlation is None
    assert said.refusal[0] is Code.INVALID_REQUEST


def test_correlation_twice_is_refused_and_not_echoed():
    said = read(("correlation-id", b"a"), ("correlation-id", b"a"))

    assert said.correlation is None
    assert said.refusal == (Code.INVALID_REQUEST, "header correlation-id: given twice")


def test_reply_topic_twice_is_told_apart():
    said = read(("reply-to", b"a"), ("reply-to", b"a"))

    assert said.reply_to_twice
    assert said.refusal[0] is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    "name", ["model", "timeout-ms", "deadline", "content-type", "inference-header-content-length"]
)
def test_other_headers_twice_are_refused(name):
    said = read((name, b"1"), (name, b"1"))

    assert said.refusal == (Code.INVALID_REQUEST, f"header {name}: given twice")


def test_unknown_headers_are_ignored_however_often():
    assert read(("x", b"1"), ("x", b"2"), ("Model", b"3")).refusal is None


@pytest.mark.parametrize("name", REPLY_TO)
def test_an_empty_reply_topic_counts_as_missing(name):
    assert read((name, b"")).reply_to is None
    assert read((name, b""), (name, b"a")).reply_to == b"a"
    assert not read((name, b""), (name, b"")).reply_to_twice


def test_an_empty_reply_topic_leaves_the_next_name_for_it():
    assert read(("reply-to", b""), ("kafka_replyTopic", b"c")).reply_to == b"c"


def test_null_value_counts_as_missing():
    said = read(("correlation-id", None), ("kafka_correlationId", b"1"), ("model", None))

    assert said.correlation == ("kafka_correlationId", b"1")
    assert said.model is None
    assert said.refusal is None


def test_partition_is_four_bytes_big_endian():
    assert read(("kafka_replyPartition", b"\x00\x00\x01\x02")).reply_partition == 258


@pytest.mark.parametrize("value", [b"", b"7", b"\x00\x00\x01", b"\x00" * 5, b"\xff\xff\xff\xff"])
def test_unusable_partition_is_refused_and_left_out(value):
    said = read(("kafka_replyPartition", value))

    assert said.reply_partition is None
    assert said.refusal[0] is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    ("value", "timeout_ms"),
    [(b"0", 0), (b"30000", 30_000), (b"000030", 30), (b"9" * 5_000, 10**15)],
)
def test_timeout_is_ascii_digits(value, timeout_ms):
    assert read(("timeout-ms", value)).timeout_ms == timeout_ms


@pytest.mark.parametrize(
    ("value", "deadline_ms"),
    [(b"0", 0), (b"1893456000000", 1_893_456_000_000), (b"9" * 5_000, 10**15)],
)
def test_deadline_is_ascii_digits(value, deadline_ms):
    assert read(("deadline", value)).deadline_ms == deadline_ms


@pytest.mark.parametrize("name", ["timeout-ms", "deadline"])
@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1.5", b"1e3", b" 1", b"1s", "٣".encode()])
def test_timeout_and_deadline_of_anything_else_are_refused(name, value):
    said = read((name, value))

    assert said.refusal == (
        Code.INVALID_REQUEST,
        f"header {name}: not a number in ASCII digits",
    )


@pytest.mark.parametrize(
    "values", [[], [None], [b"7"], [b"9" * 5_000], [b""], [b"-7"], [b"7", b"7"], [None, b"7"]]
)
def test_a_deadline_is_the_same_for_whoever_looks_for_it_alone(values):
    headers = [("deadline", value) for value in values]

    assert deadline_of(headers) == read(*headers).deadline_ms


def test_number_of_headers_is_limited():
    limits = Limits(headers=2)

    assert read(("a", b""), ("b", b""), limits=limits).refusal is None
    assert read(("a", b""), ("b", b""), ("c", b""), limits=limits).refusal[0] is Code.TOO_LARGE


def test_bytes_of_headers_are_limited_names_included():
    limits = Limits(header_bytes=5)

    assert read(("abc", b"de"), limits=limits).refusal is None
    assert read(("abc", b"def"), limits=limits).refusal[0] is Code.TOO_LARGE


def test_address_is_read_even_beyond_the_limits():
    said = read(("a", b""), ("correlation-id", b"1"), ("reply-to", b"r"), limits=Limits(headers=1))

    assert said.correlation == ("correlation-id", b"1")
    assert said.reply_to == b"r"


@pytest.mark.parametrize("value", [TRACE, b"cc" + TRACE[2:], b"cc" + TRACE[2:] + b"-more"])
def test_traceparent_that_is_well_formed_is_kept(value):
    assert read(("traceparent", value)).traceparent == value


@pytest.mark.parametrize(
    "value",
    [
        b"",
        TRACE[:-1],
        TRACE + b"-more",
        TRACE + b"\n",
        TRACE.upper(),
        b"ff" + TRACE[2:],
        TRACE[:3] + b"0" * 32 + TRACE[35:],
        TRACE[:36] + b"0" * 16 + TRACE[52:],
        TRACE.replace(b"-", b"_"),
        b"cc" + TRACE[2:] + b"-" + b"x" * 300,
    ],
)
def test_malformed_traceparent_is_dropped_in_silence(value):
    said = read(("traceparent", value), ("tracestate", b"a=1"))

    assert said.traceparent is None
    assert said.tracestate is None
    assert said.refusal is None


def test_traceparent_twice_is_dropped_in_silence():
    said = read(("traceparent", TRACE), ("traceparent", TRACE))

    assert said.traceparent is None
    assert said.refusal is None


@pytest.mark.parametrize("value", [b"a=1", b"a=1,b@c=2 x, d=", b"a=1, ,b=2"])
def test_tracestate_that_is_well_formed_is_kept(value):
    assert read(("traceparent", TRACE), ("tracestate", value)).tracestate == value


@pytest.mark.parametrize("value", [b"=1", b"a", b"a=\xff", b"A=1", b"a=" + b"x" * 511, b"a=b=c"])
def test_malformed_tracestate_is_dropped_and_the_trace_kept(value):
    said = read(("traceparent", TRACE), ("tracestate", value))

    assert said.traceparent == TRACE
    assert said.tracestate is None


def test_tracestate_twice_is_dropped_and_the_trace_kept():
    said = read(("traceparent", TRACE), ("tracestate", b"a=1"), ("tracestate", b"a=1"))

    assert said.traceparent == TRACE
    assert said.tracestate is None
    assert said.refusal is None


ID = ("request-id", b"pages/3/17")
ERROR = (
    ("content-type", b"application/problem+json"),
    ("status", b"error"),
    ("error-code", b"invalid_value"),
)


def test_a_request_that_is_nobodys_reply_passes_nothing_on():
    said = read(("correlation-id", b"1"), ("content-type", b"application/json"))

    assert said.passed == ()
    assert said.error is None


def test_a_reply_s_id_is_where_its_row_began():
    assert read(ID).passed == (("origin-id", b"pages/3/17"),)


def test_where_a_row_began_stays_whoever_comes_in_between():
    said = read(("request-id", b"boxes/1/2"), ("origin-id", b"pages/3/17"))

    assert said.passed == (("origin-id", b"pages/3/17"),)


def test_a_deadline_is_passed_on_as_it_is():
    assert read(ID, ("deadline", b"0012")).passed == (
        ("deadline", b"0012"),
        ("origin-id", b"pages/3/17"),
    )


@pytest.mark.parametrize(
    "headers",
    [
        [("deadline", b"soon")],
        [("deadline", b"1"), ("deadline", b"1")],
        [ID, ID],
        [("origin-id", b"x" * 301)],
        [("item-id", b"x" * 301)],
        [("job-id", b"j"), ("job-id", b"k")],
    ],
)
def test_what_makes_no_sense_is_not_passed_on(headers):
    assert read(*headers).passed == ()


def test_whose_a_request_is_goes_along_in_whatever_order_it_came():
    said = read(("item-id", b"a.pdf"), ("job-id", b"j1"))

    assert said.passed == (("job-id", b"j1"), ("item-id", b"a.pdf"))


def test_an_error_reply_is_known_by_its_headers():
    assert read(*ERROR).error is Code.INVALID_VALUE


@pytest.mark.parametrize("place", range(3))
def test_less_than_that_is_no_error_reply(place):
    headers = [*ERROR]
    del headers[place]

    assert read(*headers).error is None


@pytest.mark.parametrize(
    "header",
    [
        ("status", b"ok"),
        ("content-type", b"application/json"),
        ("error-code", b"of_tomorrow"),
        ("error-code", b"undecodable_record"),
    ],
)
def test_another_word_in_it_makes_none(header):
    headers = [each for each in ERROR if each[0] != header[0]]

    assert read(*headers, header).error is None


@pytest.mark.parametrize("name", ["status", "error-code", "request-id", "origin-id", "job-id"])
def test_what_only_replies_have_is_no_mistake_of_a_requester_s(name):
    said = read((name, b"x"), (name, b"y"))

    assert said.refusal is None
    assert said.passed == ()
