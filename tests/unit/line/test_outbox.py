import asyncio
from itertools import groupby

import pytest
from msgspec import structs

from config.settings import Settings
from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.line.outbox import Outbox
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.values.errors import Code, Exit, Fatal
from daemon.values.messages import Answer
from daemon.values.outgoing import HeaderColumn, RecordRun
from daemon.values.ports import SendFailed
from daemon.values.reply_run import ReplyRun, apart
from tests.fakes import FakeDelivery, FakeRecord, FakeSink, FakeSource
from tests.ledgers import make_lane, make_ledger

LARGE_BYTES = 1_000


PATIENCE_S = 30.0
UNAVAILABLE_S = 600.0
SETTINGS = Settings(
    kafka={"group": "g"},
    models={"m": {"path": "model.onnx"}},
    lanes={"standard": {"topics": ["requests"], "models": ["m"]}},
    replies={"topic": "replies"},
    dead_letters={"topic": "dead"},
)


LANES = {"standard": make_lane().policy}


def answers(ledger, count, *, first=0, topic="replies", partition=None, value=b"result"):
    made = []
    for offset in range(first, first + count):
        record = FakeRecord(ledger.topic, ledger.number, offset)
        made.append(
            Answer(record, ledger, "standard", None, False, topic, partition, None, value, [], 10)
        )
    return made


def in_runs(made):
    """The same answers, those that are neighbours and of one partition as one value."""
    for (ledger, topic, partition), group in groupby(
        made, lambda each: (each.ledger, each.topic, each.partition)
    ):
        its = list(group)
        ids = [b"%d" % answer.record.offset for answer in its]
        yield ReplyRun(
            its,  # as requests: they have the same record and costs
            ledger,
            "standard",
            topic,
            partition,
            RecordRun(
                [answer.record.key for answer in its],
                [answer.value for answer in its],
                [HeaderColumn("request-id", ids)],
            ),
            [answer.record.offset for answer in its],
            [answer.record.timestamp for answer in its],
            sum(answer.cost_bytes for answer in its),
            sum(len(answer.value) for answer in its),
            0,
        )


@pytest.fixture(autouse=True, params=[False, True], ids=["one by one", "in runs"])
def _form_of_replies(request, monkeypatch):
    monkeypatch.setattr(Bench, "in_runs", request.param)


class Bench:
    """An outbox with everything it needs, and what it reported."""

    in_runs = False
    """Whether replies come to it in runs."""

    def __init__(self, sink=None):
        self.sink = sink or FakeSink({"replies": 4, "dead": 1})
        self.taken = []
        self.settled = []
        self.dropped = []
        self.tasks = Tasks()
        self.lease = True
        self.ledger = make_ledger("requests", 6, 0)
        self.outbox = Outbox(
            FakeDelivery(self.sink, FakeSource()),
            Undeliverable(Replies(SETTINGS)),
            LANES,
            own_topics={"replies", "dead"},
            may_send=lambda: self.lease,
            taken=self.taken.extend,
            settled=self._settled,
            dropped=lambda answers: self.dropped.extend(apart(answers)),
            patience_s=PATIENCE_S,
            trouble=Trouble(UNAVAILABLE_S, clock=asyncio.get_running_loop().time),
            tasks=self.tasks,
        )

    def _settled(self, answers, publish_s):
        assert publish_s >= 0
        self.settled.extend(apart(answers))

    def put(self, made):
        """Give `made` to the outbox, in the form of this test."""
        self.outbox.put([*in_runs(made)] if self.in_runs else made)

    async def idle(self, longest_s=100.0):
        """Wait until everything has left; raises what failed instead."""
        emptied = asyncio.get_running_loop().create_task(self._emptied())
        async with asyncio.timeout(longest_s):
            await self.tasks.until(emptied)

    async def _emptied(self):
        while self.outbox.pending:  # noqa: ASYNC110 -- nothing tells
            await asyncio.sleep(0.1)


async def test_answers_are_settled_only_when_the_broker_has_them():
    bench = Bench()
    bench.sink.hold()
    bench.put(answers(bench.ledger, 3))
    await asyncio.sleep(1)
    assert (bench.settled, bench.outbox.pending) == ([], 3)

    bench.sink.release()
    await bench.idle()

    assert [answer.record.offset for answer in bench.settled] == [0, 1, 2]


async def test_a_reply_goes_to_the_requests_partition_modulo_the_reply_topics_count():
    bench = Bench()

    bench.put(answers(bench.ledger, 1))
    await bench.idle()

    assert [record.partition for record in bench.sink.published] == [6 % 4]


async def test_what_comes_while_a_send_is_under_way_leaves_together():
    bench = Bench()
    bench.sink.hold()
    bench.put(answers(bench.ledger, 1))
    await asyncio.sleep(1)
    for first in (1, 2, 3):
        bench.put(answers(bench.ledger, 1, first=first))
    assert bench.sink.waiting == 1

    bench.sink.release()
    await bench.idle()

    assert len(bench.settled) == 4


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


async def test_a_send_of_unknown_fate_is_repeated():
    bench = Bench()
    bench.sink.fail(SendFailed("no answer"), SendFailed("no answer"))

    bench.put(answers(bench.ledger, 2))
    await bench.idle()

    assert len(bench.sink.published) == 2
    assert len(bench.settled) == 2


async def test_an_answer_too_large_for_the_topic_is_replaced_and_its_neighbours_leave():
    bench = Bench()
    bench.sink.largest_bytes["replies"] = LARGE_BYTES
    big = answers(bench.ledger, 1, first=1, value=b"x" * (LARGE_BYTES + 1))

    bench.put([*answers(bench.ledger, 1), *big, *answers(bench.ledger, 1, first=2)])
    await bench.idle()

    ends = [record.header("error-code") for record in bench.sink.sent_to("replies")]
    assert sorted(ends, key=bool) == [None, None, b"result_too_large"]
    assert sorted(answer.record.offset for answer in bench.settled) == [0, 1, 2]


async def test_answers_of_a_lost_ledger_are_dropped_unsent():
    bench = Bench()
    bench.sink.hold()
    bench.put(answers(bench.ledger, 1))
    await asyncio.sleep(1)
    other = make_ledger("requests", 6, 0)
    bench.put([*answers(bench.ledger, 2, first=1), *answers(other, 1)])
    bench.ledger.lost = True

    bench.sink.release()
    await bench.idle()

    assert [answer.ledger for answer in bench.settled] == [bench.ledger, other]
    assert [answer.record.offset for answer in bench.dropped] == [1, 2]


async def test_nothing_is_handed_to_the_producer_without_a_lease():
    bench = Bench()
    bench.lease = False

    bench.put(answers(bench.ledger, 2))
    await bench.idle()

    assert bench.sink.published == []
    assert len(bench.dropped) == 2


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


async def test_what_fails_again_and_again_is_tried_more_and_more_slowly():
    bench = Bench()
    bench.sink.fail(*[SendFailed("no answer")] * 100)

    bench.put(answers(bench.ledger, 1))
    await asyncio.sleep(60)

    assert 60 < len(bench.sink.failures) < 80
    await bench.idle(1_000)
    assert len(bench.settled) == 1


async def test_a_fault_in_a_side_task_is_a_failure_of_the_worker():
    bench = Bench()
    bench.sink.fail(ZeroDivisionError())

    bench.put(answers(bench.ledger, 1))
    with pytest.raises(ZeroDivisionError):
        await bench.idle()
