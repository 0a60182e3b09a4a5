"""`tidemill dead-letters replay`, without Kafka."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from daemon.answering.replay import Replay, Skip, letter_of
from daemon.commands.replay import ReplayWanted, choose, selection_of
from daemon.commands.replay_report import LetterOutcome, ReplayReport, summary
from daemon.values.errors import Exit, Fatal
from tests.fakes import FakeRecord

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000


def selection(**typed):
    return selection_of(ReplayWanted(**typed), now=NOW)


def letters(*topics, own=()):
    """Dead letters of requests in `topics`, whose own headers are `own`."""
    headers = [("dlq-partition", b"0"), ("dlq-offset", b"0"), ("dlq-code", b"too_large")]
    return [
        FakeRecord("dead", 0, n, headers=[*own, ("dlq-topic", topic.encode()), *headers])
        for n, topic in enumerate(topics)
    ]


@pytest.mark.parametrize(
    ("text", "ago_ms"),
    [
        ("2h", 2 * HOUR_MS),
        ("30min", HOUR_MS / 2),
        ("2030-01-31T11:00", HOUR_MS),
        ("2030-01-31T11:00Z", HOUR_MS),
        ("2030-01-31T12:00+01:00", HOUR_MS),
        ("2030-01-31", 12 * HOUR_MS),
    ],
)
def test_a_time_is_given_as_it_is_or_by_how_long_ago(text, ago_ms):
    chosen = selection(since=text, until=text)

    assert chosen.since_ms == chosen.until_ms == NOW.timestamp() * 1000 - ago_ms


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"since": "yesterday"}, "--since 'yesterday'"),
        ({"until": "2"}, "--until '2'"),
        ({"codes": ["denied"]}, "--code 'denied' is none of invalid_request"),
        ({"ids": ["17"]}, "--id '17' is not a request-id"),
        ({"ids": ["a/0/1/2"]}, "--id"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(typed, said):
    with pytest.raises(Fatal, match=said) as caught:
        selection(**typed)

    assert caught.value.exit_code is Exit.USAGE


def test_letters_are_chosen_up_to_the_most_that_can_be_sent():
    records = letters("a", "other", "a", "a")

    chosen = choose(records, selection(), frozenset({"a"}), most=2)

    assert [type(what) for _, _, what in chosen] == [Replay, Skip, Replay]


def test_letters_that_do_not_match_are_not_even_counted():
    chosen = choose(letters("a"), selection(codes=["unknown_model"]), frozenset({"a"}), most=None)

    assert chosen == []


def test_the_summary_of_a_dry_run_says_that_nothing_was_sent():
    said = summary(
        Counter(would_send=1_200, skipped=3),
        Counter(truncated=1, tombstone=2),
        past_deadline=0,
        sending=False,
        most=None,
    )

    assert said == (
        "1,200 would be sent, 3 skipped (tombstone 2, truncated 1). Nothing was sent: add --send."
    )


def test_the_summary_of_a_dry_run_says_how_many_are_past_their_deadline():
    said = summary(Counter(would_send=1_200), Counter(), 1_100, sending=False, most=None)

    assert said.startswith("1,200 would be sent, 1,100 of them past their deadline, 0 skipped.")


def test_the_summary_warns_of_sending_twice():
    said = summary(Counter(sent=2, failed=1), Counter(), 0, sending=True, most=3)

    assert said.startswith("2 sent, 1 failed, 0 skipped.")
    assert "what is replayed again is sent again" in said
    assert said.endswith("Stopped at --max 3.")


def outcomes(*done, own=()):
    """One letter for each of `done`."""
    records = letters(*["a"] * len(done), own=own)
    return [
        LetterOutcome(record, letter_of(record), what, "truncated" if what == "skipped" else "")
        for record, what in zip(records, done, strict=True)
    ]


def printed(*done, as_json, sending=True, own=()):
    report = ReplayReport(now_ms=NOW_MS, as_json=as_json)
    report.take(outcomes(*done, own=own))
    report.close(sending=sending, most=None)


def test_the_table_says_what_became_of_each_letter(capsys):
    printed("sent", "skipped", as_json=False)

    head, first, second, summed, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["letter", "code", "request", "attempts", "bytes", "outcome"]
    assert first.split() == ["0/0", "too_large", "a/0/0", "0", "0", "sent"]
    assert second.split()[-2:] == ["skipped:", "truncated"]
    assert summed.startswith("1 sent, 0 failed, 1 skipped (truncated 1).")


def test_a_long_table_is_cut_and_the_sums_are_not(capsys):
    printed(*["sent"] * 130, as_json=False)

    text = capsys.readouterr().out
    assert len(text.splitlines()) < 110
    assert "... and 30 more" in text
    assert "130 sent" in text


def test_json_has_a_line_for_each_letter_and_one_for_the_sums(capsys):
    printed("would_send", "skipped", as_json=True, sending=False)

    first, second, sums = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["request"] == "a/0/0"
    assert (second["outcome"], second["reason"]) == ("skipped", "truncated")
    assert sums == {"would_send": 1, "past_deadline": 0, "skipped": {"truncated": 1}}


@pytest.mark.parametrize(("in_ms", "is_late"), [(-HOUR_MS, True), (0, True), (1, False)])
def test_what_is_past_its_deadline_is_told_before_it_is_sent(capsys, in_ms, is_late):
    own = [("deadline", b"%d" % (NOW_MS + in_ms))]

    printed("would_send", "skipped", as_json=True, sending=False, own=own)

    first, _, sums = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["past_deadline"] is is_late
    assert sums["past_deadline"] == is_late, "what is skipped is not counted"


def test_the_table_says_what_is_past_its_deadline(capsys):
    printed("would_send", as_json=False, sending=False, own=[("deadline", b"0")])

    _, row, summed, *_ = capsys.readouterr().out.splitlines()
    assert row.endswith("would_send: past its deadline")
    assert summed.startswith("1 would be sent, 1 of them past their deadline, 0 skipped.")
