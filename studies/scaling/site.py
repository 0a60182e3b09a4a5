"""What all rules scale in a replay: a topic, and workers that serve it in micro-batches."""

from collections.abc import Sequence
from typing import NamedTuple


class Site(NamedTuple):
    """How a worker serves and starts.

    Attributes:
        partitions: of the topic.
        most: workers there may be.
        max_rows: records of a full batch.
        linger_s: a batch that is not full runs this long after its first record.
        run_s: what a run takes however few its records are.
        row_s: what a run takes for each record.
        start_s: from asking for a worker until it joins the group.
        stall_s: how long nobody begins a batch when a worker joins or leaves.
        commit_s: how often commits come; the daemon's default.
        every_s: the first lane opens by the clock so often, in 0: it is always open.
        ready_every_s: it is to be ready by a time so often, and opens as late as it can; 0: at no time.
        margin_s: it opens so long before that at the latest.
        urgent: of the partitions so many, the last ones, are of another lane, whose batches run as soon
            as a worker is free.
    """

    partitions: int = 24
    most: int = 24
    max_rows: int = 64
    linger_s: float = 2.0
    run_s: float = 0.32
    row_s: float = 0.005
    start_s: float = 15.0
    stall_s: float = 4.0
    commit_s: float = 0.5
    every_s: int = 0
    ready_every_s: int = 0
    margin_s: float = 60.0
    urgent: int = 0

    @property
    def lanes(self) -> Sequence[slice]:
        """The partitions of each lane; the urgent one comes last, where there is one."""
        patient = self.partitions - self.urgent
        return [slice(0, patient), slice(patient, self.partitions)][: 2 if self.urgent else 1]

    @property
    def promise_s(self) -> int:
        """How often what came by then is to be answered, in the first lane; 0: at no moment."""
        return self.every_s or self.ready_every_s

    @property
    def service_rate(self) -> float:
        """Records/s that a worker serves in full batches."""
        return self.max_rows / self.full_run_s

    @property
    def full_run_s(self) -> float:
        """What the run of a full batch takes."""
        return self.run_s + self.row_s * self.max_rows

    @property
    def batching_s(self) -> float:
        """How long a record is in flight by design."""
        return self.linger_s + self.full_run_s + self.commit_s
