"""Records on their way to one partition: the next batch of them, and what was refused of them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from daemon.kafka.reading.record_batches import HEAD
from daemon.kafka.writing.record_batch import RecordBatch
from daemon.kafka.writing.record_encoding import EncodedRecords, Piece, encoded_record, encoded_run
from daemon.kafka.writing.refusals import Refused
from daemon.values.outgoing import Outgoing, RecordRun

_MOST_TOPICS = 1_000
"""Whose sizes are remembered; another is found out anew in a few refusals."""


_NONE = EncodedRecords((), 0, 0)


class Load:
    """What one send is to bring: how far it is, and the indexes of what no repetition gets through.

    What is refused is cut smaller, by number of records, until the culprit stands alone.
    """

    def __init__(self, outgoing: Sequence[Outgoing]) -> None:
        self._outgoing = outgoing
        self._ends = [*accumulate(map(_count, outgoing))]
        """The index after the last record of each."""
        self._count = self._ends[-1]
        self._first = 0
        self._end = self._count
        """Where the next batch ends at the latest."""
        self.too_large: list[int] = []
        self.invalid: list[int] = []
        self.why_invalid = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to be sent."""
        return self._first == self._count

    @property
    def unsent(self) -> list[int]:
        """The indexes of the records that the broker has not acknowledged."""
        return sorted([*self.too_large, *self.invalid, *range(self._first, self._count)])

    def next_batch(
        self, *, size_bytes: int, now_ms: int, in_transaction: bool = False
    ) -> RecordBatch:
        """Return what is to be sent next, as much as fits; a record always does when it is alone."""
        pieces: list[Piece] = []
        count, left_bytes = 0, size_bytes - HEAD.size
        for outgoing in self._next():
            encoded = _encoded(outgoing, count, left_bytes)
            pieces += encoded.pieces
            count += encoded.records
            left_bytes -= encoded.size_bytes
            if encoded.records < _count(outgoing):
                break
        end = self._first + count
        return RecordBatch(pieces, self._first, end, now_ms=now_ms, in_transaction=in_transaction)

    def _next(self) -> Iterator[Outgoing]:
        """Yield what the next batch may bring."""
        place = bisect_right(self._ends, self._first)
        first = self._first
        for outgoing, end in zip(self._outgoing[place:], self._ends[place:], strict=True):
            if isinstance(outgoing, RecordRun):
                begun = first - (end - outgoing.count)
                yield outgoing.part(begun, begun + self._end - first)
            else:
                yield outgoing
            first = end
            if first >= self._end:
                break

    def taken(self, batch: RecordBatch) -> None:
        """The broker has `batch`."""
        self._go_on_from(batch.end)

    def refused_for_size(self, batch: RecordBatch) -> None:
        """The broker finds `batch` too large."""
        count = batch.end - batch.first
        self._refuse(batch, count // 2, self.too_large)

    def refused_as_invalid(self, batch: RecordBatch, refused: Refused) -> None:
        """The broker takes no such record as some of `batch`, and may have named them."""
        self.why_invalid = str(refused)
        count = batch.end - batch.first
        self._refuse(batch, refused.named[0] if refused.named else count // 2, self.invalid)

    def _refuse(self, batch: RecordBatch, sound: int, culprits: list[int]) -> None:
        """Send the first `sound` records of `batch` alone; without any, the first is a culprit."""
        if sound:
            self._end = batch.first + sound
        else:
            culprits.append(batch.first)
            self._go_on_from(batch.first + 1)

    def _go_on_from(self, index: int) -> None:
        self._first = index
        self._end = self._count


def _count(outgoing: Outgoing) -> int:
    return outgoing.count if isinstance(outgoing, RecordRun) else 1


def _encoded(outgoing: Outgoing, place: int, left_bytes: int) -> EncodedRecords:
    """Return as much of `outgoing` as there is room for; at place 0 one record in any case."""
    if isinstance(outgoing, RecordRun):
        encoded = encoded_run(outgoing, place, left_bytes)
        if encoded.records or place:
            return encoded
        outgoing = next(outgoing.apart())
    encoded = encoded_record(outgoing, place)
    return _NONE if place and encoded.size_bytes > left_bytes else encoded


class BatchSizes:
    """How large a batch may get, by topic: half of what a topic was found not to take."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._learnt: dict[str, int] = {}

    def of(self, topic: str) -> int:
        """Return the bytes to close a batch at; a single record may be larger."""
        return self._learnt.get(topic, self._most_bytes)

    def learn(self, topic: str, refused_bytes: int) -> None:
        """A batch of that size, of several records, was too large for `topic`."""
        if len(self._learnt) >= _MOST_TOPICS:  # requests name topics
            del self._learnt[next(iter(self._learnt))]
        self._learnt[topic] = refused_bytes // 2
