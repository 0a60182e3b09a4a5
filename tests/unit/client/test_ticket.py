import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill_client import Lost, NoReply, NotYet, Ticket
from tidemill_client.ticket import unanswered

TICKET = Ticket(
    topic="requests",
    partition=3,
    offset=57,
    group="classify",
    correlation="00ff",
    reply_topic="replies",
    reply_partition=1,
    reply_from=100,
    deadline_ms=1,
)


def test_a_ticket_survives_as_text():
    assert Ticket.decode(TICKET.encode()) == TICKET


def test_text_that_is_no_ticket_is_refused():
    with pytest.raises(msgspec.MsgspecError, match="hexadecimal"):
        Ticket.decode(TICKET.encode().replace("00ff", "none"))


@given(st.none() | st.integers(0, 200), st.integers(0, 200))
def test_lost_is_said_of_what_is_dealt_with_and_of_nothing_else(committed, first):
    dealt_with = committed is not None and committed > TICKET.offset

    end = unanswered(TICKET, committed, first=first)

    assert type(end) is (Lost if dealt_with else NotYet)


@pytest.mark.parametrize(
    ("committed", "first", "detail"),
    [
        (None, 0, "committed nothing of requests/3"),
        (57, 0, "up to 57, the request is at 57"),
        (58, 101, "replies/1 keeps nothing before 101"),
        (58, 100, "dead letter"),
        (58, None, "no replies/1 any more"),
    ],
)
def test_it_says_how_that_is_known(committed, first, detail):
    assert detail in unanswered(TICKET, committed, first=first).detail


def test_who_may_not_see_the_group_waits_for_nothing():
    denied = NoReply("group_denied", "grant Describe")

    end = unanswered(TICKET, denied, first=0)

    assert (type(end), end.code, end.detail) == (NoReply, denied.code, denied.detail)
