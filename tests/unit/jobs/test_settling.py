"""Exactly one end an item, whatever is read twice and wherever the process is killed."""

import json
import random
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.jobs.ends import CANCELLED, UNSENT, End
from daemon.jobs.journal import FILE, Journal
from daemon.jobs.results import FAILED, RESULTS, Results
from daemon.jobs.settling import Settling
from daemon.values.errors import Fatal
from tests.fakes import FakeRecord
from tests.unit.jobs.orders import order

REPLIES, DEAD = "replies", "dead"
ORDER = order(reply_topic=REPLIES, dead_letter_topic=DEAD)


class Folder:
    """A job's folder, which processes open one after the other."""

    def __init__(self, path, count):
        self.path = path
        journal = Journal.new(path / FILE)
        for number in range(count):
            journal.add(f"i{number}", f"i{number}", 0, b"")
        journal.begin(ORDER, {(REPLIES, 0): 5})
        journal.close()
        self.open()

    def open(self):
        self.journal = Journal.resume(self.path / FILE)
        self.results = Results(self.path, self.journal.sizes())
        self.settling = Settling(self.journal, self.results)

    def close(self):
        self.journal.close()
        self.results.close()

    def kill(self, *, half_a_line=b'{"custom_id": "i'):
        """End as by kill -9 in the middle of a line."""
        self.close()
        for name in (RESULTS, FAILED):
            with (self.path / name).open("ab") as file:
                file.write(half_a_line)
        self.open()

    def told(self):
        """The ids in the files, as another program reads them."""
        text = (self.path / RESULTS).read_text() + (self.path / FAILED).read_text()
        return [json.loads(line)["custom_id"] for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path):
    with closing(Folder(tmp_path, 4)) as made:
        yield made


def reply(item, *, job="j1", status=b"ok", topic=REPLIES, offset=5, body=b"r", **headers):
    told = [("job-id", job.encode()), ("item-id", item.encode()), ("status", status)]
    told += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return FakeRecord(topic=topic, partition=0, offset=offset, value=body, headers=told)


def end_of(folder, item):
    told = [line for line in (folder.path / FAILED).read_text().splitlines() if item in line]
    return [(json.loads(line)["end"], json.loads(line)["code"]) for line in told]


def test_the_first_reply_counts(folder):
    late = reply("i0", status=b"error", error_code=b"invalid_value")

    folder.settling.take([reply("i0"), late], {(REPLIES, 0): 7})
    folder.settling.take([late], {(REPLIES, 0): 8})

    assert folder.told() == ["i0"]
    assert folder.journal.ends == {End.OK: 1}
    assert folder.journal.positions() == {(REPLIES, 0): 8}


def test_replies_to_others_are_passed_over(folder):
    folder.settling.take(
        [reply("i0", job="j2"), reply("i9"), FakeRecord(REPLIES, 0, 7)], {(REPLIES, 0): 8}
    )

    assert folder.told() == []
    assert folder.journal.left == 4


def test_a_dead_letter_alone_ends_nothing(folder):
    """A request that may have killed a worker has an error reply too."""
    folder.settling.take([reply("i0", topic=DEAD, dlq_code=b"worker_crashed")], {})
    assert folder.journal.left == 4

    folder.settling.take([reply("i0", status=b"error", error_code=b"worker_crashed")], {})
    assert end_of(folder, "i0") == [("error", "worker_crashed")]


def test_what_the_group_is_done_with_without_a_reply_is_dead_or_missing(folder):
    folder.journal.hand([1, 2, 3])
    folder.journal.acknowledge([(0, 10, 1), (0, 11, 2), (0, 12, 3)])
    folder.settling.take([reply("i0", topic=DEAD, dlq_code=b"reply_topic_denied")], {})

    folder.settling.fail(folder.journal.unanswered({0: 12, 1: 99}, 10))

    assert end_of(folder, "i0") == [("dead", "reply_topic_denied")]
    assert end_of(folder, "i1") == [("missing", "missing")]
    assert folder.journal.left == 2


def test_what_was_never_sent_expires_and_is_not_sent_any_more(folder):
    folder.journal.hand([2])

    folder.settling.fail([(each, UNSENT) for each in folder.journal.never_sent(10)])

    assert folder.journal.ends == {End.EXPIRED: 3}
    assert [each.id for each in folder.journal.unsent(0, 10)] == ["i1"]


def test_what_is_cancelled_has_its_end_whatever_comes_later(folder):
    folder.journal.hand([1, 2])
    folder.settling.take([reply("i0")], {})

    folder.settling.fail([(each, CANCELLED) for each in folder.journal.without_end(10)])
    folder.settling.take([reply("i1")], {})

    assert folder.journal.ends == {End.OK: 1, End.CANCELLED: 3}
    assert folder.told() == ["i0", "i1", "i2", "i3"]
    assert folder.journal.waiting == 0


def test_how_many_wait_is_known_after_a_kill(folder):
    folder.journal.hand([1, 2, 3])
    folder.settling.take([reply("i1")], {})

    folder.kill()

    assert (folder.journal.total, folder.journal.handed, folder.journal.waiting) == (4, 3, 2)
    assert folder.journal.ends == {End.OK: 1}


def test_results_that_somebody_cut_are_not_gone_on_with(folder):
    folder.settling.take([reply("i0")], {})
    (folder.path / RESULTS).write_bytes(b"")

    with pytest.raises(Fatal, match="has lost lines"):
        Results(folder.path, folder.journal.sizes())


@settings(max_examples=25)  # each of them opens and closes files
@given(st.data())
def test_each_item_ends_once_however_often_it_is_killed_and_reads_again(tmp_path_factory, data):
    numbers = [*range(8), *data.draw(st.lists(st.integers(0, 7), max_size=8))]
    random.Random(0).shuffle(numbers)
    log = [reply(f"i{number}", offset=place) for place, number in enumerate(numbers)]
    at = 0
    with closing(Folder(tmp_path_factory.mktemp("job"), 8)) as folder:
        while at < len(log):
            upto = data.draw(st.integers(at + 1, len(log)))
            folder.settling.take(log[at:upto], {(REPLIES, 0): upto})
            at = upto
            if data.draw(st.booleans()):
                folder.kill()
                at = folder.journal.positions()[REPLIES, 0]

    assert sorted(folder.told()) == sorted({f"i{number}" for number in range(8)})
    assert (folder.journal.total, folder.journal.ends) == (8, {End.OK: 8})
