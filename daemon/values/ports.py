"""What the line asks of the world at its two ends, so that each end can be real or a fake."""

import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from daemon.values.ledger import Ledger
from daemon.values.messages import Chunk
from daemon.values.outgoing import Outgoing
from daemon.windows.ready_by import Opening


class Probe(NamedTuple):
    """Offsets of one partition that are to run alone, since one of them may kill the worker.

    From `first` up to `end`. `is_blamed`: its only offset did, whenever it ran alone; it must not
    run any more, and is answered with an error. `deaths` of workers are counted so far. `in_a_row`: how
    many were blamed before it, while no request of its lane got a result.
    """

    partition: tuple[str, int]
    first: int
    end: int
    is_blamed: bool
    deaths: int
    in_a_row: int


class Suspected(NamedTuple):
    """What of a partition may have killed a worker: so many `offsets`; `deaths` are counted so far."""

    offsets: int
    deaths: int


class Source(Protocol):
    """Requests from Kafka, and what is known of the group that shares them."""

    @property
    def ledgers(self) -> Mapping[tuple[str, int], Ledger]:
        """The ledgers of the present assignment, by (topic, partition number)."""

    @property
    def joined(self) -> bool:
        """Whether this worker is a member of the group, with or without partitions."""

    @property
    def reachable(self) -> bool:
        """Whether a broker answered within the session timeout."""

    @property
    def partitions(self) -> int:
        """How many partitions the topics have, whoever reads them; known once started."""

    def lag_records(self) -> Mapping[str, int]:
        """Return the records not yet answered, by topic."""

    def lag_seconds(self) -> Mapping[str, float]:
        """Return the age of the oldest record not yet answered, by topic."""

    @property
    def trouble(self) -> str:
        """Why no requests can be read at the moment; empty when all is well."""

    def lease_valid(self) -> bool:
        """Whether the broker surely still holds this worker for a member; to ask before each send.

        When not, the present ledgers are lost from this call on.
        """

    async def start(self, drain: "Drain") -> None:
        """Join the group, calling `drain` when it takes partitions away; raises Fatal."""

    async def fetch(
        self,
        topics: Collection[str],
        *,
        beside: Collection[str] = (),
        max_records: int,
        max_bytes: float = math.inf,
        timeout_s: float,
    ) -> Sequence[Chunk]:
        """Return what is there from `topics`, waiting at most `timeout_s` when nothing is.

        Topics `beside` are read as well, and it is not their turn: what is there of them stays there.
        The last record alone may pass `max_bytes`, which are those of keys and values.
        Without topics it only keeps this worker's membership alive. Every record returned is
        started in its chunk's ledger. May be cancelled. Raises Fatal.
        """

    def wake(self) -> None:
        """End the present wait of `fetch`, which may be asked for more topics by now."""

    async def log_ends(
        self, partitions: Collection[tuple[str, int]], *, as_of_s: float | None = None
    ) -> Mapping[tuple[str, int], int]:
        """Return where the logs of `partitions` end, or ended at `as_of_s` in wall seconds.

        That is before the first record with that timestamp or a later one. Bounded in time; those
        are missing of which nothing is known.
        """

    @property
    def remembered(self) -> Collection[str]:
        """What commits say of what workers served before; daemon/scaling/remembered.py reads it."""

    @property
    def openings(self) -> Mapping[tuple[str, int], Opening]:
        """The last openings that were brought forward, by (topic, partition number), as commits tell."""

    def note_opening(self, partitions: Collection[tuple[str, int]], opening: Opening) -> None:
        """Let commits of `partitions` tell from the next one on that their lane opened."""

    def suspected(self) -> Mapping[tuple[str, int], Suspected]:
        """Return what is fetched by probes only, by (topic, partition number)."""

    def next_probe(self, topics: Collection[str]) -> Probe | None:
        """Return what of `topics` is to run alone next; None: nothing is suspect of having killed a
        worker, or what ran last of each partition is still to be answered.

        What is suspect is not fetched but by probes.
        """

    async def begin_probe(self, probe: Probe) -> bool:
        """Note where no crash can lose it that `probe` runs; to be called when nothing is held.

        From then on only its records are fetched. False: it could not be noted, and must not run.
        """

    async def end_probe(self, probe: Probe, reached: int) -> bool:
        """Note that `probe` runs no more, and killed nobody with what lies below `reached`.

        From then on all else may be fetched; of its own partition nothing before that is answered.
        False: it could not be noted yet, and nothing else may run.
        """

    def release(self) -> None:
        """Let commits say from now on that nothing in flight is to blame for what comes."""

    async def leave(self) -> None:
        """Leave the group at once and close; what is settled was committed before."""


class SourceMetrics(Protocol):
    """Counts what happens to partitions; daemon.telemetry.metrics.Metrics is one."""

    def rebalance(self) -> None:
        """The group gave this worker an assignment."""

    def replayed(self, count: int) -> None:
        """`count` records were fetched again."""

    def lost(self, count: int) -> None:
        """`count` offsets were deleted before they were read."""

    def crashed(self, count: int) -> None:
        """`count` workers were found to have died with partitions that are this one's now."""


class Delivery(Protocol):
    """Answers to Kafka, and the commits that say that their requests are done.

    Both are one port since they make one promise: at least once where every commit follows the
    acknowledgements of what it stands for; exactly once where both become valid together.
    """

    @property
    def trouble(self) -> str:
        """Why nothing can be published at the moment, and what to do; empty when all is well."""

    @property
    def outage(self) -> str:
        """`trouble` that only somebody outside can mend, such as a missing right; else empty.

        It ends the process by itself after limits.unavailable, so it is not taken for a stall.
        """

    async def partition_count(self, topic: str) -> int | None:
        """Return how many partitions `topic` has, None when the broker says there is none.

        Raises SendFailed when the broker does not answer, SendDenied when this client may not know.
        """

    async def deliver(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        """Publish `records`, those of runs among them, and return when the broker has them all.

        Their requests have to be settled before anything else is awaited, so that no commit comes
        between; only those that are still owed may be given.

        Raises: one of the SendErrors, which says what the broker has nevertheless.
        """

    async def commit(self) -> None:
        """Commit what is settled in the source's ledgers and not yet committed.

        Bounded in time; raises Fatal.
        """


Drain = Callable[[Collection[Ledger]], Awaitable[None]]
"""Called when partitions are taken away: finish what runs for them, within the revoke budget."""


class SendError(Exception):
    """Not all records of a send are at the broker.

    `unsent` are the indexes, among all records sent, of those that it may not have; it has all
    others. None: it may have none of them.
    """

    def __init__(self, reason: str, *, unsent: Collection[int] | None = None) -> None:
        super().__init__(reason)
        self.unsent = None if unsent is None else frozenset(unsent)


class RecordsRefused(SendError):
    """No repetition gets some of the records through; `refused` are their indexes."""

    def __init__(
        self, reason: str, *, refused: Collection[int], unsent: Collection[int] | None = None
    ) -> None:
        super().__init__(reason, unsent=refused if unsent is None else unsent)
        self.refused = frozenset(refused)


class RecordTooLarge(RecordsRefused):
    """Some records are larger than the topic allows."""


class RecordInvalid(RecordsRefused):
    """The topic takes no such records as some of these are, say without a key; the reason says why."""


class SendDenied(SendError):
    """This client may not write to the topic, or nobody may."""


class SendBlocked(SendError):
    """The broker refuses all records until somebody changes a clock or a setting: see the reason."""


class SendFailed(SendError):
    """Nobody knows whether the unsent records were written; send them again."""
