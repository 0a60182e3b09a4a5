"""What it means that a broker refuses a batch: the one table of it. Pure.

Codes are those of org.apache.kafka.common.protocol.Errors that a produce can be answered with. One
that is not in the table passes by itself: a leader has moved, a replica lags, a disk was replaced.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple


class Meaning(Enum):
    """What is to be done about a refusal."""

    TOO_LARGE = "the batch is too large; a smaller one may do"
    INVALID = "the topic takes no such record, however often it is sent"
    DENIED = "this client may not write to the topic"
    STANDING = "everything is refused until somebody changes a clock or a setting"
    FENCED = "another producer has taken this one's place, or its transaction took too long"
    PASSING = "it passes by itself"

    @property
    def is_of_batch(self) -> bool:
        """Whether it is the batch that is refused; what comes behind it may be taken."""
        return self not in {Meaning.FENCED, Meaning.PASSING}


class _Row(NamedTuple):
    name: str
    meaning: Meaning


INVALID_TIMESTAMP = 32
PRODUCER_FENCED = 90

REFUSALS: Mapping[int, _Row] = MappingProxyType(
    {
        10: _Row("MESSAGE_TOO_LARGE", Meaning.TOO_LARGE),
        17: _Row("INVALID_TOPIC_EXCEPTION", Meaning.DENIED),
        18: _Row("RECORD_LIST_TOO_LARGE", Meaning.TOO_LARGE),
        21: _Row("INVALID_REQUIRED_ACKS", Meaning.STANDING),
        29: _Row("TOPIC_AUTHORIZATION_FAILED", Meaning.DENIED),
        31: _Row("CLUSTER_AUTHORIZATION_FAILED", Meaning.DENIED),
        INVALID_TIMESTAMP: _Row("INVALID_TIMESTAMP", Meaning.STANDING),
        35: _Row("UNSUPPORTED_VERSION", Meaning.STANDING),
        42: _Row("INVALID_REQUEST", Meaning.STANDING),
        43: _Row("UNSUPPORTED_FOR_MESSAGE_FORMAT", Meaning.STANDING),
        44: _Row("POLICY_VIOLATION", Meaning.STANDING),
        47: _Row("INVALID_PRODUCER_EPOCH", Meaning.FENCED),
        53: _Row("TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Meaning.DENIED),
        76: _Row("UNSUPPORTED_COMPRESSION_TYPE", Meaning.STANDING),
        87: _Row("INVALID_RECORD", Meaning.INVALID),
        PRODUCER_FENCED: _Row("PRODUCER_FENCED", Meaning.FENCED),
    }
)
"""All that does not pass by itself."""

_RANGE = re.compile(r"Timestamp (-?\d+) .*\[(-?\d+), (-?\d+)\]")
"""As org.apache.kafka.storage.internals.log.LogValidator writes it."""


class Refused(Exception):
    """A broker did not take a batch.

    `named` are the indexes in the batch of the records at fault, where the broker names them
    (Kafka 2.4); its own words are the message.
    """

    def __init__(self, code: int, *, named: Sequence[int] = (), words: str = "") -> None:
        row = REFUSALS.get(code, _Row(f"error {code}", Meaning.PASSING))
        super().__init__(f"{row.name}: {words}" if words else row.name)
        self.code = code
        self.meaning = row.meaning
        self.named = tuple(sorted(named))
        self.words = words

    @property
    def clock_ahead_s(self) -> float | None:
        """How far this host's clock is ahead of the broker's, at the very least; behind is negative.

        None when the broker says nothing about it.
        """
        found = _RANGE.search(self.words)
        if found is None:
            return None
        sent_ms, earliest_ms, latest_ms = map(int, found.groups())
        return (sent_ms - (latest_ms if sent_ms > latest_ms else earliest_ms)) / 1000
