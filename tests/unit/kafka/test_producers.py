"""A producer that is replaced always has a successor, in the end."""

import asyncio
from itertools import pairwise

import pytest
from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka.writing import producers
from daemon.kafka.writing.producer import HeldUp
from daemon.kafka.writing.producers import Producers
from daemon.kafka.writing.transactional_ids import Transactional, TransactionalIds
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.telemetry.events import Event
from daemon.values.errors import Exit, Fatal

LONG_S = 600.0
UNAVAILABLE_S = 300.0


class Cluster:
    """What producers meet when they are made: `problems` are raised first, one each."""

    def __init__(self):
        self.made = []
        self.problems = []
        self.held_up = set()
        """Ids whose last transaction does not end."""
        self.secrets = []

    def reach(self):
        if self.secrets:
            raise self.secrets.pop(0)
        return {}

    def connect(self, _, *, request_timeout_s, transactional=None):
        producer = FakeProducer(self, transactional)
        self.made.append((asyncio.get_running_loop().time(), producer))
        return producer

    @property
    def started_s(self):
        return [at_s for at_s, producer in self.made if producer.started]


class FakeProducer:
    """Stands for daemon.kafka.writing.producer.Producer, which needs sockets."""

    def __init__(self, cluster, transactional):
        self._cluster = cluster
        self.transactional = transactional
        self.started = self.ended = self.acknowledged = False

    async def start(self):
        if self.transactional in self._cluster.held_up:
            raise HeldUp
        if self._cluster.problems:
            problem = self._cluster.problems.pop(0)
            if problem is None:
                await asyncio.Event().wait()
            raise problem
        self.started = True

    async def close(self, timeout_s):
        await asyncio.sleep(timeout_s / 10)
        self.ended = True

    async def abandon(self):
        self.ended = True


class Bench:
    def __init__(self, ids=None):
        self.cluster = Cluster()
        self.may_follow = True
        self.tasks = Tasks()
        loop = asyncio.get_running_loop()
        self.trouble = Trouble(UNAVAILABLE_S, clock=loop.time)
        self.producers = Producers(
            Kafka(group="g"),
            self.cluster.reach,
            request_timeout_s=1.0,
            trouble=self.trouble,
            tasks=self.tasks,
            transactional=ids,
            may_follow=lambda: self.may_follow,
            clock=loop.time,
        )

    async def start(self):
        """The first producer; `wait_until_reachable` is for sockets."""
        assert await self.producers._make() is None
        return await self.producers.current()


@pytest.fixture
async def bench(monkeypatch):
    made = Bench()
    monkeypatch.setattr(producers, "Producer", made.cluster.connect)
    yield made
    await made.producers.close(1.0)


def unreadable(times):
    return [Fatal(Exit.SETTINGS, "kafka.sasl_password_file: no such file") for _ in range(times)]


async def current(bench):
    async with asyncio.timeout(LONG_S):
        return await bench.producers.current()


async def test_a_secret_that_cannot_be_read_for_a_while_costs_no_more_than_that(bench):
    first = await bench.start()
    bench.cluster.secrets = unreadable(5)

    bench.producers.replace(first, "refused")

    assert await current(bench) is not first
    assert bench.cluster.secrets == []


async def test_what_stands_in_the_way_is_said_once_and_counted_when_it_is_over(bench, monkeypatch):
    lines = []
    monkeypatch.setattr(
        "daemon.loop.trouble.log", lambda event, **fields: lines.append((event, fields))
    )
    first = await bench.start()
    bench.cluster.secrets = unreadable(5)

    bench.producers.replace(first, "refused")
    await current(bench)

    (blocked, said), (resumed, over) = lines
    assert (blocked, resumed) == (Event.PUBLISHING_BLOCKED, Event.PUBLISHING_RESUMED)
    assert said["reason"] == "no producer: kafka.sasl_password_file: no such file"
    assert over["times"] == 5


async def test_the_trouble_is_known_while_it_lasts(bench):
    first = await bench.start()
    assert bench.trouble.reason == ""
    bench.cluster.secrets = unreadable(1_000)

    bench.producers.replace(first, "refused")
    await asyncio.sleep(60)
    assert "kafka.sasl_password_file" in bench.trouble.reason

    bench.cluster.secrets = []
    await current(bench)
    assert bench.trouble.reason == ""


@pytest.mark.parametrize(
    ("problems", "secrets", "exit_code"),
    [
        ([], unreadable(1_000), Exit.SETTINGS),
        ([errors.AuthenticationFailedError("no")] * 1_000, [], Exit.DENIED),
    ],
)
async def test_who_is_not_let_in_for_too_long_ends_the_process(bench, problems, secrets, exit_code):
    first = await bench.start()
    bench.cluster.problems, bench.cluster.secrets = list(problems), list(secrets)

    bench.producers.replace(first, "refused")
    await asyncio.sleep(UNAVAILABLE_S / 2)
    bench.tasks.check()
    assert bench.trouble.outage.startswith("no producer: ")
    with pytest.raises(Fatal, match=r"limits\.unavailable") as caught:
        await bench.tasks.until(asyncio.ensure_future(asyncio.sleep(UNAVAILABLE_S)))
    assert caught.value.exit_code is exit_code


async def test_a_broker_that_is_not_there_ends_nothing(bench):
    first = await bench.start()
    bench.cluster.problems = [errors.KafkaConnectionError("gone")] * 10_000

    bench.producers.replace(first, "refused")
    await asyncio.sleep(4 * UNAVAILABLE_S)

    bench.tasks.check()
    assert bench.trouble.outage == ""


@pytest.mark.parametrize(
    "problem", [errors.KafkaConnectionError("gone"), errors.AuthenticationFailedError(), None]
)
async def test_a_broker_that_does_not_let_it_in_is_tried_until_it_does(bench, problem):
    first = await bench.start()
    bench.cluster.problems = [problem] * 4

    bench.producers.replace(first, "refused")

    assert (await current(bench)).started


async def test_attempts_follow_each_other_more_and_more_slowly(bench):
    first = await bench.start()
    bench.cluster.problems = [errors.KafkaConnectionError()] * 20

    bench.producers.replace(first, "refused")
    await current(bench)

    at_s = [at_s for at_s, _ in bench.cluster.made]
    pauses_s = [round(after - before, 3) for before, after in pairwise(at_s[1:])]
    assert pauses_s == sorted(pauses_s)
    assert pauses_s[0] == 0.1
    assert pauses_s[-1] == 2.0


async def test_producers_that_never_bring_anything_follow_each_other_more_and_more_slowly(bench):
    """As when the broker refuses whatever is sent."""
    producer = await bench.start()
    for _ in range(20):
        bench.producers.replace(producer, "refused", pause=True)
        producer = await current(bench)

    at_s = bench.cluster.started_s
    assert at_s[-1] - at_s[-2] == pytest.approx(2.0)


async def test_after_one_that_brought_something_the_next_one_comes_at_once(bench):
    producer = await bench.start()
    for _ in range(20):
        producer.acknowledged = True
        bench.producers.replace(producer, "refused", pause=True)
        producer = await current(bench)

    assert bench.cluster.started_s == [0.0] * 21


async def test_the_one_that_is_replaced_is_ended(bench):
    first = await bench.start()
    bench.producers.replace(first, "refused")
    second = await current(bench)
    bench.producers.replace(second, "no answer", at_once=True)
    await current(bench)
    await asyncio.sleep(LONG_S)

    assert first.ended
    assert second.ended


async def test_one_that_was_replaced_already_is_not_replaced_again(bench):
    first = await bench.start()
    bench.producers.replace(first, "refused")
    second = await current(bench)

    bench.producers.replace(first, "refused too")

    assert await current(bench) is second


async def test_a_fault_in_making_one_is_a_failure_of_the_worker(bench):
    first = await bench.start()
    bench.cluster.problems = [ZeroDivisionError()]

    bench.producers.replace(first, "refused")

    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(LONG_S):
            await bench.tasks.until(asyncio.get_running_loop().create_future())


async def test_nothing_is_made_any_more_once_it_is_closed(bench):
    first = await bench.start()
    bench.cluster.problems = [errors.KafkaConnectionError()] * 1_000
    bench.producers.replace(first, "refused")
    await asyncio.sleep(1)

    await bench.producers.close(1.0)
    made = len(bench.cluster.made)
    await asyncio.sleep(60)

    assert len(bench.cluster.made) == made
    assert bench.producers._making.running == 0


async def test_closing_lets_those_that_were_replaced_end(bench):
    first = await bench.start()
    bench.producers.replace(first, "refused")

    await bench.producers.close(1.0)

    assert first.ended


REPLIES = TopicPartition("replies", 0)
FIRST, SECOND = Transactional("g/slot-0", 8.0), Transactional("g/slot-0/1", 8.0)


@pytest.fixture
async def transactional_bench(monkeypatch):
    made = Bench(TransactionalIds(FIRST))
    monkeypatch.setattr(producers, "Producer", made.cluster.connect)
    yield made
    await made.producers.close(1.0)


async def test_an_id_whose_transaction_does_not_end_is_left_for_another(transactional_bench):
    bench = transactional_bench
    first = await bench.start()
    bench.cluster.held_up = {FIRST}

    bench.producers.replace(first, "no acknowledgement in time")

    assert (await current(bench)).transactional == SECOND
    assert bench.trouble.reason == ""


async def test_an_id_is_free_once_its_transaction_has_ended_and_fences_nobody_before(
    transactional_bench,
):
    bench = transactional_bench
    first = await bench.start()
    bench.cluster.held_up = {FIRST}
    ids = bench.producers.transactional
    ids.doubt([REPLIES])
    bench.producers.replace(first, "no acknowledgement in time")
    second = await current(bench)
    assert ids.holds_up(REPLIES)

    bench.cluster.held_up, bench.may_follow = set(), False
    await asyncio.sleep(LONG_S)
    assert ids.holds_up(REPLIES)

    bench.may_follow = True
    await asyncio.sleep(LONG_S)
    assert not ids.holds_up(REPLIES)
    _, asked = bench.cluster.made[-1]
    assert (asked.transactional, asked.ended) == (FIRST, True)
    assert await current(bench) is second
