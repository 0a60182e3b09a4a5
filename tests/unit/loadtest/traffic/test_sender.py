"""The sender before a producer whose broker answers when it is told to."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from aiokafka.errors import KafkaTimeoutError, RecordTooLargeError

from loadtest.plan.bodies import BodyKind
from loadtest.plan.plan import stream
from loadtest.traffic.clock import Clock
from loadtest.traffic.recorder import Recorder
from loadtest.traffic.sender import Sender


class _Batch(list):
    """Takes at most `most` records."""

    def __init__(self, most):
        super().__init__()
        self._most = most

    def append(self, *, value, **_):
        if len(self) == self._most:
            return None
        super().append(value)
        return SimpleNamespace()

    def close(self):
        """Nothing to do."""


class _Producer:
    """Keeps batches under way until they are answered."""

    def __init__(self, partitions, most):
        self._partitions = partitions
        self._most = most
        self.sent = []
        self.under_way = []

    async def start(self):
        """Nothing to do."""

    async def stop(self):
        """Nothing to do."""

    async def partitions_for(self, _topic):
        return set(range(self._partitions))

    def create_batch(self):
        return _Batch(self._most)

    async def send_batch(self, batch, _topic, *, partition):
        future = asyncio.get_running_loop().create_future()
        self.sent.append((partition, [int(value) for value in batch]))
        self.under_way.append(future)
        return future

    async def answer(self, error=None):
        """Answer all that is under way."""
        for future in self.under_way:
            future.set_exception(error) if error else future.set_result(None)
        self.under_way = []
        await asyncio.sleep(0.001)


@pytest.fixture
def made(monkeypatch):
    """Makes a producer, a recorder and a sender of requests due at these times; the run has begun."""

    async def make(times_s, *, partitions=1, most=1000):
        producer = _Producer(partitions, most)
        monkeypatch.setattr("loadtest.traffic.sender.AIOKafkaProducer", lambda **_: producer)
        virtual = SimpleNamespace(monotonic=asyncio.get_running_loop().time)
        monkeypatch.setattr("loadtest.traffic.clock.time", virtual)
        times_s = np.array(times_s, float)
        kind = BodyKind([b"%d" % number for number in range(len(times_s))])
        load, clock = stream("a", "t", times_s, kind), Clock()
        recorder = Recorder("run", len(times_s))
        recorder.claim(0, load.times_s, load.choices, load.bad)
        sender = Sender({}, load, recorder, clock)
        await sender.start()
        clock.begin()
        sending = asyncio.create_task(sender.send_at(0, load.times_s))
        return SimpleNamespace(
            producer=producer, rows=recorder.records, recorder=recorder, sender=sender, task=sending
        )

    return make


async def test_what_is_due_during_a_round_trip_is_the_next_batch(made):
    run = await made([0, 0.1, 0.2, 0.3])
    await asyncio.sleep(0.5)
    assert run.producer.sent == [(0, [0])]

    await run.producer.answer()
    assert run.producer.sent == [(0, [0]), (0, [1, 2, 3])]


async def test_a_slow_broker_makes_no_request_leave_late(made):
    run = await made([0, 0.1, 0.2, 0.3])
    await asyncio.sleep(0.5)
    assert run.rows().handed_s == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.005)
    assert run.recorder.open == 4


async def test_a_partition_waits_for_no_other(made):
    run = await made([0, 0.1], partitions=2)
    await asyncio.sleep(0.2)
    assert run.producer.sent == [(0, [0]), (1, [1])]


async def test_all_is_sent_when_the_broker_has_all(made):
    run = await made([0, 0.1])
    await asyncio.sleep(0.2)
    await run.producer.answer()
    assert (run.task.done(), run.sender.is_idle) == (False, False)

    await run.producer.answer()
    await run.task
    assert run.sender.is_idle
    assert run.rows().acknowledged_s[0] < run.rows().acknowledged_s[1]


async def test_what_does_not_fit_is_a_batch_of_its_own_in_its_order(made):
    run = await made([0] * 5, most=2)
    for _ in range(3):
        await asyncio.sleep(0.01)
        await run.producer.answer()
    await run.task
    assert run.producer.sent == [(0, [0, 1]), (0, [2, 3]), (0, [4])]


async def test_a_backlog_becomes_batches_that_leave_the_loop_to_others(made):
    run = await made([0] * 3000, partitions=2, most=10_000)
    await asyncio.sleep(0.01)
    assert [len(numbers) for _, numbers in run.producer.sent] == [500, 500]


async def test_what_the_broker_refuses_is_not_sent_and_the_rest_is(made):
    run = await made([0, 0.1])
    await asyncio.sleep(0.2)
    await run.producer.answer(RecordTooLargeError())
    await run.producer.answer()
    await run.task
    assert run.rows().is_sent.tolist() == [False, True]
    assert run.recorder.failed_sends == ["RecordTooLargeError()"]


async def test_a_broker_that_takes_nothing_any_more_ends_the_sending(made):
    run = await made([0, 0.1, 0.2])
    await asyncio.sleep(0.15)
    await run.producer.answer(KafkaTimeoutError())
    with pytest.raises(KafkaTimeoutError):
        await run.task
    await run.sender.stop()


async def test_stopping_sends_nothing_more(made):
    run = await made([0, 0.1])
    await asyncio.sleep(0.2)
    run.task.cancel()
    await run.sender.stop()
    assert run.producer.sent == [(0, [0])]
