import asyncio

import pytest

from daemon.values.ports import SendFailed
from tests.ledgers import make_ledger
from tests.unit.line.outbox_bench import Bench, answers

pytestmark = pytest.mark.usefixtures("form_of_replies")


async def test_answers_are_settled_only_when_the_broker_has_them():
    bench = Bench()
    bench.sink.hold()
    bench.put(answers(bench.ledger, 3))
    await asyncio.sleep(1)
    assert (bench.settled, bench.outbox.pending) == ([], 3)

    bench.sink.release()
    await bench.idle()

    assert [answer.record.offset for answer in bench.settled] == [0, 1, 2]


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


async def test_a_send_of_unknown_fate_is_repeated():
    bench = Bench()
    bench.sink.fail(SendFailed("no answer"), SendFailed("no answer"))

    bench.put(answers(bench.ledger, 2))
    await bench.idle()

    assert len(bench.sink.published) == 2
    assert len(bench.settled) == 2


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
