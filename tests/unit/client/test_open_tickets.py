from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill_client import Lost, NoReply, NotYet, Ticket
from tidemill_client.open_tickets import OpenTickets, requests_of
from tidemill_client.ticket import unanswered

GROUPS = ("day", "night")


def ticket(number, *, offset=0, group="day", partition=0):
    return Ticket(
        topic="requests",
        partition=partition,
        offset=offset,
        group=group,
        correlation=f"{number:04x}",
        reply_topic="replies",
        reply_partition=0,
        reply_from=100 + number,
        deadline_ms=1,
    )


def reply(number, status=b"ok"):
    headers = (("correlation-id", number.to_bytes(2, "big")), ("status", status))
    return SimpleNamespace(key=None, value=b"%d" % number, headers=headers)


@st.composite
def tickets(draw):
    """Tickets, some of them twice."""
    offsets, groups, partitions = st.integers(0, 5), st.sampled_from(GROUPS), st.integers(0, 1)
    places = draw(st.lists(st.tuples(offsets, groups, partitions), min_size=1, max_size=12))
    made = [
        ticket(number, offset=offset, group=group, partition=partition)
        for number, (offset, group, partition) in enumerate(places)
    ]
    return made + draw(st.lists(st.sampled_from(made), max_size=3))


def commits():
    """Of some partitions of requests, how far their group came."""
    told = st.none() | st.integers(0, 6) | st.just(NoReply("group_denied", "why"))
    return st.dictionaries(st.tuples(st.sampled_from(GROUPS), st.integers(0, 1)), told)


@given(tickets(), st.lists(st.integers(0, 20)), commits())
def test_each_ticket_ends_once_and_by_what_is_known_of_it(given_tickets, answered, committed):
    looked_for = OpenTickets(given_tickets)
    known = {(group, "requests", partition): told for (group, partition), told in committed.items()}

    found = looked_for.answered([reply(number) for number in answered])
    silent = looked_for.unanswered(known, first=0)
    left = looked_for.left(lambda one: NotYet("not_yet", one.correlation))

    assert Counter(end.ticket for end in found + silent + left) == Counter(given_tickets)
    assert not looked_for
    correlations = {f"{number:04x}" for number in answered}
    assert {end.ticket.correlation for end in found} <= correlations
    assert not {end.ticket.correlation for end in silent + left} & correlations
    for end in silent + left:
        expected = unanswered(end.ticket, known.get(requests_of(end.ticket)), first=0)
        assert type(end.error) is type(expected)


def test_the_first_reply_is_the_end():
    looked_for = OpenTickets([ticket(1), ticket(2)])

    ends = looked_for.answered([reply(1), reply(1, status=b"error"), reply(9)])

    assert [end.result().body for end in ends] == [b"1"]
    assert looked_for


def test_it_is_read_from_where_the_earliest_may_be():
    assert OpenTickets([ticket(5), ticket(3), ticket(4)]).reply_from == 103


def test_what_is_dealt_with_is_lost_and_what_comes_behind_it_is_not():
    looked_for = OpenTickets([ticket(1, offset=7), ticket(2, offset=8)])

    ends = looked_for.unanswered({("day", "requests", 0): 8}, first=0)

    assert [(end.ticket.offset, type(end.error)) for end in ends] == [(7, Lost)]
    with pytest.raises(Lost):
        ends[0].result()
    assert [end.result().body for end in looked_for.answered([reply(2)])] == [b"2"]


def test_groups_are_asked_for_what_has_no_end():
    looked_for = OpenTickets([ticket(1), ticket(2, group="night"), ticket(3, partition=1)])

    looked_for.unanswered({("day", "requests", 0): 1}, first=0)

    assert looked_for.by_group() == {
        "day": [("day", "requests", 1)],
        "night": [("night", "requests", 0)],
    }
