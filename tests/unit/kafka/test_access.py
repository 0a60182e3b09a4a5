"""What a member lost is said when it is surely lost, and over when it is back."""

import pytest

from daemon.kafka.group.access import Access
from daemon.kafka.topic_ids import TopicState
from daemon.values.errors import Exit, Fatal

LIMIT_S = 600.0
WELL, ABSENT, REFUSED = (
    TopicState("id"),
    TopicState("", absent=True),
    TopicState("", may_read=False),
)


class Clock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def access(clock):
    return Access(LIMIT_S, clock=clock)


def test_a_topic_that_one_answer_misses_is_not_gone_yet(access):
    access.look({"t": ABSENT})
    access.look({"t": WELL})
    access.look({"t": ABSENT})

    assert access.trouble == ""


def test_a_topic_that_is_missing_again_is_gone_until_it_is_back(access):
    access.look({"t": ABSENT})
    access.look({"t": ABSENT})
    assert (access.trouble, access.away) == ("topic t: does not exist; create it", {"t"})

    access.look({"t": WELL})
    assert (access.trouble, access.away) == ("", set())


def test_a_missing_right_is_said_at_once(access):
    access.look({"t": REFUSED, "u": WELL})

    assert access.trouble == "topic t: not allowed to read it: grant Read on it"
    assert access.away == {"t"}


@pytest.mark.parametrize(("state", "exit_code"), [(ABSENT, Exit.SETTINGS), (REFUSED, Exit.DENIED)])
def test_what_is_away_for_too_long_ends_the_process(access, clock, state, exit_code):
    for _ in range(int(LIMIT_S / 2) + 1):
        access.look({"t": state})
        clock.now_s += 2

    clock.now_s += 2
    with pytest.raises(Fatal, match=r"limits\.unavailable") as caught:
        access.look({"t": state})
    assert caught.value.exit_code is exit_code


def test_the_group_is_well_once_it_is_taken_up(access):
    access.group_refused(Fatal(Exit.DENIED, "grant Read on the group"))
    assert access.trouble == "grant Read on the group"

    access.group_taken_up()
    assert access.trouble == ""
