"""Jobs under way are heard of while somebody looks, and whatever goes wrong ends nobody."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from config.settings import Settings
from daemon.jobs.hearing import Hearing
from daemon.values.errors import Exit, Fatal
from tests.unit.jobs.test_last_words import said


class Topic:
    """A topic of jobs that tests write to; each who reads it begins at its start."""

    def __init__(self, *records):
        self.records = list(records)
        self.readers = 0
        self.opened = 0
        self.trouble = None

    @asynccontextmanager
    async def follow(self, names):
        assert names == ["jobs"]
        self.opened += 1
        self.readers += 1
        try:
            yield Reader(self)
        finally:
            self.readers -= 1


class Reader:
    def __init__(self, topic):
        self.topic = topic
        self.at = 0

    async def seek(self, positions):
        assert positions == {}

    async def some(self, most):
        if self.topic.trouble:
            raise self.topic.trouble
        records = self.topic.records[self.at : self.at + most]
        self.at += len(records)
        if not records:
            await asyncio.sleep(0.5)
        return records


@asynccontextmanager
async def hearing(topic, name="jobs"):
    settings = Settings(
        kafka={"group": "g"},
        models={"m": {"path": "model.onnx"}},
        lanes={"l": {"topics": ["requests"], "models": ["m"]}},
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
        jobs={"topic": name},
    )
    loop = asyncio.get_running_loop()
    heard = Hearing(settings, None, follow=topic.follow, clock=loop.time)
    task = asyncio.create_task(heard.run())
    yield heard
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def ids(heard):
    return heard.words if heard.words is None else [word.job_id for word in heard.words]


async def test_nothing_is_read_until_somebody_asks_and_then_as_it_grows():
    topic = Topic(said(), said(job_id="over", left=0))
    async with hearing(topic) as jobs:
        await asyncio.sleep(3_600)
        assert topic.opened == 0

        assert ids(jobs.heard()) is None
        await asyncio.sleep(1)
        assert ids(jobs.heard()) == ["j1"]

        topic.records.append(said(job_id="j2"))
        await asyncio.sleep(1)
        assert ids(jobs.heard()) == ["j1", "j2"]


async def test_half_of_the_topic_is_not_shown():
    """What began long ago may be over in the other half."""
    topic = Topic(*[said(job_id=f"j{number}") for number in range(100)])
    topic.records += [said(job_id=f"j{number}", left=0) for number in range(100)]
    async with hearing(topic) as jobs:
        jobs.heard()
        await asyncio.sleep(0.015)
        assert ids(jobs.heard()) is None
        await asyncio.sleep(1)
        assert ids(jobs.heard()) == []


async def test_reading_ends_a_while_after_the_last_look_and_begins_anew_with_the_next():
    topic = Topic(said())
    async with hearing(topic) as jobs:
        for _ in range(60):
            jobs.heard()
            await asyncio.sleep(2)
        assert (topic.opened, topic.readers) == (1, 1)

        await asyncio.sleep(70)
        assert (topic.opened, topic.readers) == (1, 0)
        topic.records = []

        assert ids(jobs.heard()) is None
        await asyncio.sleep(1)
        assert ids(jobs.heard()) == []


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Fatal(Exit.DENIED, "topic jobs: not allowed"), "topic jobs: not allowed"),
        (RuntimeError("a bug"), "RuntimeError('a bug')"),
    ],
)
async def test_trouble_is_told_and_tried_again_as_long_as_somebody_looks(trouble, told):
    topic = Topic(said())
    topic.trouble = trouble
    async with hearing(topic) as jobs:
        jobs.heard()
        await asyncio.sleep(1)
        assert (ids(jobs.heard()), jobs.heard().trouble) == (None, told)

        topic.trouble = None
        await asyncio.sleep(11)
        assert (ids(jobs.heard()), jobs.heard().trouble) == (["j1"], "")

        topic.trouble = trouble
        await asyncio.sleep(600)
        assert topic.opened < 12


async def test_where_no_topic_is_set_nobody_is_asked():
    topic = Topic(said())
    async with hearing(topic, name=None) as jobs:
        assert jobs.heard() is None
        await asyncio.sleep(100)
        assert topic.opened == 0
