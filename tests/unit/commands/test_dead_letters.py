from io import StringIO

import pytest
from rich.console import Console

from daemon.commands.dead_letters import describe, print_table
from tests.fakes import FakeRecord

ORIGIN = [("dlq-topic", b"requests"), ("dlq-partition", b"3"), ("dlq-offset", b"17")]


def letter(value=b"body", headers=(), **fields):
    return FakeRecord("dead", 0, 5, value=value, headers=[*ORIGIN, *headers], **fields)


def test_a_dead_letter_says_why_and_where_it_came_from():
    headers = [
        ("dlq-code", b"reply_topic_denied"),
        ("dlq-detail", b"not in replies.allow"),
        ("dlq-attempts", b"2"),
    ]

    row = describe(letter(headers=headers, timestamp=1_700_000_000_000), payload=False)

    assert row == {
        "offset": "0/5",
        "time": "2023-11-14T22:13:20.000+00:00",
        "code": "reply_topic_denied",
        "detail": "not in replies.allow",
        "attempts": 2,
        "origin": "requests/3/17",
        "reply_to": None,
        "bytes": 4,
    }


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ([("reply-to", b"elsewhere")], "elsewhere"),
        ([("kafka_replyTopic", b"spring"), ("reply_to", b"stream")], "stream"),
        ([("reply-to", b"a"), ("reply-to", b"b")], "a, b"),
        ([("reply-to", b""), ("reply-to", None)], None),
        ([("reply-to", b"\x1b[2J")], "\N{REPLACEMENT CHARACTER}[2J"),
    ],
    ids=["ours", "another's name", "twice", "empty", "harmful"],
)
def test_it_says_which_reply_topic_was_asked_for(headers, asked):
    assert describe(letter(headers=headers), payload=False)["reply_to"] == asked


@pytest.mark.parametrize(
    ("cut", "size"),
    [
        (letter(b"body", [("dlq-truncated", b"2000000")]), 2_000_000),
        (letter(b"", [("dlq-tombstone", b"1")]), None),
        (letter(None), None),
    ],
    ids=["cut", "tombstone", "null"],
)
def test_the_size_is_the_original_s(cut, size):
    assert describe(cut, payload=False)["bytes"] == size


@pytest.mark.parametrize("timestamp_ms", [-1, -(2**63), 253_402_300_800_000, 2**63 - 1])
def test_a_time_that_no_calendar_has_is_left_out(timestamp_ms):
    assert describe(letter(timestamp=timestamp_ms), payload=False)["time"] == ""


def test_the_payload_is_shown_only_when_asked_for():
    assert "value" not in describe(letter(), payload=False)
    assert describe(letter(), payload=True)["value"] == "body"


def test_a_payload_that_is_not_text_is_shown_in_base64():
    row = describe(letter(b"\xff\x00"), payload=True)

    assert row["value_base64"] == "/wA="


def test_a_long_payload_is_cut():
    row = describe(letter(b"x" * 5_000), payload=True)

    assert len(row["value"]) == 1_024


def test_what_others_wrote_cannot_write_to_the_terminal():
    row = describe(letter(headers=[("dlq-detail", b"\x1b[2Jgone\n")]), payload=False)

    assert row["detail"] == "\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}"


def test_a_record_that_is_no_dead_letter_is_listed_all_the_same():
    stray = FakeRecord("dead", 0, 0, value=b"x", timestamp=-1)

    assert describe(stray, payload=False)["code"] == ""


def table(*letters, payload=False):
    """The table as a terminal of 80 columns shows it, line by line."""
    shown = StringIO()
    print_table(
        Console(file=shown, width=80), "dead", [describe(each, payload=payload) for each in letters]
    )
    return [line.rstrip() for line in shown.getvalue().splitlines()]


def test_the_table_reads_well_at_80_columns():
    headers = [
        ("dlq-code", b"reply_topic_denied"),
        ("dlq-detail", b"the reply topic is not one that replies may go to"),
        ("dlq-attempts", b"2"),
        ("reply-to", b"elsewhere"),
    ]

    assert table(letter(headers=headers, timestamp=1_700_000_000_000)) == [
        "offset  time (UTC)           code, origin, detail",
        "0/5     2023-11-14 22:13:20  reply_topic_denied requests/3/17",
        "                             the reply topic is not one that replies may go to",
        "                             reply to elsewhere",
        "                             attempts 2, 4 bytes",
    ]


def test_a_payload_cannot_write_to_the_terminal():
    shown = table(letter(b"\x1b[2Jgone\nnext"), payload=True)

    assert [line.strip() for line in shown[-2:]] == ["\N{REPLACEMENT CHARACTER}[2Jgone", "next"]


def test_a_topic_without_dead_letters_says_so():
    assert table() == ["dead holds no dead letters"]
