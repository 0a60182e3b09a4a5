"""What keeps answers from leaving is known while it lasts, and said once."""

import pytest

from daemon.kafka.writing.trouble import Trouble
from daemon.telemetry.events import Event


class Clock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(monkeypatch):
    """What is logged; the log itself leaves out what all tests together say too often."""
    said = []
    monkeypatch.setattr(
        "daemon.kafka.writing.trouble.log",
        lambda event, **fields: said.append({"event": event, **fields}),
    )
    return said


@pytest.fixture
def trouble(clock):
    return Trouble(clock)


def meet(trouble, times, subject="replies", key=32, reason="the clock is wrong"):
    for _ in range(times):
        if not trouble.again(subject, key):
            trouble.begin(subject, key, reason)


def test_a_cause_is_said_once_and_counted_at_its_end(trouble, clock, lines):
    meet(trouble, 5)
    clock.now_s += 12
    trouble.end("replies")

    assert [line["event"] for line in lines] == [Event.PUBLISHING_BLOCKED, Event.PUBLISHING_RESUMED]
    assert (lines[1]["times"], lines[1]["after_s"]) == (5, 12)


def test_another_cause_is_said_too(trouble, lines):
    meet(trouble, 2)
    meet(trouble, 2, key=43, reason="an old format")

    assert [line["reason"] for line in lines] == ["the clock is wrong", "an old format"]


def test_the_end_of_what_never_began_is_not_worth_a_word(trouble, lines):
    trouble.end("replies")

    assert lines == []


def test_a_cause_that_is_met_again_is_told_by_its_own_reason(trouble):
    meet(trouble, 1, "producer", reason="no secret")
    meet(trouble, 1)

    assert trouble.again("replies", 32) == "the clock is wrong"


def test_the_end_of_one_subject_leaves_the_other(trouble):
    meet(trouble, 1)
    meet(trouble, 1, "producer", reason="no secret")

    trouble.end("replies")

    assert trouble.reason == "no secret"


def test_what_nobody_meets_any_more_is_no_reason(trouble, clock):
    """Nothing is owed that could show that it is over."""
    meet(trouble, 1)
    assert trouble.reason == "the clock is wrong"

    clock.now_s += 60
    assert trouble.reason == ""

    meet(trouble, 1)
    assert trouble.reason == "the clock is wrong"
