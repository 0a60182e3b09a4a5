"""The station between admission and the lanes: what is done to requests before they gather.

A step is a callable in a file of its own in this room. Which steps the requests of a lane pass, and
in which order, is a tuple in daemon/line/lanes.py.

Rule 1. A request that goes in comes out once: with those that are ready, by an answer, or handed
  back because its partition was lost meanwhile. The order inside a partition is not kept.
Rule 2. Requests go from step to step in groups, only some of a lane at a time (`groups_at_once`): what
  several lanes need (threads, a connection) is asked for little by little, and their turn comes. Where
  nothing is handed over, since all is done on the loop, it is one larger group at a time.
Rule 3. What a step has not come to goes through it again, before others of its lane; what it is done
  with does not wait for that.
Rule 4. A step keeps a limit in time of its own, since it alone knows what becomes of its requests
  then. An error that it raises is a fault, and ends the worker.
Rule 5. No group of a lane begins while so much is held that was made of its requests that it is to
  wait; the groups that are under way come out.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from daemon.loop.tasks import Tasks
from daemon.preparing.time_slices import GROUP, LARGE_GROUP
from daemon.values.messages import Answer, Request
from daemon.values.request_run import in_runs

MOST_GROUPS = 4
"""Two threads are at work, and each has its next group waiting."""


def groups_at_once(processes: int) -> int:
    """Return how many groups of a lane may be under way whose transforms have so many `processes`.

    Each of them has its next group waiting, as threads have.
    """
    return max(MOST_GROUPS, 2 * processes)


class GroupOutcome(NamedTuple):
    """What a step made of a group: what goes on, answers of what does not, and what it did not come to."""

    ready: Sequence[Request]
    answers: Sequence[Answer] = ()
    again: Sequence[Request] = ()


Step: TypeAlias = Callable[[Sequence[Request]], Awaitable[GroupOutcome]]
"""What is done to requests of one lane; each comes out in one of three ways, not all of them again."""

Done: TypeAlias = Callable[[Sequence[Request], Sequence[Answer]], None]
"""Gets what is ready, and answers, of a group."""

_Group: TypeAlias = tuple[Sequence[Step], Sequence[Request], Done]

_Value = TypeVar("_Value")


class Steps:
    """Takes requests through the steps of their lane, group by group."""

    def __init__(
        self,
        by_lane: Mapping[str, Sequence[Step]],
        tasks: Tasks,
        *,
        handed_back: Callable[[Sequence[Request]], None],
        held: Callable[[], Collection[str]],
        group_size: Callable[[str], int] = lambda _lane: GROUP,
        processes: Callable[[str], int] = lambda _lane: 0,
        on_loop: Collection[str] = (),
    ) -> None:
        """`by_lane`: every lane's steps, in order; `handed_back` gets what another worker owes.

        `held`: the lanes that are to wait at present. `group_size` tells how many requests of a lane
        go together at present, `processes` how many work for it besides the threads of all. `on_loop`:
        the lanes whose steps wait for nothing but the loop.
        """
        self._lanes = {
            name: _Lane(
                name,
                tuple(steps),
                on_loop=name in on_loop,
                most_groups=1 if name in on_loop else groups_at_once(processes(name)),
            )
            for name, steps in by_lane.items()
        }
        self._held = held
        self._group_size = group_size
        self._tasks = Tasks(tasks)
        self._handed_back = handed_back

    @property
    def under_way(self) -> int:
        """Requests that have not come out."""
        return sum([lane.under_way for lane in self._lanes.values()])

    @property
    def coming(self) -> int:
        """Those of them that come out even if nothing of their lane is answered meanwhile."""
        return sum([self.coming_of(lane) for lane in self._lanes])

    def coming_of(self, lane: str) -> int:
        """The same of one lane."""
        of = self._lanes[lane]
        return of.under_way - (of.waiting_requests if lane in self._held() else 0)

    def waiting_lanes(self) -> set[str]:
        """Those of which groups wait."""
        return {lane.name for lane in self._lanes.values() if lane.waiting}

    def prepare(self, requests: Sequence[Request], *, done: Done) -> None:
        """Take `requests` of one lane through its steps; `done` gets them group by group, on the loop.

        At once when the lane has no steps.
        """
        if not requests:
            return
        name = in_runs(requests)[0].bucket.lane
        lane = self._lanes[name]
        if not lane.steps:
            done(requests, ())
            return
        lane.under_way += len(requests)
        size = LARGE_GROUP if lane.on_loop else self._group_size(name)
        for group in groups(requests, size):
            lane.put(lane.steps, group, done)
        self._begin(lane)

    def look_again(self) -> None:
        """Go on with lanes that had to wait and need not any more."""
        for lane in self._lanes.values():
            if lane.waiting:
                self._begin(lane)

    def _begin(self, lane: "_Lane") -> None:
        """Begin as many of the groups that wait as may be under way."""
        if lane.name in self._held():
            return
        for _ in range(min(lane.most_groups - lane.groups_under_way, len(lane.waiting))):
            lane.groups_under_way += 1
            self._tasks.start(self._work_off(lane), name=f"prepare {lane.name}")

    def close(self) -> None:
        """Give up what is under way."""
        self._tasks.cancel()

    async def _work_off(self, lane: "_Lane") -> None:
        """Take one group after another through the steps until none waits, or all have to."""
        try:
            while lane.waiting and lane.name not in self._held():
                await self._take_through(lane, *lane.take())
                await asyncio.sleep(0)  # other lanes' turn, even if no step had to wait
        finally:
            lane.groups_under_way -= 1

    async def _take_through(
        self, lane: "_Lane", steps: Sequence[Step], requests: Sequence[Request], done: Done
    ) -> None:
        for place, step in enumerate(steps):
            requests = self._still_owed(lane, requests)
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
                lane.put(steps[place:], again, done, first=True)
            if answers:
                lane.under_way -= len(answers)
                done((), answers)
        requests = self._still_owed(lane, requests)
        lane.under_way -= len(requests)
        done(requests, ())

    def _still_owed(self, lane: "_Lane", requests: Sequence[Request]) -> Sequence[Request]:
        """Hand back what another worker owes by now; return the rest."""
        lost = [request for request in requests if request.ledger.lost]
        if not lost:
            return requests
        lane.under_way -= len(lost)
        self._handed_back(lost)
        return [request for request in requests if not request.ledger.lost]


class _Lane:
    """A lane's steps, and the groups that wait for them."""

    def __init__(
        self, name: str, steps: Sequence[Step], *, on_loop: bool, most_groups: int
    ) -> None:
        self.name = name
        self.steps = steps
        self.on_loop = on_loop
        self.most_groups = most_groups
        self.waiting: deque[_Group] = deque()
        self.waiting_requests = 0
        self.groups_under_way = 0
        self.under_way = 0
        """Requests that have not come out."""

    def put(
        self, steps: Sequence[Step], requests: Sequence[Request], done: Done, *, first: bool = False
    ) -> None:
        """Let a group wait for `steps`, the ones that it is still to pass."""
        self.waiting_requests += len(requests)
        (self.waiting.appendleft if first else self.waiting.append)((steps, requests, done))

    def take(self) -> "_Group":
        """Remove and return the next group."""
        group = self.waiting.popleft()
        self.waiting_requests -= len(group[1])
        return group


def groups(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    """Yield `values` in groups of `size`, the last one as large as it is."""
    for first in range(0, len(values), size):
        yield values[first : first + size]
