"""Topics that the broker does not tell of, yet or ever; in virtual time."""

import asyncio
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from daemon.kafka.connecting import check_topics
from daemon.values.errors import Exit, Fatal

START_S = 60.0
_UNKNOWN = 3


class FakeClient:
    """A broker that tells of `late` from `from_s` on, and of `there` at once."""

    def __init__(self, from_s):
        self._from_s = from_s

    def get_random_node(self):
        return 1

    async def send(self, _node, request, *, group):
        now_s = asyncio.get_running_loop().time()
        codes = {"there": 0, "late": 0 if now_s >= self._from_s else _UNKNOWN}
        return SimpleNamespace(topics=[(codes[each], each, False, [0]) for each in request._topics])


async def _check(late_s):
    """Return how long it took."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await check_topics(
        FakeClient(began_s + late_s),
        ["late", "there"],
        deadline_s=began_s + START_S,
        clock=loop.time,
    )
    return loop.time() - began_s


async def test_a_topic_of_which_the_broker_tells_late_is_waited_for():
    """It tells of none while it makes thousands of partitions."""
    assert await _check(20.0) == pytest.approx(20.0, abs=0.5)


async def test_whoever_waits_for_a_topic_is_told_which_and_how_long():
    with capture_logs() as logs:
        await _check(20.0)

    told = [each for each in logs if each["event"] == "topics.awaited"]
    assert [each["topics"] for each in told] == [["late"], ["late"]]
    assert [each["left_s"] for each in told] == pytest.approx([58, 48], abs=1)


async def test_a_moment_is_not_worth_a_word():
    with capture_logs() as logs:
        await _check(1.0)

    assert logs == []


async def test_a_topic_that_does_not_come_is_named_at_the_end_of_the_time():
    with pytest.raises(Fatal, match=r"do not exist; create them: late$") as caught:
        await _check(START_S + 1)

    assert caught.value.exit_code is Exit.SETTINGS
