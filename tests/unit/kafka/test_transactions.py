"""Transactions one after the other: what is in which, and what comes of a doubt."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka.group.committed import Commit
from daemon.kafka.group.generation import Generation
from daemon.kafka.writing.producer import Identity
from daemon.kafka.writing.transactional_ids import Transactional, TransactionalIds
from daemon.kafka.writing.transactions import Transactions
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SendDenied, SendFailed
from tests.ledgers import make_lane

KAFKA = Kafka(group="g", delivery="exactly-once", instance_id="slot-0")
STALL_S = 20.0
INTERVAL_S = KAFKA.transaction_interval
REQUESTS = TopicPartition("requests", 0)
REPLIES = TopicPartition("replies", 0)
OTHERS = TopicPartition("others", 3)


class Broker:
    """Answers a transaction's requests: by the codes that are scripted for a kind, else with 0."""

    def __init__(self):
        self.asked = []
        self.codes = {}
        self.silent = set()
        self.takes_s = {}

    async def answer(self, request):
        kind = type(request).__name__.removesuffix("Request")
        self.asked.append((kind, request))
        if kind in self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(self.takes_s.get(kind, 0.0))
        scripted = self.codes.get(kind) or [0]
        code = scripted.pop(0)
        if kind == "AddPartitionsToTxn":
            of = code if isinstance(code, dict) else {}
            plain = 0 if isinstance(code, dict) else code
            errors = [
                (topic, [(number, of.get(topic, plain)) for number in numbers])
                for topic, numbers in request._topics
            ]
            return SimpleNamespace(errors=errors)
        if kind == "FencedOffsetCommit":
            topics = [
                (topic, [(number, code) for number, _, _ in partitions])
                for topic, partitions in request._topics.items()
            ]
            return SimpleNamespace(topics=topics)
        return SimpleNamespace(error_code=code)

    @property
    def kinds(self):
        return [kind for kind, _ in self.asked]

    @property
    def committed(self):
        """Offsets and metadata of the last commit."""
        request = next(r for kind, r in reversed(self.asked) if kind == "FencedOffsetCommit")
        return request._topics


class FakeProducer:
    def __init__(self, broker, epoch):
        self.identity = Identity("g/slot-0", 7, epoch)
        self.acknowledged = False
        self.open = False
        self.forgotten = 0
        self.ask_coordinator = broker.answer

    def begin(self):
        assert not self.open
        self.open = True

    def added(self, partitions):
        assert self.open

    def ended(self):
        self.open = False
        self.acknowledged = True

    def forget_coordinator(self):
        self.forgotten += 1


class FakeProducers:
    def __init__(self, broker):
        self._broker = broker
        self.epoch = 0
        self.replaced = None
        self.present = FakeProducer(broker, 0)

    async def current(self):
        return self.present

    def replace(self, broken, reason, *, at_once=False, pause=False, fenced=False):
        if broken is self.present and self.replaced(broken, reason, fenced):
            self.epoch += 1
            self.present = FakeProducer(self._broker, self.epoch)


class FakeGroup:
    def __init__(self, broker):
        self.send = broker.answer
        self.redone, self.dropped = [], []
        self.answering = self.assign()

    def assign(self):
        generation = Generation(3, "me", [REQUESTS], {"requests": make_lane()}, keeps_answered=True)
        generation.open(REQUESTS, 10, committed=Commit(10))
        generation.ledgers[REQUESTS].start(range(10, 30), position=30)
        return generation

    def redo(self, generation, ready):
        generation.lose()
        self.redone.append(generation)
        if generation is self.answering:
            self.answering = self.assign()

    def drop(self, generation):
        generation.lose()
        self.dropped.append(generation)
        self.answering = None


@pytest.fixture
async def line():
    clock = asyncio.get_running_loop().time
    broker, tasks = Broker(), Tasks()
    group, producers = FakeGroup(broker), FakeProducers(broker)
    trouble = Trouble(60.0, clock=clock)
    ids = TransactionalIds(Transactional("g/slot-0", KAFKA.transaction_limit))
    transactions = Transactions(
        KAFKA, group, producers, ids, trouble=trouble, stall_s=STALL_S, tasks=tasks, clock=clock
    )
    yield SimpleNamespace(
        broker=broker,
        group=group,
        producers=producers,
        ids=ids,
        tasks=tasks,
        trouble=trouble,
        transactions=transactions,
    )
    await transactions.close()


async def _answer(line, *offsets, takes_s=0.0, to=REPLIES):
    generation = line.group.answering
    async with line.transactions.sending(generation, to):
        await asyncio.sleep(takes_s)
    generation.ledgers[REQUESTS].settle(offsets)


async def test_what_is_sent_within_an_interval_is_one_transaction(line):
    await _answer(line, 10)
    await asyncio.sleep(INTERVAL_S / 2)
    await _answer(line, 12, 13)
    await asyncio.sleep(INTERVAL_S)

    assert line.broker.kinds == [
        "AddPartitionsToTxn",
        "AddOffsetsToTxn",
        "FencedOffsetCommit",
        "EndTxn",
    ]
    assert line.broker.committed == {"requests": [(0, 11, Commit(11, answered=(12, 14)).metadata)]}
    assert line.group.answering.uncommitted() == {}


async def test_the_group_is_told_who_commits(line):
    await _answer(line, 10)
    await line.transactions.commit()

    committer = next(r for kind, r in line.broker.asked if kind == "FencedOffsetCommit")._committer
    assert (committer.group, committer.generation, committer.member) == ("g", 3, "me")
    assert (committer.instance, committer.producer_epoch) == ("slot-0", 0)


async def test_it_is_ended_when_its_last_send_is_over_and_who_comes_meanwhile_waits(line):
    slow = asyncio.create_task(_answer(line, 10, takes_s=1.0))
    await asyncio.sleep(2 * INTERVAL_S)
    late = asyncio.create_task(_answer(line, 11))
    await asyncio.sleep(2 * INTERVAL_S)
    assert "EndTxn" not in line.broker.kinds
    assert not late.done()

    await slow
    await late
    assert line.broker.kinds.count("EndTxn") == 1
    assert line.broker.committed == {"requests": [(0, 11, "")]}


async def test_answers_are_sent_while_the_group_is_added(line):
    line.broker.takes_s = {"AddOffsetsToTxn": INTERVAL_S}
    await _answer(line, 10)
    await asyncio.sleep(1.5 * INTERVAL_S)
    assert line.broker.kinds[-1] == "AddOffsetsToTxn"

    await _answer(line, 11)
    await asyncio.sleep(INTERVAL_S)

    assert line.broker.kinds.count("EndTxn") == 1
    assert line.broker.committed == {"requests": [(0, 12, "")]}


async def test_what_waited_for_an_end_waits_so_much_less_for_its_own(line):
    line.broker.takes_s = {"EndTxn": 0.4 * INTERVAL_S}
    await _answer(line, 10)
    await asyncio.sleep(1.1 * INTERVAL_S)
    assert line.broker.kinds[-1] == "EndTxn"

    await _answer(line, 11)
    await asyncio.sleep(0.75 * INTERVAL_S)

    assert line.broker.kinds.count("EndTxn") == 2


async def test_however_long_an_end_takes_there_is_time_between_ends(line):
    line.broker.takes_s = {"EndTxn": 3 * INTERVAL_S}
    await _answer(line, 10)
    await asyncio.sleep(1.1 * INTERVAL_S)

    await _answer(line, 11)
    await asyncio.sleep(0.4 * INTERVAL_S)
    await _answer(line, 12)
    await asyncio.sleep(0.2 * INTERVAL_S)

    assert line.broker.kinds.count("EndTxn") == 2
    assert line.broker.committed == {"requests": [(0, 13, "")]}


async def test_nothing_new_is_no_transaction(line):
    await line.transactions.commit()

    assert line.broker.kinds == []


async def test_what_was_settled_without_an_answer_is_committed_too(line):
    line.group.answering.ledgers[REQUESTS].settle([10])

    await line.transactions.commit()

    assert line.broker.kinds == ["AddOffsetsToTxn", "FencedOffsetCommit", "EndTxn"]


async def test_a_coordinator_that_is_not_ready_is_asked_again(line):
    line.broker.codes = {"AddPartitionsToTxn": [51, 51, 0], "EndTxn": [16, 15, 0]}

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.group.redone == []
    assert line.broker.kinds.count("EndTxn") == 3


@pytest.mark.parametrize(
    ("kind", "looked_up"), [("AddPartitionsToTxn", 1), ("EndTxn", 1), ("FencedOffsetCommit", 0)]
)
async def test_a_coordinator_that_is_another_is_looked_up_if_it_was_the_transactions_own(
    line, kind, looked_up
):
    """Offsets are committed to the group's coordinator, which the member looks after."""
    line.broker.codes = {kind: [16, 0]}

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.producers.present.forgotten == looked_up
    assert line.broker.committed == {"requests": [(0, 11, "")]}
    assert line.group.redone == []


async def test_a_coordinator_that_nobody_knows_yet_is_waited_for(line):
    send, tries = line.group.send, []

    async def send_when_known(request):
        tries.append(request)
        if len(tries) < 3:
            raise errors.GroupCoordinatorNotAvailableError
        return await send(request)

    line.group.send = send_when_known
    await _answer(line, 10)
    await line.transactions.commit()

    assert line.broker.committed == {"requests": [(0, 11, "")]}
    assert line.group.redone == []


@pytest.mark.parametrize("kind", ["AddOffsetsToTxn", "FencedOffsetCommit", "EndTxn"])
@pytest.mark.parametrize("code", [-1, 48, 49, 59, 120])
async def test_a_code_that_says_nothing_definite_is_a_doubt(line, kind, code):
    line.broker.codes = {kind: [code]}
    before = line.group.answering

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.group.redone == [before]
    assert line.producers.epoch == 1
    assert kind == line.broker.kinds[-1]


@pytest.mark.parametrize("kind", ["AddOffsetsToTxn", "FencedOffsetCommit", "EndTxn"])
async def test_no_answer_is_a_doubt_in_the_time_of_the_transaction(line, kind):
    line.broker.silent = {kind}
    before, began_s = line.group.answering, asyncio.get_running_loop().time()

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.group.redone == [before]
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(
        KAFKA.transaction_limit, rel=0.01
    )


@pytest.mark.parametrize("code", [22, 25, 82])
async def test_who_is_no_member_any_more_gives_its_partitions_up(line, code):
    line.broker.codes = {"FencedOffsetCommit": [code]}
    before = line.group.answering

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.group.dropped == [before]
    assert "EndTxn" not in line.broker.kinds


@pytest.mark.parametrize("kind", ["AddPartitionsToTxn", "AddOffsetsToTxn", "EndTxn"])
@pytest.mark.parametrize("code", [47, 90])
async def test_who_is_fenced_by_another_process_ends_and_says_so(line, kind, code):
    line.broker.codes = {kind: [code]}

    try:
        await _answer(line, 10)
        await line.transactions.commit()
    except SendFailed:
        pass

    with pytest.raises(Fatal, match=r"g/slot-0.*kafka\.instance_id") as caught:
        line.tasks.check()
    assert caught.value.exit_code is Exit.WORK_LEFT
    assert line.producers.epoch == 0


async def test_a_send_that_never_ends_is_a_doubt_in_the_time_of_the_transaction(line):
    before = line.group.answering
    sending = asyncio.create_task(_answer(line, 10, takes_s=1_000))

    await asyncio.sleep(2 * KAFKA.transaction_limit)

    assert line.group.redone == [before]
    sending.cancel()


async def test_what_never_acknowledged_is_named_and_may_hold_the_id_up(line):
    reasons, replace = [], line.producers.replace

    def note(broken, reason, **how):
        reasons.append(reason)
        replace(broken, reason, **how)

    line.producers.replace = note
    stuck = asyncio.create_task(_answer(line, 11, takes_s=1_000, to=OTHERS))
    await _answer(line, 10)
    await asyncio.sleep(2 * KAFKA.transaction_limit)
    line.ids.hold_up()

    assert reasons == ["not acknowledged in time by others/3"]
    assert line.ids.holds_up(OTHERS)
    assert not line.ids.holds_up(REPLIES)
    stuck.cancel()


async def test_only_what_holds_an_id_up_is_not_sent_to(line):
    line.ids.doubt([OTHERS])
    held_up = line.ids.hold_up()

    with pytest.raises(SendFailed, match="others/3"):
        await _answer(line, 11, to=OTHERS)
    await _answer(line, 10)
    await line.transactions.commit()
    assert line.broker.committed == {"requests": [(0, 11, "")]}

    line.ids.free(held_up)
    await _answer(line, 11, to=OTHERS)


async def test_after_a_doubt_the_next_producer_goes_on(line):
    line.broker.codes = {"EndTxn": [-1]}
    await _answer(line, 10)
    await line.transactions.commit()

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.broker.committed == {"requests": [(0, 11, "")]}
    assert line.producers.present.acknowledged


async def test_who_only_aborts_for_too_long_ends(line):
    line.broker.codes = {"EndTxn": [-1] * 100}

    for _ in range(int(STALL_S)):
        await _answer(line, 10)
        await asyncio.sleep(1.0)
    line.tasks.check()
    for _ in range(5):
        await _answer(line, 10)
        await asyncio.sleep(1.0)

    with pytest.raises(Fatal, match="no transaction could be ended for 20 s") as caught:
        line.tasks.check()
    assert caught.value.exit_code is Exit.INTERNAL


async def test_a_transaction_that_ends_makes_aborts_before_it_count_no_more(line):
    for code in [-1, 0] * 10:
        line.broker.codes = {"EndTxn": [code]}
        await _answer(line, line.group.answering.ledgers[REQUESTS].committable)
        await asyncio.sleep(4.0)

    line.tasks.check()


async def test_answers_of_partitions_that_were_given_up_are_not_sent(line):
    before = line.group.answering
    line.group.answering = line.group.assign()

    with pytest.raises(SendFailed):
        async with line.transactions.sending(before, REPLIES):
            pass

    assert line.broker.kinds == []


async def test_answers_that_come_too_late_harm_no_transaction_of_those_after_them(line):
    before = line.group.answering
    line.group.answering = line.group.assign()
    await _answer(line, 10)

    with pytest.raises(SendFailed):
        async with line.transactions.sending(before, REPLIES):
            pass
    await line.transactions.commit()

    assert line.producers.epoch == 0
    assert line.broker.kinds[-1] == "EndTxn"


async def test_answers_of_two_assignments_are_never_in_one_transaction(line):
    await _answer(line, 10)
    line.group.answering = line.group.assign()

    await _answer(line, 10)
    await line.transactions.commit()

    assert line.producers.epoch == 1
    assert line.broker.kinds.count("EndTxn") == 1


async def test_a_transaction_whose_partitions_were_given_up_is_not_committed(line):
    await _answer(line, 10)
    line.group.answering = None

    await line.transactions.commit()

    assert line.producers.epoch == 1
    assert "EndTxn" not in line.broker.kinds


async def test_a_topic_that_may_not_be_written_to_harms_no_other(line):
    line.broker.codes = {"AddPartitionsToTxn": [{"others": 29, "replies": 55}, {"others": 29}]}

    async def denied():
        with pytest.raises(SendDenied):
            await _answer(line, 11, to=OTHERS)

    await asyncio.gather(denied(), _answer(line, 10))
    await line.transactions.commit()

    assert line.group.redone == []
    assert line.broker.committed == {"requests": [(0, 11, "")]}


async def test_a_partition_that_is_gone_is_no_doubt(line):
    line.broker.codes = {"AddPartitionsToTxn": [{"others": 3}]}

    with pytest.raises(SendFailed):
        await _answer(line, 11, to=OTHERS)

    assert line.group.redone == []


async def test_a_transaction_that_no_partition_is_part_of_is_not_ended_at_the_broker(line):
    line.broker.codes = {"AddPartitionsToTxn": [{"others": 29}]}
    with pytest.raises(SendDenied):
        await _answer(line, 11, to=OTHERS)

    await line.transactions.commit()
    await _answer(line, 10)
    await line.transactions.commit()

    assert line.broker.kinds.count("EndTxn") == 1
    assert line.group.redone == []


async def test_a_right_that_is_missing_is_told_by_name(line):
    line.broker.codes = {"AddOffsetsToTxn": [30]}

    await _answer(line, 10)
    await line.transactions.commit()
    assert "grant Read on the group" in line.trouble.outage

    await _answer(line, 10)
    await line.transactions.commit()
    assert line.trouble.reason == ""


async def test_a_producer_that_was_replaced_takes_its_transaction_along(line):
    before = line.group.answering
    await _answer(line, 10)

    line.producers.replace(line.producers.present, "no acknowledgement in time")
    await line.transactions.commit()

    assert line.group.redone == [before]
    assert "EndTxn" not in line.broker.kinds


async def test_what_is_open_at_the_end_is_aborted(line):
    await _answer(line, 10)

    await line.transactions.close()

    kind, request = line.broker.asked[-1]
    assert (kind, request._transaction_result) == ("EndTxn", False)
