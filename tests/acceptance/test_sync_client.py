"""The client that blocks, on a real Kafka: for threads and scripts."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.jobs import pair
from tidemill_client import Closed, NotSent, Rejected, SyncClient

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def client(served):
    with SyncClient(served.bootstrap, reply_topic=served.names.replies) as opened:
        yield opened


def test_threads_get_each_its_own_answer(served, client):
    with ThreadPoolExecutor(8) as threads:
        asked = [pair(number) for number in range(100)]
        replies = list(threads.map(lambda body: client.ask(served.names.requests, body), asked))

    assert [reply.body for reply in replies] == asked


@pytest.mark.parametrize("ordered", [True, False])
def test_many_are_answered(served, client, ordered):
    bodies = (b"odd" if number == 70 else pair(number) for number in range(200))

    asking = client.ask_many(served.names.requests, bodies, in_flight=20, ordered=ordered)
    answers = list(asking)

    assert sorted(answer.index for answer in answers) == list(range(200))
    assert not ordered or answers == sorted(answers, key=lambda answer: answer.index)
    (odd,) = [answer for answer in answers if answer.error is not None]
    with pytest.raises(Rejected):
        odd.result()


def test_one_body_instead_of_many_is_a_slip(served, client):
    with pytest.raises(TypeError, match="an iterable of them"):
        next(client.ask_many(served.names.requests, pair(1)))


def test_who_stops_early_leaves_no_question(served, client):
    asking = client.ask_many(served.names.requests, map(pair, range(100)), in_flight=10)
    next(asking)
    asking.close()

    assert client.ask(served.names.requests, pair(1)).body == pair(1)


def test_tickets_are_collected(served, client):
    topic, group = served.names.requests, served.topics.group
    tickets = [client.submit(topic, body, group=group) for body in (pair(1), pair(2), b"odd")]

    ends = {end.ticket: end for end in client.collect_many(tickets, timeout=20)}

    assert [ends[ticket].result().body for ticket in tickets[:2]] == [pair(1), pair(2)]
    assert isinstance(ends[tickets[2]].error, Rejected)


async def test_it_does_not_block_an_event_loop(served, client):
    with pytest.raises(RuntimeError, match="use Client"):
        client.ask(served.names.requests, pair(1))


def test_after_a_fork_it_says_so_instead_of_waiting_for_ever(served, client):
    child = os.fork()
    if child == 0:
        code = ""
        try:
            client.ask(served.names.requests, pair(1))
        except Closed as error:
            code = error.code
        os._exit(0 if code == "forked" else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_before_and_after_its_life_it_says_so(served):
    client = SyncClient(served.bootstrap, reply_topic=served.names.replies)
    with pytest.raises(Closed) as early:
        client.ask(served.names.requests, pair(1))
    with client:
        pass
    with pytest.raises(Closed) as late:
        client.ask(served.names.requests, pair(1))

    assert (early.value.code, late.value.code) == ("not_open", "closed")


def test_a_client_that_does_not_get_in_leaves_no_thread(served):
    with (
        pytest.raises(NotSent, match=r"127\.0\.0\.1:1"),
        SyncClient("127.0.0.1:1", reply_topic="replies"),
    ):
        pass
