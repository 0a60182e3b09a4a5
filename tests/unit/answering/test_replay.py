"""Which dead letters are sent again, and as what."""

import pytest

from daemon.answering.dead_letters import dead_letter
from daemon.answering.replay import Selection, Skip, letter_of, replay_of
from daemon.values.errors import Code
from tests.fakes import FakeRecord

TOPICS = {"requests"}


def dead(
    *headers, code=Code.REPLY_TOPIC_DENIED, value=b"body", key=b"k", topic="requests", room=4_096
):
    """A record of the dead-letter topic, as the daemon writes it."""
    sent = FakeRecord(topic, 3, 17, key=key, value=value, headers=headers)
    made = dead_letter(sent, code, "why", most_bytes=room)
    return FakeRecord("dead", 0, 5, 1_000, made.key, made.value, made.headers)


def replay(record, topics=TOPICS):
    return replay_of(record, letter_of(record), topics)


def takes(record, **conditions):
    return Selection(**conditions).takes(record, letter_of(record))


def test_the_request_is_sent_as_it_was():
    headers = [("reply-to", b"r"), ("a", b"1"), ("a", b"2"), ("null", None)]

    sent = replay(dead(*headers))

    assert (sent.topic, sent.partition, sent.key, sent.value) == ("requests", 3, b"k", b"body")
    assert sent.headers[:-1] == headers


def test_a_deadline_is_the_requester_s_word_and_stays():
    deadline = ("deadline", b"1893456000000")

    assert deadline in replay(dead(deadline)).headers
    assert letter_of(dead(deadline)).deadline_ms == 1_893_456_000_000


@pytest.mark.parametrize(
    "headers", [[], [("deadline", None)], [("deadline", b"soon")], [("deadline", b"1")] * 2]
)
def test_what_makes_no_sense_is_no_deadline(headers):
    letter = letter_of(dead(*headers))

    assert letter.deadline_ms is None
    assert not letter.is_past_deadline(1e15)


def test_only_the_count_of_attempts_goes_along():
    sent = replay(dead())

    assert sent.headers == [("dlq-attempts", b"1")]


def test_attempts_are_counted_over_several_replays():
    first = replay(dead(("a", b"1")))
    second = replay(dead(*first.headers))

    assert [value for name, value in second.headers if name == "dlq-attempts"] == [b"2"]
    assert ("a", b"1") in second.headers


def test_a_request_without_a_key_or_with_an_empty_body_is_one_as_well():
    sent = replay(dead(key=None, value=b""))

    assert (sent.key, sent.value) == (None, b"")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (dead(value=b"v" * 9_000), Skip.TRUNCATED),
        (dead(("h", b"x" * 9_000)), Skip.DROPPED),
        (dead(value=None), Skip.TOMBSTONE),
        (dead(value=b"", key=None, code=Code.UNDECODABLE_RECORD), Skip.UNDECODABLE),
        (dead(topic="another.job.s"), Skip.NOT_A_LANE),
        (FakeRecord("dead", 0, 0, value=b"stray"), Skip.NO_DEAD_LETTER),
        (dead()._replace(value=None), Skip.TOMBSTONE),
    ],
    ids=lambda each: str(each) if isinstance(each, Skip) else "",
)
def test_what_is_not_whole_or_not_ours_is_not_sent(record, why):
    assert replay(record) is why


@pytest.mark.parametrize(
    "forged",
    [
        ("dlq-topic", b"__consumer_offsets"),
        ("dlq-topic", b"\xff"),
        ("dlq-partition", b"-1"),
        ("dlq-partition", b"x"),
        ("dlq-offset", b"9" * 20),
        ("dlq-code", b""),
        ("dlq-code", b"\x1b[2J"),
    ],
    ids=repr,
)
def test_a_forged_letter_is_sent_nowhere(forged):
    record = dead()
    record = record._replace(headers=[*record.headers, forged])

    assert isinstance(replay(record), Skip)


def test_a_letter_says_which_request_it_was():
    letter = letter_of(dead(code=Code.RESULT_TOO_LARGE))

    assert letter.request_id == "requests/3/17"
    assert letter.code == "result_too_large"
    assert letter.attempts == 1


def test_without_conditions_all_are_taken():
    assert takes(dead())


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        ({"request_ids": frozenset({"requests/3/17"})}, True),
        ({"request_ids": frozenset({"requests/3/1"})}, False),
        ({"codes": frozenset({"reply_topic_denied"})}, True),
        ({"codes": frozenset({"result_too_large"})}, False),
        ({"since_ms": 1_000}, True),
        ({"since_ms": 1_001}, False),
        ({"until_ms": 1_001}, True),
        ({"until_ms": 1_000}, False),
        ({"most_attempts": 1}, True),
        ({"most_attempts": 0}, False),
    ],
)
def test_a_condition_chooses(conditions, taken):
    assert takes(dead(), **conditions) is taken


def test_all_conditions_must_hold():
    request_ids = frozenset({"requests/3/17"})

    assert not takes(dead(), request_ids=request_ids, codes=frozenset({"result_too_large"}))
