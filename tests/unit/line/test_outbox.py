import asyncio

import pytest

from daemon.line.outbox import Outbox
from daemon.values.errors import Code, Exit, Fatal
from daemon.values.messages import Answer
from daemon.values.ports import SendFailed
from tests.fakes import FakeRecord, FakeSink
from tests.ledgers import make_ledger

LARGE_BYTES = 1_000


class Amends:
    def too_large(self, answer):
        return _replaced(answer, code=Code.RESULT_TOO_LARGE, value=b"too large")

    def no_topic(self, answer):
        return _replaced(answer, code=Code.REPLY_TOPIC_DENIED, dead=True, topic="dead")

    def no_partition(self, answer):
        return _replaced(answer, code=Code.INVALID_REQUEST, partition=None)


def _replaced(answer, **changes):
    fields = {name: getattr(answer, name) for name in answer.__struct_fields__}
    return Answer(**{**fields, **changes})


def answers(ledger, count, *, first=0, topic="replies", partition=None, value=b"result"):
    made = []
    for offset in range(first, first + count):
        record = FakeRecord(ledger.topic, ledger.number, offset)
        made.append(
            Answer(record, ledger, "standard", None, False, topic, partition, None, value, [], 10)
        )
    return made


class Bench:
    """An outbox with everything it needs, and what it reported."""

    def __init__(self, sink=None):
        self.sink = sink or FakeSink({"replies": 4, "dead": 1})
        self.settled = []
        self.dropped = []
        self.failures = []
        self.lease = True
        self.ledger = make_ledger("requests", 6, 0)
        self.outbox = Outbox(
            self.sink,
            Amends(),
            own_topics={"replies", "dead"},
            may_send=lambda: self.lease,
            settled=self._settled,
            dropped=self.dropped.extend,
            failed=self.failures.append,
        )

    def _settled(self, answers, publish_s):
        assert publish_s >= 0
        self.settled.extend(answers)

    async def idle(self):
        for _ in range(1_000):
            if not self.outbox.pending or self.failures:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.outbox.pending} answers still pending")


async def test_answers_are_settled_only_when_the_broker_has_them():
    bench = Bench()
    bench.sink.hold()
    bench.outbox.put(answers(bench.ledger, 3))
    await asyncio.sleep(1)
    assert (bench.settled, bench.outbox.pending) == ([], 3)

    bench.sink.release()
    await bench.idle()

    assert [answer.record.offset for answer in bench.settled] == [0, 1, 2]


async def test_a_reply_goes_to_the_requests_partition_modulo_the_reply_topics_count():
    bench = Bench()

    bench.outbox.put(answers(bench.ledger, 1))
    await bench.idle()

    assert [record.partition for record in bench.sink.published] == [6 % 4]


async def test_what_comes_while_a_send_is_under_way_leaves_together():
    bench = Bench()
    bench.sink.hold()
    bench.outbox.put(answers(bench.ledger, 1))
    await asyncio.sleep(1)
    for first in (1, 2, 3):
        bench.outbox.put(answers(bench.ledger, 1, first=first))
    assert bench.sink.waiting == 1

    bench.sink.release()
    await bench.idle()

    assert len(bench.settled) == 4


async def test_a_missing_reply_topic_dead_letters_its_own_answers_and_holds_up_no_other():
    bench = Bench()
    lost = answers(bench.ledger, 2, topic="missing")
    fine = answers(bench.ledger, 2, first=2)

    bench.outbox.put([*lost, *fine])
    await bench.idle()

    assert len(bench.sink.sent_to("replies")) == 2
    assert len(bench.sink.sent_to("dead")) == 2
    assert len(bench.settled) == 4


async def test_a_topic_whose_lookup_is_not_answered_holds_up_no_other():
    bench = Bench()
    bench.outbox.put(answers(bench.ledger, 1))
    await bench.idle()
    bench.sink.answers_metadata = False

    bench.outbox.put(answers(bench.ledger, 1, first=1, topic="unknown"))
    bench.outbox.put(answers(bench.ledger, 1, first=2))
    await asyncio.sleep(5)
    assert [answer.record.offset for answer in bench.settled] == [0, 2]

    bench.sink.answers_metadata = True
    await bench.idle()
    assert bench.sink.sent_to("dead")


async def test_a_reply_topic_deleted_meanwhile_ends_in_dead_letters():
    bench = Bench()
    bench.outbox.put(answers(bench.ledger, 1))
    await bench.idle()
    del bench.sink.topics["replies"]

    bench.outbox.put(answers(bench.ledger, 1, first=1))
    await bench.idle()

    assert len(bench.sink.sent_to("dead")) == 1


async def test_a_partition_the_reply_topic_lacks_gets_an_error_reply_elsewhere():
    bench = Bench()

    bench.outbox.put(answers(bench.ledger, 1, partition=9))
    await bench.idle()

    assert [answer.code for answer in bench.settled] == [Code.INVALID_REQUEST]
    assert len(bench.sink.sent_to("replies")) == 1


async def test_a_send_of_unknown_fate_is_repeated():
    bench = Bench()
    bench.sink.fail(SendFailed("no answer"), SendFailed("no answer"))

    bench.outbox.put(answers(bench.ledger, 2))
    await bench.idle()

    assert len(bench.sink.published) == 2
    assert len(bench.settled) == 2


async def test_an_answer_too_large_for_the_topic_is_replaced_and_its_neighbours_leave():
    bench = Bench()
    bench.sink.largest_bytes = LARGE_BYTES
    big = answers(bench.ledger, 1, first=1, value=b"x" * (LARGE_BYTES + 1))

    bench.outbox.put([*answers(bench.ledger, 1), *big, *answers(bench.ledger, 1, first=2)])
    await bench.idle()

    values = sorted(record.value for record in bench.sink.published)
    assert values == [b"result", b"result", b"too large"]
    assert sorted(answer.record.offset for answer in bench.settled) == [0, 1, 2]


async def test_answers_of_a_lost_ledger_are_dropped_unsent():
    bench = Bench()
    bench.sink.hold()
    bench.outbox.put(answers(bench.ledger, 1))
    await asyncio.sleep(1)
    other = make_ledger("requests", 6, 0)
    bench.outbox.put([*answers(bench.ledger, 2, first=1), *answers(other, 1)])
    bench.ledger.lost = True

    bench.sink.release()
    await bench.idle()

    assert [answer.ledger for answer in bench.settled] == [bench.ledger, other]
    assert [answer.record.offset for answer in bench.dropped] == [1, 2]


async def test_nothing_is_handed_to_the_producer_without_a_lease():
    bench = Bench()
    bench.lease = False

    bench.outbox.put(answers(bench.ledger, 2))
    await bench.idle()

    assert bench.sink.published == []
    assert len(bench.dropped) == 2


@pytest.mark.parametrize("topic", ["replies", "dead"])
async def test_a_topic_it_may_not_write_to_ends_the_process_with_denied(topic):
    bench = Bench()
    bench.sink.denied.add(topic)

    bench.outbox.put(answers(bench.ledger, 1, topic=topic))
    await bench.idle()

    (failure,) = bench.failures
    assert isinstance(failure, Fatal)
    assert failure.exit_code == Exit.DENIED
    assert bench.settled == []


async def test_a_missing_dead_letter_topic_ends_the_process_with_settings():
    bench = Bench(FakeSink({"replies": 1}))

    bench.outbox.put(answers(bench.ledger, 1, topic="missing"))
    await bench.idle()

    (failure,) = bench.failures
    assert failure.exit_code == Exit.SETTINGS


async def test_a_denied_topic_that_only_a_request_names_costs_no_other_its_reply():
    bench = Bench(FakeSink({"replies": 1, "dead": 1, "theirs": 1}))
    bench.sink.denied.add("theirs")

    bench.outbox.put(answers(bench.ledger, 1, topic="theirs"))
    bench.outbox.put(answers(bench.ledger, 1, first=1))
    await bench.idle()

    assert bench.failures == []
    assert len(bench.sink.sent_to("dead")) == 1
    assert len(bench.sink.sent_to("replies")) == 1
