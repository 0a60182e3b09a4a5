import asyncio

import pytest
from msgspec import structs

from daemon.values.errors import Code, Exit, Fatal
from tests.fakes import FakeRecord, FakeSink
from tests.unit.line.outbox_bench import PATIENCE_S, UNAVAILABLE_S, Bench, answers

pytestmark = pytest.mark.usefixtures("form_of_replies")

LARGE_BYTES = 1_000


async def test_a_reply_goes_to_the_requests_partition_modulo_the_reply_topics_count():
    bench = Bench()

    bench.put(answers(bench.ledger, 1))
    await bench.idle()

    assert [record.partition for record in bench.sink.published] == [6 % 4]


async def test_a_missing_reply_topic_dead_letters_its_own_answers_and_holds_up_no_other():
    bench = Bench()
    lost = answers(bench.ledger, 2, topic="missing")
    fine = answers(bench.ledger, 2, first=2)

    bench.put([*lost, *fine])
    await bench.idle()

    assert len(bench.sink.sent_to("replies")) == 2
    assert len(bench.sink.sent_to("dead")) == 2
    assert len(bench.settled) == 4


async def test_a_topic_whose_lookup_is_not_answered_holds_up_no_other():
    bench = Bench()
    bench.put(answers(bench.ledger, 1))
    await bench.idle()
    bench.sink.answers_metadata = False

    bench.put(answers(bench.ledger, 1, first=1, topic="unknown"))
    bench.put(answers(bench.ledger, 1, first=2))
    await asyncio.sleep(5)
    assert [answer.record.offset for answer in bench.settled] == [0, 2]

    bench.sink.answers_metadata = True
    await bench.idle()
    assert bench.sink.sent_to("dead")


async def test_a_topic_that_a_request_names_deleted_meanwhile_ends_in_dead_letters():
    bench = Bench(FakeSink({"replies": 1, "dead": 1, "theirs": 1}))
    bench.put(answers(bench.ledger, 1, topic="theirs"))
    await bench.idle()
    del bench.sink.topics["theirs"]

    bench.put(answers(bench.ledger, 1, first=1, topic="theirs"))
    await bench.idle()

    assert len(bench.sink.sent_to("dead")) == 1


async def test_a_partition_the_reply_topic_lacks_gets_an_error_reply_elsewhere():
    bench = Bench()

    bench.put(answers(bench.ledger, 1, partition=9))
    await bench.idle()

    assert [answer.code for answer in bench.settled] == [Code.INVALID_REQUEST]
    assert len(bench.sink.sent_to("replies")) == 1


async def test_a_partition_that_was_added_is_used_at_once():
    bench = Bench()
    bench.put(answers(bench.ledger, 1))
    await bench.idle()

    bench.sink.topics["replies"] = 10
    bench.put(answers(bench.ledger, 2, first=1, partition=9))
    bench.put(answers(bench.ledger, 1, first=3, partition=10))
    await bench.idle()

    assert [record.partition for record in bench.sink.published] == [2, 9, 9, 6]
    assert [answer.code for answer in bench.settled] == [None, None, None, Code.INVALID_REQUEST]


async def test_an_answer_too_large_for_the_topic_is_replaced_and_its_neighbours_leave():
    bench = Bench()
    bench.sink.largest_bytes["replies"] = LARGE_BYTES
    big = answers(bench.ledger, 1, first=1, value=b"x" * (LARGE_BYTES + 1))

    bench.put([*answers(bench.ledger, 1), *big, *answers(bench.ledger, 1, first=2)])
    await bench.idle()

    ends = [record.header("error-code") for record in bench.sink.sent_to("replies")]
    assert sorted(ends, key=bool) == [None, None, b"result_too_large"]
    assert sorted(answer.record.offset for answer in bench.settled) == [0, 1, 2]


def deny(sink, topic):
    """Take the right to write away; return what gives it back."""
    sink.denied.add(topic)
    return lambda: sink.denied.remove(topic)


def delete(sink, topic):
    """Delete a topic of one partition; return what makes it anew."""
    del sink.topics[topic]
    return lambda: sink.topics.update({topic: 1})


def restrict(sink, topic):
    """Take no record without a key; return what ends that."""
    sink.keyed.add(topic)
    return lambda: sink.keyed.remove(topic)


def hide(sink, topic):
    """Let nobody see a topic; return what ends that."""
    sink.hidden.add(topic)
    return lambda: sink.hidden.remove(topic)


OUTAGES = pytest.mark.parametrize(
    ("topic", "take_away", "said", "exit_code"),
    [
        ("replies", deny, "not allowed to write to replies: grant Write on it", Exit.DENIED),
        ("dead", deny, "not allowed to write to dead: grant Write on it", Exit.DENIED),
        ("replies", hide, "not allowed to see replies: grant Write on it", Exit.DENIED),
        ("replies", delete, "the topic replies does not exist: create it", Exit.SETTINGS),
        ("dead", delete, "the topic dead does not exist: create it", Exit.SETTINGS),
        ("dead", restrict, "the dead-letter topic dead refuses a letter: ", Exit.SETTINGS),
    ],
)


@OUTAGES
async def test_what_a_topic_of_ours_lacks_for_a_while_is_waited_for(
    topic, take_away, said, exit_code
):
    bench = Bench(FakeSink({"replies": 1, "dead": 1}))
    give_back = take_away(bench.sink, topic)

    bench.put(answers(bench.ledger, 3, topic=topic))
    await asyncio.sleep(UNAVAILABLE_S / 2)
    bench.tasks.check()
    assert said in bench.outbox.outage
    assert bench.outbox.trouble == bench.outbox.outage
    assert bench.settled == []

    give_back()
    await bench.idle()
    assert ends_of(bench) == [(0, topic), (1, topic), (2, topic)]
    assert bench.outbox.trouble == ""


@OUTAGES
async def test_what_a_topic_of_ours_lacks_for_too_long_ends_the_process(
    topic, take_away, said, exit_code
):
    bench = Bench(FakeSink({"replies": 1, "dead": 1}))
    take_away(bench.sink, topic)

    bench.put(answers(bench.ledger, 1, topic=topic))
    with pytest.raises(Fatal, match=r"limits\.unavailable") as caught:
        await bench.idle(2 * UNAVAILABLE_S)

    assert said in str(caught.value)
    assert caught.value.exit_code is exit_code
    assert bench.settled == []


async def test_a_topic_of_ours_that_was_made_anew_with_fewer_partitions_gets_what_waited():
    bench = Bench()
    bench.put(answers(bench.ledger, 1))
    await bench.idle()
    del bench.sink.topics["replies"]
    bench.put(answers(bench.ledger, 2, first=1))
    await asyncio.sleep(UNAVAILABLE_S / 2)

    bench.sink.topics["replies"] = 1
    await bench.idle()

    assert ends_of(bench) == [(0, "replies"), (1, "replies"), (2, "replies")]


async def test_a_dead_letter_that_waits_holds_up_no_reply():
    bench = Bench(FakeSink({"replies": 1}))

    bench.put(answers(bench.ledger, 1, topic="missing"))
    bench.put(answers(bench.ledger, 1, first=1))
    await asyncio.sleep(1)

    assert ends_of(bench) == [(1, "replies")]


async def test_a_denied_topic_that_only_a_request_names_costs_no_other_its_reply():
    bench = Bench(FakeSink({"replies": 1, "dead": 1, "theirs": 1}))
    bench.sink.denied.add("theirs")

    bench.put(answers(bench.ledger, 1, topic="theirs"))
    bench.put(answers(bench.ledger, 1, first=1))
    await bench.idle()

    assert len(bench.sink.sent_to("dead")) == 1
    assert len(bench.sink.sent_to("replies")) == 1


def ends_of(bench):
    """How each offset ended: the topics that got an answer to it."""
    return sorted((answer.record.offset, answer.topic) for answer in bench.settled)


async def test_a_right_taken_away_in_the_middle_readdresses_only_what_the_broker_lacks():
    bench = Bench(FakeSink({"replies": 1, "dead": 1, "theirs": 1}))
    bench.sink.takes_before["theirs"] = 3

    bench.put(answers(bench.ledger, 5, topic="theirs"))
    await bench.idle()

    assert len(bench.sink.sent_to("theirs")) == 3
    assert [record.header("dlq-offset") for record in bench.sink.sent_to("dead")] == [b"3", b"4"]
    assert ends_of(bench) == [(0, "theirs"), (1, "theirs"), (2, "theirs"), (3, "dead"), (4, "dead")]


async def test_a_reply_topic_that_refuses_even_an_error_gets_no_dead_letter():
    """It goes to the dead letters, whole: it is the request."""
    bench = Bench()
    bench.sink.largest_bytes["replies"] = 20
    (answer,) = answers(bench.ledger, 1, value=b"x" * 100)
    request = FakeRecord("requests", 6, 0, key=b"k", value=b"y" * 5_000)

    bench.put([structs.replace(answer, record=request, key=b"k")])
    await bench.idle()

    assert bench.sink.sent_to("replies") == []
    (letter,) = bench.sink.sent_to("dead")
    assert letter.value == b"y" * 5_000
    assert [(answer.topic, answer.dead) for answer in bench.settled] == [("dead", True)]


async def test_what_leaves_a_load_for_another_topic_costs_its_neighbours_nothing():
    bench = Bench()
    bench.sink.largest_bytes["replies"] = 20
    large = answers(bench.ledger, 2, first=1, value=b"x" * 100)

    bench.put([*answers(bench.ledger, 1), *large, *answers(bench.ledger, 1, first=3)])
    await bench.idle()

    assert ends_of(bench) == [(0, "replies"), (1, "dead"), (2, "dead"), (3, "replies")]


async def test_a_reply_without_the_key_its_topic_wants_is_dead_lettered_with_the_reason():
    bench = Bench()
    bench.sink.keyed.add("replies")
    keyed, keyless = answers(bench.ledger, 2)

    with_key = keyed.record._replace(key=b"k")
    bench.put([structs.replace(keyed, record=with_key, key=b"k"), keyless])
    await bench.idle()

    assert ends_of(bench) == [(0, "replies"), (1, "dead")]
    (letter,) = bench.sink.sent_to("dead")
    assert letter.header("dlq-code") == b"reply_topic_denied"
    assert b"no key" in letter.header("dlq-detail")


async def test_what_an_own_topic_refuses_for_now_is_owed_until_it_is_taken():
    bench = Bench()
    bench.sink.blocked.add("replies")
    bench.put(answers(bench.ledger, 2))
    await asyncio.sleep(100 * PATIENCE_S)
    assert (bench.settled, bench.outbox.pending) == ([], 2)

    bench.sink.blocked.clear()
    await bench.idle()

    assert ends_of(bench) == [(0, "replies"), (1, "replies")]


async def test_what_a_topic_of_others_refuses_for_long_is_dead_lettered_with_the_reason():
    bench = Bench(FakeSink({"replies": 1, "dead": 1, "theirs": 1}))
    bench.sink.blocked.add("theirs")
    bench.put(answers(bench.ledger, 1, topic="theirs"))
    await asyncio.sleep(PATIENCE_S / 2)
    assert bench.outbox.pending == 1

    await bench.idle()

    (letter,) = bench.sink.sent_to("dead")
    assert b"theirs refuses everything" in letter.header("dlq-detail")
