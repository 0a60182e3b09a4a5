"""Results that are alike, on their way from the model to the broker as one value. Pure.

A run of replies goes the way that as many answers would go, station by station; where something
happens to some of it alone it is taken apart into just these answers.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import ClassVar, TypeAlias

import msgspec

from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Request
from daemon.values.outgoing import RecordRun
from daemon.values.texts import Places


class ReplyRun(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Results of requests that ran together, are of one partition, and are answered in one topic.

    The fields are those of Answer; bytes are those of all requests together; `timestamps_ms`: of their records.
    """

    requests: Sequence[Request]
    ledger: Ledger
    lane: str
    topic: str
    partition: int | None
    records: RecordRun
    offsets: Sequence[int]
    timestamps_ms: Sequence[int] | Places
    cost_bytes: int
    reply_bytes: int
    prepared_bytes: int

    code: ClassVar[None] = None
    dead: ClassVar[bool] = False

    @property
    def count(self) -> int:
        """How many requests it answers."""
        return len(self.requests)

    def apart(self) -> list[Answer]:
        """Return an answer for each of its requests, to the byte what it says of it."""
        return [
            Answer(
                request.record,
                self.ledger,
                self.lane,
                None,
                False,  # noqa: FBT003 -- made by position, which costs half as much as by keyword
                self.topic,
                self.partition,
                key,
                value,
                headers,
                request.cost_bytes - request.prepared_bytes,
                len(value or b""),
                request.prepared_bytes,
            )
            for request, (key, value, headers) in zip(
                self.requests, self.records.apart(), strict=True
            )
        ]


Leaving: TypeAlias = Answer | ReplyRun
"""What ends one request, or several."""


def apart(leaving: Iterable[Leaving]) -> list[Answer]:
    """Return an answer for each request that `leaving` ends."""
    answers: list[Answer] = []
    for each in leaving:
        if isinstance(each, ReplyRun):
            answers += each.apart()
        else:
            answers.append(each)
    return answers


def offsets_of(leaving: Sequence[Leaving]) -> Sequence[int]:
    """Return the offsets of all requests that `leaving` ends, those of runs that follow each other as one."""
    each_one = [each.offsets for each in leaving]
    first, end = each_one[0][0], each_one[0][0]
    for offsets in each_one:
        if not isinstance(offsets, range) or offsets.step != 1 or offsets.start != end:
            return [*chain.from_iterable(each_one)]
        end = offsets.stop
    return range(first, end)
