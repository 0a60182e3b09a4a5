"""What the number of workers is decided by. Pure."""

from typing import NamedTuple


class Load(NamedTuple):
    """The group's work as it is seen from outside.

    Attributes:
        arrival_rate: records/s, the largest of the last 15 s, the last 60 s and, less twice its
            standard error, the last 5 s: a jump is seen soon, a few records are no jump.
        lag: records without a committed answer, of all partitions; None is unknown and holds.
        lagging: partitions with lag, the stuck ones among them.
        partitions: all of them; 0 is unknown and holds.
        stuck: partitions that have lag and do not move; none while no worker runs.
        service_rate: records/s that one busy worker serves; None is not known yet.
        batching_s: how long a record is in flight by design: linger, run and commit.
        arrived_s: monotonic seconds at which a log end was last seen to have moved.
        workers: serving or starting now. The policy remembers what it decided and needs this at its
            first decision, and to judge what a step up brought.
        stuck_lag: records of `lag` that are in stuck partitions.
        served_rate: records/s by which all commits together advanced within the last 15 s; None is
            unknown, and then no step up is judged.
    """

    arrival_rate: float
    lag: int | None
    lagging: int
    partitions: int
    stuck: int
    service_rate: float | None
    batching_s: float
    arrived_s: float
    workers: int
    stuck_lag: int = 0
    served_rate: float | None = None

    @property
    def moving_lag(self) -> int:
        """Records that more workers could serve."""
        return max(0, (self.lag or 0) - self.stuck_lag)

    @property
    def backlog(self) -> float:
        """Of these, records beyond what is in flight by design."""
        return max(0.0, self.moving_lag - self.arrival_rate * self.batching_s)
