"""What was done for a lane, by what was counted of it. Pure."""

from typing import NamedTuple


class LaneWork(NamedTuple):
    """Counts since the start of the process, or between two moments."""

    records: float = 0.0
    """Fetched."""
    results: float = 0.0
    """That the broker has, as it has the errors."""
    errors: float = 0.0
    """Dead letters included."""
    batches: float = 0.0
    """Of one that was cut the last slice alone counts."""
    filled: float = 0.0
    """Rows over N, summed up over these batches."""
    run_s: float = 0.0
    """Seconds for which models ran."""

    def since(self, before: "LaneWork") -> "LaneWork":
        """Return what was done since there was `before`."""
        return LaneWork(*[now - then for now, then in zip(self, before, strict=True)])

    @property
    def fill_ratio(self) -> float | None:
        """How full batches were on average; None without any."""
        return self.filled / self.batches if self.batches else None
