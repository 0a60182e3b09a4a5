"""The station between admission and the lanes: what is done to requests before they gather.

A step is a callable in a file of its own in this room. Which steps the requests of a lane pass, and
in which order, is a tuple in daemon/line/assembly.py.

Rule 1. A request that goes in comes out once: with those that are ready, by an answer, or handed
  back because its partition was lost meanwhile. The order inside a partition is not kept.
Rule 2. Requests go from step to step in groups, at most MOST_GROUPS of a lane at a time: what
  several lanes need (threads, a connection) is asked for little by little, and their turn comes.
Rule 3. What a step has not come to goes through it again, before others of its lane; what it is done
  with does not wait for that.
Rule 4. A step keeps a limit in time of its own, since it alone knows what becomes of its requests
  then. An error that it raises is a fault, and ends the worker.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from daemon.loop.tasks import Tasks
from daemon.preparing.time_slices import GROUP
from daemon.values.messages import Answer, Request

MOST_GROUPS = 4
"""Two threads are at work, and each has its next group waiting."""


class Prepared(NamedTuple):
    """Requests that go on, the answers of those that do not, and those that were not come to."""

    ready: Sequence[Request]
    answers: Sequence[Answer] = ()
    again: Sequence[Request] = ()


Step: TypeAlias = Callable[[Sequence[Request]], Awaitable[Prepared]]
"""What is done to requests of one lane; each comes out in one of three ways, not all of them again."""

Done: TypeAlias = Callable[[Sequence[Request], Sequence[Answer]], None]
"""Gets what is ready, and answers, of a group."""

_Value = TypeVar("_Value")


class Steps:
    """Takes requests through the steps of their lane, group by group."""

    def __init__(
        self,
        by_lane: Mapping[str, Sequence[Step]],
        tasks: Tasks,
        *,
        handed_back: Callable[[Sequence[Request]], None],
        group_size: Callable[[str], int] = lambda _lane: GROUP,
    ) -> None:
        """`by_lane`: every lane's steps, in order; `handed_back` gets what another worker owes.

        `group_size` tells how many requests of a lane go together at present.
        """
        self._lanes = {name: _Lane(tuple(steps)) for name, steps in by_lane.items()}
        self._group_size = group_size
        self._tasks = Tasks(tasks)
        self._handed_back = handed_back
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """Requests that have not come out."""
        return self._under_way

    def prepare(self, requests: Sequence[Request], *, done: Done) -> None:
        """Take `requests` of one lane through its steps; `done` gets them group by group, on the loop.

        At once when the lane has no steps.
        """
        if not requests:
            return
        name = requests[0].bucket.lane
        lane = self._lanes[name]
        if not lane.steps:
            done(requests, ())
            return
        self._under_way += len(requests)
        size = self._group_size(name)
        lane.waiting.extend((lane.steps, group, done) for group in groups(requests, size))
        for _ in range(min(MOST_GROUPS - lane.groups_under_way, len(lane.waiting))):
            lane.groups_under_way += 1
            self._tasks.start(self._work_off(lane), name=f"prepare {name}")

    def close(self) -> None:
        """Give up what is under way."""
        self._tasks.cancel()

    async def _work_off(self, lane: "_Lane") -> None:
        """Take one group after another through the steps until none waits."""
        try:
            while lane.waiting:
                await self._take_through(lane, *lane.waiting.popleft())
                await asyncio.sleep(0)  # other lanes' turn, even if no step had to wait
        finally:
            lane.groups_under_way -= 1

    async def _take_through(
        self, lane: "_Lane", steps: Sequence[Step], requests: Sequence[Request], done: Done
    ) -> None:
        for place, step in enumerate(steps):
            requests = self._still_owed(requests)
            if not requests:
                return
            count = len(requests)
            requests, answers, again = await step(requests)
            if len(requests) + len(answers) + len(again) != count or len(again) == count:
                raise ValueError(
                    f"of {count} requests came {len(requests)} and {len(answers)} back, and "
                    f"{len(again)} to be done again"
                )
            if again:
                lane.waiting.appendleft((steps[place:], again, done))
            if answers:
                self._under_way -= len(answers)
                done((), answers)
        requests = self._still_owed(requests)
        self._under_way -= len(requests)
        done(requests, ())

    def _still_owed(self, requests: Sequence[Request]) -> Sequence[Request]:
        """Hand back what another worker owes by now; return the rest."""
        lost = [request for request in requests if request.ledger.lost]
        if not lost:
            return requests
        self._under_way -= len(lost)
        self._handed_back(lost)
        return [request for request in requests if not request.ledger.lost]


class _Lane:
    """A lane's steps, and the groups that wait for them."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.waiting: deque[tuple[Sequence[Step], Sequence[Request], Done]] = deque()
        """With the steps that they are still to pass."""
        self.groups_under_way = 0


def groups(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    """Yield `values` in groups of `size`, the last one as large as it is."""
    for first in range(0, len(values), size):
        yield values[first : first + size]
