"""What keeps answers from leaving is known while it lasts, and said once."""

import pytest

from daemon.loop.trouble import Trouble
from daemon.telemetry.events import Event
from daemon.values.errors import Exit, Fatal

LIMIT_S = 600.0


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
        "daemon.loop.trouble.log",
        lambda event, **fields: said.append({"event": event, **fields}),
    )
    return said


@pytest.fixture
def trouble(clock):
    return Trouble(LIMIT_S, clock=clock)


def meet(trouble, times, subject="replies", key=32, reason="the clock is wrong", exit_code=None):
    for _ in range(times):
        trouble.meet(subject, key, reason, exit_code=exit_code)


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


def stand(trouble, clock, seconds, exit_code=Exit.DENIED):
    """Meet one cause every other second for so long."""
    meet(trouble, 1, exit_code=exit_code)
    until_s = clock.now_s + seconds
    while clock.now_s < until_s:
        clock.now_s += 2
        meet(trouble, 1, exit_code=exit_code)


def test_what_stands_for_longer_than_the_limit_ends_the_process(trouble, clock):
    stand(trouble, clock, LIMIT_S)

    with pytest.raises(
        Fatal, match=r"for 600 s \(limits\.unavailable\): the clock is wrong"
    ) as caught:
        stand(trouble, clock, 2)
    assert caught.value.exit_code is Exit.DENIED


def test_what_carries_no_exit_code_ends_nothing(trouble, clock):
    stand(trouble, clock, 10 * LIMIT_S, exit_code=None)

    assert trouble.reason == "the clock is wrong"
    assert trouble.outage == ""


def test_what_was_over_meanwhile_has_its_time_anew(trouble, clock):
    for _ in range(3):
        stand(trouble, clock, LIMIT_S - 10)
        trouble.end("replies")


def test_what_nobody_met_for_a_while_has_its_time_anew(trouble, clock):
    for _ in range(3):
        stand(trouble, clock, LIMIT_S - 10)
        clock.now_s += 60


def test_an_outage_is_what_somebody_else_must_mend(trouble):
    meet(trouble, 1)
    meet(trouble, 1, "dead", reason="no right", exit_code=Exit.DENIED)

    assert (trouble.reason, trouble.outage) == ("the clock is wrong", "no right")
