"""Replies and jobs as CloudEvents: what their headers say in binary mode.

Sources: https://github.com/cloudevents/spec, cloudevents/spec.md 1.0.2 (attributes) and
bindings/kafka-protocol-binding.md (`ce_` before an attribute's name; `content-type` is its
datacontenttype). A reply's id is the request's, so that a repeated one is the same event: readers tell
repetitions by source and id. There is no time, which a repetition would change; Kafka's timestamp has it.
"""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

from daemon.values.messages import Header

SPEC_VERSION = "ce_specversion"
SOURCE = "ce_source"
TYPE = "ce_type"
ID = "ce_id"
SUBJECT = "ce_subject"
ATTRIBUTES = frozenset({SPEC_VERSION, SOURCE, TYPE, ID})

VERSION = b"1.0"
OK_TYPE = b"tidemill.reply.ok"
ERROR_TYPE = b"tidemill.reply.error"
JOB_TYPE = "tidemill.job."
"""Before `running`, `progress`, or the state of a job that is over."""

_MOST_GROUP = 48
"""Characters of the group's name, each of which may take 12 bytes; a source is cut rather than refused."""
MOST_BYTES = 1_280
"""More than all of them take: source 700, id 300, and their names."""


class ReplyEvents:
    """What makes events of the replies of lanes, but for the id, which each has of its own.

    Nothing where they are not `sent`.
    """

    def __init__(self, group: str, *, sent: bool) -> None:
        self._group = group
        self._sent = sent

    @property
    def most_bytes(self) -> int:
        """What they take at most on a reply."""
        return MOST_BYTES if self._sent else 0

    def of_results(self, lane: str) -> Sequence[Header]:
        """Return the headers of the results of `lane`."""
        return self._said(lane, OK_TYPE)

    def of_errors(self, lane: str) -> Sequence[Header]:
        """Return the headers of its error replies."""
        return self._said(lane, ERROR_TYPE)

    def _said(self, lane: str, event_type: bytes) -> Sequence[Header]:
        return attributes(self._group, lane, event_type) if self._sent else ()


def attributes(group: str, lane: str, event_type: bytes) -> list[Header]:
    """Return the headers of an event of `lane`, but for the id."""
    return [(SPEC_VERSION, VERSION), (SOURCE, _source(group, lane)), (TYPE, event_type)]


@lru_cache(maxsize=64)
def _source(group: str, lane: str) -> bytes:
    return f"/tidemill/{quote(group[:_MOST_GROUP], safe='')}/{quote(lane, safe='')}".encode()
