"""What it means that a broker does not take a batch, and never will. All else passes by itself."""

from typing import NamedTuple

from aiokafka import errors

from tidemill_client.connection import DENIED


class InvalidRecordError(errors.BrokerResponseError):  # type: ignore[misc] # aiokafka has no types here
    """The topic takes no such record, such as one without a key where it is compacted."""

    errno = 87
    message = "INVALID_RECORD"


class Refusal(NamedTuple):
    """How the requests of a batch end that was refused."""

    code: str
    why: str
    is_of_records: bool = False
    """Whether some of them may be taken without the others."""


_TOO_LARGE = "it is larger than the topic takes"
REFUSALS: dict[type[errors.KafkaError], Refusal] = {
    errors.MessageSizeTooLargeError: Refusal("too_large", _TOO_LARGE, is_of_records=True),
    errors.RecordListTooLargeError: Refusal("too_large", _TOO_LARGE, is_of_records=True),
    InvalidRecordError: Refusal(
        "refused",
        "it takes no such record: does it need a key, as compacted topics do?",
        is_of_records=True,
    ),
    **dict.fromkeys(
        DENIED, Refusal("topic_denied", "not allowed to write to it: grant Write on it")
    ),
    errors.InvalidTopicError: Refusal("unknown_topic", "Kafka allows no such name"),
    errors.InvalidTimestampError: Refusal(
        "refused", "the clock of this host is too far from the broker's"
    ),
    errors.PolicyViolationError: Refusal("refused", "a policy of the broker forbids it"),
}
