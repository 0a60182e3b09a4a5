"""Whose records are admitted next, and how many of them before the loop does anything else. Pure.

Rule 1. Lanes take turns by fair queueing (daemon.batching.fair_queue); a lane is charged with the
  seconds of the loop that its records took.
Rule 2. In its turn a lane gets as many records as are admitted in TURN_S, at most MOST_RECORDS, by
  what the latest took: a raw row 0.3 us, a JSON body 6 to 60. So who comes new is fetched no
  later than any lane has patience.
Rule 3. They are admitted in pieces of PIECE_S, between which the loop does everything else.
Rule 4. Where there is one lane, it has all turns, each of MOST_RECORDS, in pieces of TURN_S.
Rule 5. What of a piece took too long to be looked at in one call is given back, and comes next, in
  pieces by what the rest of it took.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence

from config.settings import LEAST_PATIENCE
from daemon.batching.fair_queue import FairQueue
from daemon.values.lane import PIECE_S
from daemon.values.messages import Chunk

MOST_RECORDS = 4_096
"""Raw rows take 2 to 4 ms; larger chunks are no faster."""
TURN_S = LEAST_PATIENCE
_GUESS_S = 1e-4
"""Seconds a record until some were admitted: a JSON body that is read alone, on a slow machine."""
_SHORT_S = PIECE_S / 4
"""What took less time took it for other things than records; it tells that these take no longer."""


class Turns:
    """The order of turns of lanes, and what each lane's latest records took."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        """`weights` are all lanes', as in the settings."""
        self._lanes = FairQueue(weights)
        self._are_shared = len(weights) > 1
        self.piece_s = PIECE_S if self._are_shared else TURN_S
        """After which the loop is to do everything else."""
        self._record_s = dict.fromkeys(weights, _GUESS_S)
        self._coming = dict.fromkeys(weights, 0)

    def coming_of(self, lane: str) -> int:
        """Records of `lane` that were fetched and are yet to be admitted."""
        return self._coming[lane]

    def order(self, lanes: Iterable[str]) -> Iterator[str]:
        """Yield `lanes` as their turns come."""
        left = set(lanes)
        while (lane := self._lanes.first(left)) is not None:
            left.remove(lane)
            yield lane

    def rest(self) -> None:
        """There is nothing of any lane: none owes another anything."""
        self._lanes.rest()

    def most_records(self, lane: str) -> int:
        """Return how many to fetch of `lane` at a time."""
        return self._admitted_in(TURN_S, lane) if self._are_shared else MOST_RECORDS

    def pieces(self, chunks: Sequence[Chunk]) -> "Pieces":
        """Return what was fetched in the pieces in which it is to be admitted.

        All of a lane is its one turn: were each piece a turn, who waits would start behind the last
        of them, and weights would tell nothing.
        """
        for lane in dict.fromkeys(chunk.ledger.lane.name for chunk in chunks):
            self._lanes.begin(self._lanes.next_of(lane))
        return Pieces(chunks, lambda lane: self._admitted_in(self.piece_s, lane), self._coming)

    def admitted(self, lane: str, count: int, seconds: float) -> None:
        """Charge `lane`, of which `count` records took `seconds`, and learn from it."""
        self._lanes.give(lane, seconds)
        if seconds >= _SHORT_S or seconds / count < self._record_s[lane]:
            self._record_s[lane] = seconds / count

    def _admitted_in(self, seconds: float, lane: str) -> int:
        record_s = self._record_s[lane]
        if record_s * MOST_RECORDS <= seconds:
            return MOST_RECORDS
        return max(int(seconds / record_s), 1)


class Pieces(Iterator[Chunk]):
    """What was fetched, piece by piece; what is unreadable is with the first of its chunk."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        most_records: Callable[[str], int],
        coming: MutableMapping[str, int],
    ) -> None:
        """`coming` counts the records of each lane that are not in any piece yet."""
        self._chunks = deque(chunks)
        self._first = 0
        """Where the first of them is up to."""
        self._most_records = most_records
        self._coming = coming
        for chunk in chunks:
            coming[chunk.ledger.lane.name] += len(chunk.records)

    def __next__(self) -> Chunk:
        """Return the next piece, as large as the latest records of its lane tell."""
        while self._chunks:
            chunk, first = self._chunks[0], self._first
            lane = chunk.ledger.lane.name
            records = chunk.records[first : first + self._most_records(lane)]
            self._first += len(records)
            if self._first == len(chunk.records):
                self._chunks.popleft()
                self._first = 0
            self._coming[lane] -= len(records)
            unreadable = () if first else chunk.unreadable
            if records or unreadable:
                return Chunk(chunk.ledger, records, unreadable)
        raise StopIteration

    def give_back(self, chunk: Chunk) -> None:
        """Let `chunk`, which is of the latest piece, be the next ones."""
        if self._first:
            rest = self._chunks.popleft()
            self._chunks.appendleft(Chunk(rest.ledger, rest.records[self._first :]))
            self._first = 0
        self._chunks.appendleft(chunk)
        self._coming[chunk.ledger.lane.name] += len(chunk.records)
