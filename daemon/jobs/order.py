"""What was ordered: the job as it was when it began. A resumed job is the same. Pure."""

import zlib
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from daemon.values.messages import Header
from daemon.wire.headers import (
    CONTENT_TYPE,
    DEADLINE,
    ITEM_ID,
    JOB_ID,
    MODEL,
    REPLY_PARTITION,
    partition_bytes,
)


class Columns(msgspec.Struct, frozen=True):
    """Which columns of a table are ids, bodies, or inputs; what is empty is found by the names they have."""

    ids: str = ""
    body: str = ""
    inputs: tuple[str, ...] = ()


class OutFormat(StrEnum):
    """As what results are found when a job is over; results.jsonl is always there."""

    JSONL = "jsonl"
    PARQUET = "parquet"


class Order(msgspec.Struct, frozen=True):
    """What is sent where, and where its ends are looked for.

    `partitions` and `reply_partitions` are those there were, whatever is added later: what is sent again
    goes to the same place, so that one of two replies is the first. Times are milliseconds since 1970.
    """

    job_id: str
    source: str
    lane: str
    topic: str
    partitions: int
    reply_topic: str
    reply_partitions: int
    dead_letter_topic: str
    onward: tuple[str, ...]
    """The topics that results go on to before they are replies (`lanes.NAME.then`), in their order."""
    model: str
    content_type: str
    deadline_ms: int | None
    began_ms: int
    columns: Columns = Columns()
    out_format: OutFormat = OutFormat.JSONL

    def is_past_deadline(self, wall_ms: float) -> bool:
        """Whether its deadline is over, if it has one."""
        return self.deadline_ms is not None and wall_ms >= self.deadline_ms


class Addressed(NamedTuple):
    """A record on its way: to which partition, with which headers."""

    partition: int
    headers: Sequence[Header]


class Addressing:
    """Says where each item of a job goes, and with which headers."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._shared: list[Header] = [(JOB_ID, order.job_id.encode())]
        if order.deadline_ms is not None:
            self._shared.append((DEADLINE, b"%d" % order.deadline_ms))
        if order.model:
            self._shared.append((MODEL, order.model.encode()))

    def of(self, item_id: str, form: str) -> Addressed:
        """Return how the item is sent; the same whenever it is asked for."""
        text = item_id.encode()
        place = zlib.crc32(text)
        headers = [
            *self._shared,
            (ITEM_ID, text),
            (REPLY_PARTITION, partition_bytes(place % self._order.reply_partitions)),
        ]
        if form:
            headers.append((CONTENT_TYPE, form.encode()))
        return Addressed(place % self._order.partitions, headers)
