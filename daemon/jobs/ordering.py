"""Making an order of what is wished for: what it leaves to the settings, and what the topics are like now."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from config.settings import Settings
from daemon.jobs.order import Columns, Order, OutFormat
from daemon.jobs.registering import Registered
from daemon.jobs.topics import check_size, short_retention
from daemon.kafka.writing.publisher import Publisher
from daemon.values.errors import Exit, Fatal


class Wish(NamedTuple):
    """What is wanted of a new job; `lane` is one of the settings', empty texts are left to them."""

    source: Path
    lane: str
    deadline: datetime | None
    model: str
    content_type: str
    columns: Columns = Columns()
    out_format: OutFormat = OutFormat.JSONL


async def ordered(
    wish: Wish,
    settings: Settings,
    registered: Registered,
    publisher: Publisher,
    *,
    now: datetime,
    told: Callable[[str], None],
) -> Order:
    """Return the order of a job that begins `now` with what is `registered`; `told` hears what may go wrong.

    Raises Fatal where the topics do not take it.
    """
    lane = settings.lanes[wish.lane]
    topic, reply_topic = lane.topics[0], settings.replies.topic
    seen = await publisher.look_at(topic, reply_topic)
    requests, replies = seen[topic], seen[reply_topic]
    if requests is None or replies is None:
        raise Fatal(Exit.SETTINGS, f"{topic} or {reply_topic} does not exist")
    check_size(registered, topic, requests)
    if wish.deadline is not None:
        until_s = (wish.deadline - now).total_seconds()
        if warning := short_retention(reply_topic, replies, until_s=until_s):
            told(warning)
    return Order(
        job_id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        source=str(wish.source.absolute()),
        lane=wish.lane,
        topic=topic,
        partitions=requests.partitions,
        reply_topic=reply_topic,
        reply_partitions=replies.partitions,
        dead_letter_topic=settings.dead_letters.topic,
        onward=_onward(settings, wish.lane),
        model=wish.model,
        content_type=wish.content_type,
        deadline_ms=None if wish.deadline is None else round(wish.deadline.timestamp() * 1000),
        began_ms=round(now.timestamp() * 1000),
        columns=wish.columns,
        out_format=wish.out_format,
    )


def _onward(settings: Settings, lane: str) -> tuple[str, ...]:
    topics = []
    following = settings.lanes[lane].then
    while following is not None:
        topics.append(settings.lanes[following].topics[0])
        following = settings.lanes[following].then
    return tuple(topics)
