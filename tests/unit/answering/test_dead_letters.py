import pytest

from daemon.answering.dead_letters import dead_letter, headers_bytes
from daemon.values.errors import Code
from tests.unit.admission.door import record

MOST = 4_096


def letter(sent, most_bytes=MOST, detail="why"):
    return dead_letter(sent, Code.REPLY_TOPIC_DENIED, detail, most_bytes=most_bytes)


def reasons(made):
    return {name: value for name, value in made.headers if name.startswith("dlq-")}


def test_record_is_kept_whole():
    sent = record(b"body", ("a", b"1"), ("a", b"2"), ("b", None), key=b"key")

    made = letter(sent)

    assert (made.key, made.value) == (b"key", b"body")
    assert made.headers[:3] == [("a", b"1"), ("a", b"2"), ("b", None)]
    assert reasons(made) == {
        "dlq-code": b"reply_topic_denied",
        "dlq-detail": b"why",
        "dlq-topic": b"bad.rows",
        "dlq-partition": b"3",
        "dlq-offset": b"7",
        "dlq-timestamp": b"1700000000000",
        "dlq-attempts": b"1",
    }


def test_a_record_that_was_replayed_counts_on():
    made = letter(record(b"body", ("a", b"1"), ("dlq-attempts", b"2")))

    assert [value for name, value in made.headers if name == "dlq-attempts"] == [b"3"]
    assert made.headers[0] == ("a", b"1")


@pytest.mark.parametrize("said", [b"", b"-1", b"two", b"1" * 7, b"1" * 5_000, None, b"\xb2"])
def test_a_count_that_makes_no_sense_is_none(said):
    made = letter(record(b"body", ("dlq-attempts", said)))

    assert reasons(made)["dlq-attempts"] == b"1"


def test_a_count_may_be_as_large_as_six_digits():
    assert reasons(letter(record(b"", ("dlq-attempts", b"999999"))))["dlq-attempts"] == b"1000000"


def test_what_a_record_claims_of_dead_letters_is_not_passed_on():
    forged = [("dlq-topic", b"__consumer_offsets"), ("dlq-truncated", b"9"), ("dlq-mine", b"x")]

    made = letter(record(b"body", *forged))

    assert [value for name, value in made.headers if name == "dlq-topic"] == [b"bad.rows"]
    assert "dlq-truncated" not in reasons(made)
    assert ("dlq-mine", b"x") in made.headers


@pytest.mark.parametrize("key", [None, b"key"])
def test_null_value_is_marked_and_never_null(key):
    made = letter(record(None, key=key))

    assert made.value == b""
    assert reasons(made)["dlq-tombstone"] == b"true"


def test_empty_value_is_no_tombstone():
    assert "dlq-tombstone" not in reasons(letter(record(b"", key=None)))


def test_value_that_does_not_fit_is_cut_and_its_size_told():
    made = letter(record(b"v" * 5_000))

    assert reasons(made)["dlq-truncated"] == b"5000"
    assert 0 < len(made.value) < 5_000
    assert made.value == b"v" * len(made.value)


def test_headers_go_when_cutting_the_value_is_not_enough():
    made = letter(record(b"value", ("h", b"x" * 4_000)))

    assert [name for name, _ in made.headers if not name.startswith("dlq-")] == []
    assert reasons(made)["dlq-dropped"] == b"headers"
    assert (made.key, made.value) == (b"k", b"value")


def test_key_goes_last():
    made = letter(record(b"value", ("h", b"x"), key=b"k" * 5_000))

    assert reasons(made)["dlq-dropped"] == b"headers,key"
    assert (made.key, made.value) == (None, b"value")


def test_long_detail_is_cut():
    assert len(reasons(letter(record(b""), detail="x" * 10_000))["dlq-detail"]) < 1_000


@pytest.mark.parametrize("value", [None, b"", b"v" * 100, b"v" * 10_000])
@pytest.mark.parametrize("key", [None, b"k", b"k" * 2_000, b"k" * 10_000])
@pytest.mark.parametrize("header", [b"", b"h" * 2_000, b"h" * 10_000])
def test_letter_fits_whatever_came(value, key, header):
    made = letter(record(value, ("h", header), key=key))

    assert len(made.key or b"") + len(made.value) + headers_bytes(made.headers) + 128 <= MOST


def test_letter_without_room_is_still_a_letter():
    made = letter(record(b"value", ("h", b"x")), most_bytes=10)

    assert (made.key, made.value) == (None, b"")
    assert reasons(made)["dlq-truncated"] == b"5"
