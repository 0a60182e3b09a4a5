"""What is sent of a job, by a publisher that takes it when it likes."""

import asyncio
import itertools
from collections import Counter
from contextlib import closing

import pytest

from daemon.jobs.ends import End, Outcome
from daemon.jobs.inputs import Folder, Item
from daemon.jobs.journal import FILE, Journal
from daemon.jobs.order import Addressing
from daemon.jobs.publishing import Publishing
from daemon.jobs.registering import register
from daemon.jobs.results import Results
from daemon.jobs.settling import Settling
from daemon.kafka.writing.publisher import NotTaken
from daemon.values.errors import Exit, Fatal
from daemon.wire.headers import partition_number
from tests.unit.jobs.orders import order

ORDER = order(partitions=3, model="m", deadline_ms=1_000)


class Broker:
    """Takes letters; the first `refusals` times it does not say so."""

    def __init__(self, refusals=0):
        self.refusals = refusals
        self.taken = []

    async def publish(self, letters):
        await asyncio.sleep(0.01)
        self.taken += [each for its in letters.values() for each in its]
        if self.refusals:
            self.refusals -= 1
            raise NotTaken("no leader")
        return [(number, 7, each.number) for number, its in letters.items() for each in its]


class Job:
    """A job of a few files, and what was told of it."""

    def __init__(self, path, count):
        self.documents = path / "documents"
        self.documents.mkdir()
        for number in range(count):
            (self.documents / f"{number}.json").write_bytes(b"[%d]" % number)
        self.source = Folder(self.documents, most_bytes=100)
        self.journal = Journal.new(path / FILE)
        self.results = Results(path, {})
        self.is_late = False
        self.told = []

    async def begin(self):
        await register(self.journal, self.source)
        self.journal.begin(ORDER, {})
        self.settling = Settling(self.journal, self.results)

    def close(self):
        self.journal.close()
        self.results.close()

    async def publish(self, broker, *, most_ahead=100):
        await Publishing(
            self.settling,
            self.source,
            broker,
            most_ahead=most_ahead,
            is_past_deadline=lambda: self.is_late,
            told=self.told.append,
        ).run()


@pytest.fixture
async def job(tmp_path):
    with closing(Job(tmp_path, 5)) as made:
        await made.begin()
        yield made


async def test_all_is_sent_once_and_known_to_be_there(job):
    broker = Broker()

    await job.publish(broker)

    assert sorted(each.value for each in broker.taken) == [b"[%d]" % n for n in range(5)]
    assert job.journal.unsent(0, 10) == []
    assert (job.journal.handed, job.journal.waiting) == (5, 5)


async def test_what_the_broker_does_not_acknowledge_is_sent_again(job):
    broker = Broker(refusals=2)

    await job.publish(broker)

    assert Counter(each.value for each in broker.taken) == {b"[%d]" % n: 3 for n in range(5)}
    assert job.journal.waiting == 5
    assert "no leader" in job.told[0]


async def test_no_more_waits_than_may(job):
    broker = Broker()
    sending = asyncio.create_task(job.publish(broker, most_ahead=2))
    await asyncio.sleep(60)
    assert len(broker.taken) == 2

    with job.journal.transaction():
        job.journal.end("0.json", Outcome(End.OK, "m"))
    await asyncio.sleep(60)
    assert len(broker.taken) == 3
    sending.cancel()


async def test_a_file_that_changed_is_not_sent(job):
    (job.documents / "1.json").write_bytes(b"[9]")
    (job.documents / "2.json").unlink()
    broker = Broker()

    await job.publish(broker)

    assert job.journal.said() == {End.ERROR: {"input_changed": 2}}
    assert len(broker.taken) == 3


async def test_nothing_is_sent_for_the_first_time_when_the_deadline_is_over(job):
    job.journal.hand([1])
    job.is_late = True
    broker = Broker()

    await job.publish(broker)

    assert [each.number for each in broker.taken] == [1]
    assert job.journal.ends == {End.EXPIRED: 4}


def test_an_item_goes_to_one_place_whenever_it_is_sent():
    first, again = (Addressing(ORDER).of("a", "application/json") for _ in range(2))

    assert first == again
    headers = dict(first.headers)
    assert headers["job-id"] == b"j1"
    assert headers["item-id"] == b"a"
    assert headers["deadline"] == b"1000"
    assert headers["model"] == b"m"
    assert headers["content-type"] == b"application/json"
    assert partition_number(headers["kafka_replyPartition"]) in {0, 1}


def test_items_spread_over_all_partitions():
    addressing = Addressing(ORDER)

    assert {addressing.of(f"{n}", "").partition for n in range(100)} == {0, 1, 2}


async def test_a_job_without_items_is_none(tmp_path):
    with closing(Journal.new(tmp_path / FILE)) as journal:
        (tmp_path / "empty").mkdir()
        with pytest.raises(Fatal, match="there are no items") as raised:
            await register(journal, Folder(tmp_path / "empty", most_bytes=1))

    assert raised.value.exit_code is Exit.USAGE


async def test_a_long_list_of_what_cannot_be_sent_is_cut(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}").write_bytes(b"xx")
    with (
        closing(Journal.new(tmp_path / f".{FILE}")) as journal,
        pytest.raises(Fatal) as raised,
    ):
        await register(journal, Folder(tmp_path, most_bytes=1))

    lines = str(raised.value).splitlines()
    assert lines[0] == "nothing was sent: 30 cannot be sent:"
    assert lines[1].strip() == "00: 2 bytes, more than 1"
    assert lines[-1].strip() == "and 10 more"
    assert journal.total == 0


async def test_one_that_is_stopped_while_it_is_taken_up_leaves_nothing(tmp_path):
    with closing(Journal.new(tmp_path / FILE)) as journal:
        endless = Endless()
        endless.reader = asyncio.create_task(register(journal, endless))

        with pytest.raises(asyncio.CancelledError):
            await endless.reader

        assert journal.total == 0


class Endless:
    """Items without an end, whose reader is cancelled in between."""

    def items(self):
        for number in itertools.count():
            if number == 1_050:
                self.reader.cancel()
            if number == 10_000:
                pytest.fail("it was not heard")
            yield Item(f"{number}", 0, f"{number}", b"")
