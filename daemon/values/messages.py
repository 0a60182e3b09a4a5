"""The few values that travel down the line.

They are msgspec structs: frozen and slotted like dataclasses, but made in a tenth of the time and
invisible to the cyclic garbage collector (none of them can be part of a cycle).
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from daemon.values.errors import Code
from daemon.values.ledger import Ledger

if TYPE_CHECKING:  # a value of a user's transform, passed on as it is
    from runtime.conversion import Kept

Array: TypeAlias = npt.NDArray[np.generic]
Arrays: TypeAlias = Mapping[str, Array]
Header: TypeAlias = tuple[str, bytes]
SentHeader: TypeAlias = tuple[str, bytes | None]
"""A header as a requester sent it: Kafka allows a null value."""

FlushCause: TypeAlias = Literal[
    "full", "bytes", "linger", "deadline", "idle", "uncommitted", "drain", "slice"
]
"""Why a batch closed; "slice": it is the part of one, of which more is to run."""


class Record(Protocol):
    """What the Kafka client hands over, read in place and never copied."""

    @property
    def topic(self) -> str:
        """Where it was published."""

    @property
    def partition(self) -> int:
        """The partition's number."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch; -1 when absent."""

    @property
    def key(self) -> bytes | None:
        """Echoed on the reply."""

    @property
    def value(self) -> bytes | None:
        """The body; None is a tombstone."""

    @property
    def headers(self) -> Sequence[SentHeader]:
        """Name and value, in the order sent."""


class Unreadable(NamedTuple):
    """A position in a partition whose record the client could not decode."""

    offset: int
    reason: str


class Chunk(NamedTuple):
    """What one fetch brought from one partition, in offset order."""

    ledger: Ledger
    records: Sequence[Record]
    unreadable: Sequence[Unreadable] = ()


class Form(Enum):
    """The form of a request's body; its result has the same."""

    RAW = "raw"
    JSON = "json"
    BINARY = "binary"
    NPY = "npy"
    TRANSFORM = "transform"


class Bucket(NamedTuple):
    """What requests must share to share a batch.

    `shape` is empty for models whose rows all have one shape; else it names each input's.
    """

    lane: str
    model: str
    shape: tuple[tuple[int, ...], ...] = ()


class ReplyAddress(NamedTuple):
    """Where a reply goes; without a partition to that of its request, modulo the topic's count."""

    topic: str
    partition: int | None


class Envelope(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What an Open Inference Protocol body asks of its reply.

    `row_lengths`: of each row by padded axis, where the rows of the request differ.
    """

    id: str | None = None
    outputs: tuple[str, ...] | None = None
    binary_outputs: frozenset[str] = frozenset()
    row_lengths: tuple[tuple[str, tuple[int, ...]], ...] = ()


class Request(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One admitted request.

    `inputs`: the body itself for raw rows (joined and viewed as one array only when the batch is
    assembled), else each input by name, first axis = `rows`. For a transform it is the raw body
    until `prepared` gives the arrays; `kept` is what that keeps besides for its reply. `cost_bytes`
    is what it holds in all, `prepared_bytes` of it what a transform made. Times are monotonic seconds;
    `arrived_s` is when it was read, or asked for where it gathers in Kafka too (sleep.py); `expires_s`
    is inf without a deadline. The headers `passed` are the reply's too.
    """

    record: Record
    ledger: Ledger
    bucket: Bucket
    form: Form
    inputs: bytes | Arrays
    rows: int
    cost_bytes: int
    arrived_s: float
    expires_s: float
    reply_topic: str
    reply_partition: int | None
    correlation: Header | None
    traceparent: bytes | None = None
    tracestate: bytes | None = None
    envelope: Envelope | None = None
    prepared_bytes: int = 0
    kept: "Kept | None" = None
    passed: tuple[Header, ...] = ()

    count: ClassVar[int] = 1


class Batch(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Requests of one bucket that run together; `rows` may pass N only for a lone request."""

    bucket: Bucket
    requests: Sequence[Request]
    rows: int
    cause: FlushCause


class Answer(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One record on its way out: a result, an error reply or a dead letter.

    `partition` None: the request's partition modulo the count of the reply topic. `cost_bytes` is
    what it holds of the request, given back to its lane's budget when the broker has the answer; so
    are `reply_bytes`, what a result's body takes besides. `prepared_bytes` were the request's, and
    are given back at once. `then`: another one to the same request, which leaves once the broker has
    this one, and settles it.
    """

    record: Record
    ledger: Ledger
    lane: str
    code: Code | None
    dead: bool
    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: list[Header]
    cost_bytes: int
    reply_bytes: int = 0
    prepared_bytes: int = 0
    then: "Answer | None" = None

    count: ClassVar[int] = 1

    @property
    def offsets(self) -> Sequence[int]:
        """The offset of its request."""
        return (self.record.offset,)
