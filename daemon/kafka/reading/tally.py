"""What this room counts."""

from typing import Protocol


class Tally(Protocol):
    """Counts what happens to partitions; daemon.telemetry.metrics.Metrics is one."""

    def rebalance(self) -> None:
        """The group gave this worker an assignment."""

    def replayed(self, count: int) -> None:
        """`count` records were fetched again."""

    def lost(self, count: int) -> None:
        """`count` offsets were deleted before they were read."""
