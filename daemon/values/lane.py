"""A lane as the running line knows it: how it is batched, how much it may hold, who brings it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from config.settings import LEAST_PATIENCE, Scaling
from config.settings import Lane as LaneSettings
from daemon.values.budget import Budget
from daemon.values.sleep import sleeps
from daemon.windows.window import Window

PIECE_S = LEAST_PATIENCE / 10
"""How long one thing keeps the loop, on which all lanes are served: a request comes there some ten times
on its way, and may find a piece of something else under way each time."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """What is known of a lane from the settings. N = `max_rows`, T = `linger_s`.

    `patience_s`: how long what is due may have to wait for a run of another lane, where that can be
    cut (daemon/batching/slices.py). `sleeps`: what gathers in it may go on gathering in Kafka; see sleep.py.
    """

    name: str
    max_rows: int
    linger_s: float
    max_bytes: int
    eager: bool = False
    weight: int = 1
    sleeps: bool = False
    patience_s: float = inf

    @classmethod
    def of(cls, name: str, lane: LaneSettings, scaling: Scaling) -> "LanePolicy":
        """Return the policy that the settings give lane `name`."""
        return cls(
            name=name,
            max_rows=lane.max_rows,
            linger_s=lane.linger,
            max_bytes=lane.max_bytes,
            eager=lane.eager,
            weight=lane.weight,
            sleeps=sleeps(lane, scaling),
            patience_s=max(lane.linger, LEAST_PATIENCE) if lane.patience is None else lane.patience,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A tier of service: its topics, its policy, and what it holds at the moment."""

    policy: LanePolicy
    topics: Sequence[str]
    budget: Budget
    window: Window | None = None
    """Of one that opens by the clock; None: always open."""

    @property
    def name(self) -> str:
        """As the settings have it."""
        return self.policy.name

    @property
    def is_open(self) -> bool:
        """Whether anything may be fetched for it."""
        return self.budget.has_room and (self.window is None or self.window.is_open)


def full_rows(lane: LaneSettings, most_rows: Mapping[str, int | None]) -> int:
    """Return N of a lane, which models lower that take fewer rows at once; `most_rows` by model."""
    most = [most_rows[model] for model in lane.models]
    return min([lane.max_rows, *[rows for rows in most if rows is not None]])


def by_topic(lanes: Iterable[Lane]) -> dict[str, Lane]:
    """Return the lane that each topic brings."""
    return {topic: lane for lane in lanes for topic in lane.topics}
