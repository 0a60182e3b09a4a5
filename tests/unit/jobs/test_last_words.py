"""What is known of jobs by what they said, and what is not taken for it."""

import json
from io import StringIO

import pytest
from rich.console import Console

from daemon.commands.jobs import print_table
from daemon.jobs.last_words import LastWords, UnderWay
from tests.fakes import FakeRecord

WORD = {
    "job_id": "j1",
    "state": "running",
    "lane": "l",
    "items": 1_000,
    "left": 400,
    "ended": {"ok": 599, "error": 1},
    "began": "2030-01-31T07:00:00+00:00",
    "deadline": None,
    "as_of": "2030-01-31T07:30:00+00:00",
    "host": "h",
    "folder": "/results",
}


def said(event_type=b"tidemill.job.running", **changed):
    body = json.dumps(WORD | changed).encode()
    return FakeRecord(
        topic="jobs", partition=0, offset=0, value=body, headers=[("ce_type", event_type)]
    )


def known(*records):
    words = LastWords()
    words.hear(records)
    return words.all()


def test_a_job_s_later_word_counts():
    (word,) = known(said(), said(state="complete", left=0))

    assert (word.state, word.left) == ("complete", 0)


def test_jobs_under_way_are_last_and_else_they_stand_as_they_began():
    over = said(job_id="over", left=0, began="2030-02-02")
    earlier = said(job_id="earlier", left=0, began="2030-02-01")

    assert [word.job_id for word in known(said(), over, earlier)] == ["earlier", "over", "j1"]


@pytest.mark.parametrize(
    "record",
    [
        said(b"tidemill.reply.ok"),
        said(state="unheard of"),
        said(items=None),
        said(items=-1),
        said(left=2**64),
        said(remaining_s=[0, 1e300]),
        said(folder="/" * 5_000),
        said(others="x" * 2**16),
        FakeRecord("jobs", 0, 0, value=b"{", headers=[("ce_type", b"tidemill.job.late")]),
        FakeRecord("jobs", 0, 0, value=None, headers=[("ce_type", b"tidemill.job.late")]),
    ],
    ids=[
        *("a reply", "a state", "a number", "below zero", "too much", "too long", "a path"),
        *("too large", "no JSON", "a tombstone"),
    ],
)
def test_what_is_no_word_of_a_job_is_passed_over(record):
    assert known(record) == []


def test_people_see_it_on_a_narrow_terminal_without_control_characters():
    console = Console(file=StringIO(), width=60)

    print_table(
        console,
        "jobs",
        known(
            said(
                b"tidemill.job.progress",
                folder="/\x1b[31m",
                deadline="2030-01-31T08:00:00+00:00",
                rate_per_s=12.5,
                remaining_s=[32, 400],
            )
        ),
    )

    shown = console.file.getvalue()
    assert "600 of 1,000" in shown
    assert "running j1" in shown
    assert "lane l, by 2030-01-31 08:00" in shown
    assert "12/s, 32 s to 7 min left" in shown
    assert "\x1b[31m" not in shown


def under_way(*records, **limits):
    words = UnderWay(**limits)
    words.hear(records)
    return words.heard()


def ids(heard):
    return [word.job_id for word in heard.words]


def test_what_is_over_is_not_under_way_any_more():
    over = said(b"tidemill.job.complete", state="complete", left=0)

    assert under_way(said(), over, said(job_id="j2")).words == known(said(job_id="j2"))


def test_those_heard_of_last_are_shown_in_the_order_in_which_they_began():
    records = [said(job_id=f"j{number}", began=f"2030-01-0{9 - number}") for number in range(5)]

    heard = under_way(*records, records[0], most_shown=3)

    assert ids(heard) == ["j4", "j3", "j0"]
    assert heard.more == 2


def test_who_was_not_heard_of_for_the_longest_is_forgotten_first():
    records = [said(job_id=f"j{number}") for number in range(5)]

    heard = under_way(*records[:3], records[0], *records[3:], most=3)

    assert ids(heard) == ["j0", "j3", "j4"]
    assert heard.more == 0
