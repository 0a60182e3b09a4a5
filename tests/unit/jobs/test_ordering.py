"""What is ordered, of what is wished for, the settings and the topics as they are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import Settings
from daemon.jobs.ordering import Wish, ordered
from daemon.jobs.registering import Registered
from daemon.kafka.looking.cluster import Topic
from daemon.values.errors import Exit, Fatal

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HERE = Path.cwd()
SETTINGS = Settings(
    kafka={"group": "g"},
    models={"m": {"path": "model.onnx"}},
    lanes={
        "pages": {"topics": ["pages"], "models": ["m"], "then": "boxes"},
        "boxes": {"topics": ["boxes"], "models": ["m"], "then": "words"},
        "words": {"topics": ["words"], "models": ["m"]},
    },
    replies={"topic": "replies"},
    dead_letters={"topic": "dead"},
)


class Topics:
    """A publisher that knows of topics, and sends nothing."""

    def __init__(self, **topics):
        self._topics = topics

    async def look_at(self, *names):
        return {name: self._topics.get(name) for name in names}


def topic(partitions, **known):
    return Topic(partitions, True, True, None, False, **known)


async def order(lane="pages", *, deadline=None, told=None, **topics):
    wish = Wish(Path("documents"), lane, deadline, "", "")
    return await ordered(
        wish,
        SETTINGS,
        Registered(),
        Topics(**topics),
        now=NOW,
        told=[].append if told is None else told.append,
    )


async def test_it_is_sent_where_the_lane_reads_in_the_partitions_there_are():
    made = await order(pages=topic(3), replies=topic(2))

    assert (made.lane, made.topic, made.partitions) == ("pages", "pages", 3)
    assert (made.reply_topic, made.reply_partitions) == ("replies", 2)
    assert made.dead_letter_topic == "dead"
    assert made.source == str(HERE / "documents")


@pytest.mark.parametrize(
    ("lane", "onward"), [("pages", ("boxes", "words")), ("boxes", ("words",)), ("words", ())]
)
async def test_it_knows_the_topics_that_its_results_go_on_to(lane, onward):
    made = await order(lane, **{lane: topic(1)}, replies=topic(1))

    assert made.onward == onward


@pytest.mark.parametrize("missing", ["pages", "replies"])
async def test_without_one_of_its_topics_nothing_is_ordered(missing):
    there = {name: topic(1) for name in ("pages", "replies") if name != missing}

    with pytest.raises(Fatal, match="pages or replies does not exist") as caught:
        await order(**there)

    assert caught.value.exit_code is Exit.SETTINGS


@pytest.mark.parametrize(("kept_s", "warnings"), [(60.0, 1), (7_200.0, 0)])
async def test_replies_that_are_gone_before_the_deadline_are_told(kept_s, warnings):
    told = []

    made = await order(
        deadline=NOW + timedelta(hours=1),
        told=told,
        pages=topic(1),
        replies=topic(1, retention_s=kept_s),
    )

    assert len(told) == warnings
    assert made.deadline_ms - made.began_ms == 3_600_000


async def test_no_two_jobs_have_one_name():
    made = [await order(pages=topic(1), replies=topic(1)) for _ in range(2)]

    assert made[0].job_id != made[1].job_id
