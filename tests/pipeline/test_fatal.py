"""What must end the process ends it, says why, and answers nothing that Kafka will deliver again."""

import asyncio

import pytest

from daemon.values.errors import Exit, Fatal
from tests.pipeline.line import DEAD, REPLIES, Line


async def ended(line, within_s=60.0):
    """How the line ends by itself."""
    with pytest.raises(Fatal) as caught:
        async with asyncio.timeout(within_s):
            await asyncio.shield(line.task)
    return caught.value


async def test_a_sick_model_ends_it_and_nothing_is_answered():
    async with Line() as line:
        line.session.sick = True
        line.push("standard", *range(20))

        fatal = await ended(line)

        assert fatal.exit_code is Exit.INTERNAL
        assert not line.sink.published
        assert not line.commits
        assert line.source.left


async def test_a_sick_model_does_not_spoil_what_was_answered_before():
    async with Line() as line:
        line.push("standard", *range(8))
        await line.quiet()
        line.session.sick = True
        line.push("standard", *range(8))

        await ended(line)

        assert len(line.sink.published) == 8
        assert line.source.committed["standard", 0] == 8


@pytest.mark.parametrize(("topic", "value"), [(REPLIES, 1), (DEAD, None)])
async def test_a_topic_it_may_not_write_to_for_too_long_ends_it(topic, value):
    async with Line(limits={"unavailable": 30.0}) as line:
        line.sink.denied.add(topic)
        if value is None:
            line.source.push_unreadable("standard", 0)
        else:
            line.push("standard", value)

        fatal = await ended(line)

        assert fatal.exit_code is Exit.DENIED
        assert topic in str(fatal)
        assert not line.commits


async def test_a_dead_letter_topic_that_is_gone_for_too_long_ends_it():
    async with Line(limits={"unavailable": 30.0}) as line:
        del line.sink.topics[DEAD]
        line.source.push_unreadable("standard", 0)

        assert (await ended(line)).exit_code is Exit.SETTINGS


async def test_a_dead_letter_topic_that_takes_nothing_for_too_long_ends_it():
    async with Line(limits={"unavailable": 30.0}) as line:
        line.sink.largest_bytes[DEAD] = 50
        line.source.push_unreadable("standard", 0)

        assert (await ended(line)).exit_code is Exit.SETTINGS


async def test_what_the_source_raises_ends_it_and_the_group_is_left():
    async with Line() as line:
        line.push("standard", *range(8))
        await line.quiet()
        line.source.fatal = Fatal(Exit.WORK_LEFT, "the broker gave no assignment")

        assert (await ended(line)) is line.source.fatal
        assert line.source.left


async def test_answers_that_have_left_are_committed_before_a_fatal_end():
    async with Line(kafka={"commit_interval": 3600.0}) as line:
        line.push("standard", *range(8))
        await asyncio.sleep(1)
        assert not line.commits
        line.source.fatal = Fatal(Exit.WORK_LEFT, "the broker gave no assignment")

        await ended(line)

        assert line.source.committed["standard", 0] == 8


class Gone(BaseException):
    """Nothing that a transform may raise is like this."""


class Leaving:
    def preprocess(self, body, headers):
        raise Gone

    def postprocess(self, outputs):
        raise Gone


async def test_what_a_transform_must_never_raise_ends_it_and_answers_nothing():
    async with Line(transform=Leaving()) as line:
        line.push("standard", b"a")

        with pytest.raises(Gone):
            await asyncio.wait_for(asyncio.shield(line.task), 60)
        assert not line.sink.published


async def test_a_fatal_end_while_it_drains_is_not_taken_for_a_clean_one():
    async with Line() as line:
        line.session.base_s = 5.0
        line.push("standard", *range(8))
        await asyncio.sleep(1)
        line.session.sick = True
        line.stop.set()

        assert (await ended(line)).exit_code is Exit.INTERNAL
        assert not line.sink.published
