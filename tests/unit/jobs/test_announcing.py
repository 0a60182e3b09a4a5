"""What the topic of jobs is told, by a broker that takes it when it likes."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from daemon.jobs.announcing import Announcing, event_headers, progress_headers
from daemon.kafka.writing.publisher import NotTaken
from daemon.values.errors import Exit, Fatal

SUMMARY = {"job_id": "j1", "state": "late", "lane": "l", "items": 5, "left": 2, "sent": 4}


class Broker:
    """The first time it does not say that it has what was sent."""

    def __init__(self, trouble=None):
        self.taken = []
        self.trouble = trouble or NotTaken("no leader")

    async def post(self, topic, key, value, headers):
        self.taken.append((topic, key, value, headers))
        if len(self.taken) == 1:
            raise self.trouble


def announcing(broker, told, topic="jobs"):
    return Announcing(broker, topic, group="g", folder=Path("results"), told=told.append)


@asynccontextmanager
async def keeping_up(saying):
    """It keeps up; gives what waits until it has done all it can."""
    task = asyncio.create_task(saying.keep_up())
    yield lambda: asyncio.sleep(1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_the_broker_does_not_acknowledge_is_said_again_as_the_same_event():
    broker, told = Broker(), []

    await announcing(broker, told).say(SUMMARY)

    first, again = broker.taken
    assert first == again
    assert first[:2] == ("jobs", b"j1")
    assert told == ["jobs takes nothing at the moment: no leader"]


def test_a_job_that_gets_on_is_another_event():
    said = [
        dict(event_headers("g", SUMMARY | {"left": left}, begins=False))["ce_id"] for left in (2, 1)
    ]

    assert said == [b"j1/late/3", b"j1/late/4"]


def test_what_is_said_under_way_is_no_end_whatever_the_state():
    headers = dict(progress_headers("g", SUMMARY))

    assert headers["ce_type"] == b"tidemill.job.progress"
    assert headers["ce_id"] == b"j1/progress/4/3"


def test_a_late_job_that_is_gone_on_with_begins_and_does_not_end():
    begun, over = (dict(event_headers("g", SUMMARY, begins=begins)) for begins in (True, False))

    assert begun["ce_type"] == b"tidemill.job.running"
    assert over["ce_type"] == b"tidemill.job.late"
    assert begun["ce_id"] != over["ce_id"]


async def test_under_way_it_is_said_once_for_the_same_counts():
    broker, told = Broker(), []
    saying = announcing(broker, told)
    await saying.say(SUMMARY)

    async with keeping_up(saying) as done:
        for changed in ({}, {"as_of": "later"}, {"left": 1}, {"left": 1}, {"left": 1, "sent": 5}):
            saying.note(SUMMARY | changed)
            await done()

    said = [dict(headers)["ce_id"] for _, _, _, headers in broker.taken[2:]]
    assert said == [b"j1/progress/4/4", b"j1/progress/5/4"]


@pytest.mark.parametrize("trouble", [NotTaken("no leader"), Fatal(Exit.DENIED, "not allowed")])
async def test_under_way_trouble_is_told_and_the_next_word_makes_up_for_it(trouble):
    broker, told = Broker(trouble), []
    saying = announcing(broker, told)

    async with keeping_up(saying) as done:
        saying.note(SUMMARY)
        await done()
        saying.note(SUMMARY)
        await done()

    assert [key for _, key, _, _ in broker.taken] == [b"j1", b"j1"]
    assert told == [f"jobs does not hear how the job gets on: {trouble}"]


async def test_of_what_it_did_not_come_to_the_last_is_said():
    broker, told = Broker(), []
    saying = announcing(broker, told)
    for left in (2, 1, 0):
        saying.note(SUMMARY | {"left": left})

    async with keeping_up(saying) as done:
        await done()

    ((_, _, value, _),) = broker.taken
    assert json.loads(value)["left"] == 0


async def test_without_a_topic_nobody_is_told():
    broker = Broker()
    saying = announcing(broker, [], topic=None)

    await saying.say(SUMMARY)
    await saying.keep_up()

    assert broker.taken == []
