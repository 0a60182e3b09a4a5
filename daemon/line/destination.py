"""What waits to leave for one partition, and how much of it leaves next. Pure.

Rule 1. Lanes take turns by fair queueing (daemon.batching.fair_queue), charged by bytes. Within a lane
  answers leave in the order in which they came.
Rule 2. A load is what waits, up to MOST_RECORDS. It is expected to take a + c b seconds for b bytes,
  by the latest ones. So that an answer waits for no more than the least patience of the other
  lanes, in the load under way and beside others in its own, each takes at most half of that.
Rule 3. No load is so small that a, which loads share whatever their size, is more than LOSS of it:
  where that is most of the time, as to a broker far away, nothing is cut.
Rule 4. Nothing is cut before sizes have differed, nor where there is one lane.
"""

import math
from collections import deque
from collections.abc import Mapping

from daemon.batching.fair_queue import FairQueue
from daemon.batching.run_times import RunLine
from daemon.batching.slices import LOSS, least_patience_s
from daemon.values.lane import LanePolicy
from daemon.values.messages import Answer
from daemon.values.reply_run import Leaving, apart

MOST_RECORDS = 2_000
"""Records of one load, but for the rest of a run: at 200 bytes each about one producer batch (400 KiB)."""
_TURN_RECORDS = 64
"""After which it is another lane's turn: so many cost less to take than their place in the order."""
_RECORD_BYTES = 256
"""What a record has beside its value: seven headers of a reply are 230 bytes."""


class Destination:
    """Answers on their way to one partition, by lane; `load`, then `left` or nothing."""

    def __init__(self, lanes: Mapping[str, LanePolicy]) -> None:
        """`lanes` are all of the line."""
        self.is_emptied = False
        """Whether somebody sends what waits here until nothing does."""
        self._turns = FairQueue({name: policy.weight for name, policy in lanes.items()})
        own_s = {name: policy.patience_s for name, policy in lanes.items()}
        self._patience_s = {name: least_patience_s(own_s, name) for name in lanes}
        self._queues: dict[str, deque[Leaving]] = {name: deque() for name in lanes}
        self._load_bytes = 0
        self._times: RunLine | None = None

    def queue(self, lane: str) -> deque[Leaving]:
        """Return where the answers of `lane` wait; they are appended to it."""
        return self._queues[lane]

    def load(self) -> list[Leaving]:
        """Take what is sent next; empty when nothing waits."""
        waiting = [lane for lane, queue in self._queues.items() if queue]
        load = _Load(self._most_bytes(waiting))
        while waiting and load.has_room:
            lane = min(waiting, key=self._turns.next_of)
            turn_bytes = load.fill(self._queues[lane], alone=len(waiting) == 1)
            self._turns.begin(self._turns.give(lane, turn_bytes))
            if not self._queues[lane]:
                waiting.remove(lane)
        if not waiting:
            self._turns.rest()
        self._load_bytes = load.bytes
        return load.answers

    def left(self, seconds: float) -> None:
        """The broker has the latest load, after so many seconds."""
        if self._times is None:
            self._times = RunLine(self._load_bytes, seconds)
        else:
            self._times.observe(self._load_bytes, seconds)

    def _most_bytes(self, waiting: list[str]) -> float:
        """Return how much of what these lanes have may leave at once, inf for all of it."""
        patience_s = min([self._patience_s[lane] for lane in waiting], default=math.inf)
        cost = None if self._times is None else self._times.cost()
        if patience_s == math.inf or cost is None or cost.row_s <= 0:
            return math.inf
        return max(patience_s / 2 - cost.start_s, cost.start_s / LOSS) / cost.row_s


class _Load:
    """What leaves together: at most so many bytes, which the last record alone may pass."""

    def __init__(self, most_bytes: float) -> None:
        self.answers: list[Leaving] = []
        self.bytes = 0
        self._most_bytes = most_bytes
        self._records = 0

    @property
    def has_room(self) -> bool:
        """Whether more may be taken."""
        return self._records < MOST_RECORDS and self.bytes < self._most_bytes

    def fill(self, queue: deque[Leaving], *, alone: bool) -> int:
        """Take the first of `queue`, for a turn unless it is `alone`; returns their bytes.

        A run of which not all has room leaves as single answers.
        """
        end = MOST_RECORDS if alone else min(self._records + _TURN_RECORDS, MOST_RECORDS)
        taken_bytes, left_bytes = 0, self._most_bytes - self.bytes
        while queue and self._records < end and taken_bytes < left_bytes:
            leaving = queue.popleft()
            size_bytes = _size_bytes(leaving)
            if leaving.count > 1 and taken_bytes + size_bytes > left_bytes:
                queue.extendleft(reversed(apart([leaving])))
                continue
            self.answers.append(leaving)
            self._records += leaving.count
            taken_bytes += size_bytes
        self.bytes += taken_bytes
        return taken_bytes


def _size_bytes(leaving: Leaving) -> int:
    if isinstance(leaving, Answer):
        return len(leaving.value or b"") + _RECORD_BYTES
    return leaving.reply_bytes + leaving.count * _RECORD_BYTES
