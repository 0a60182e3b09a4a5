"""What a scaling rule sees in the replay, and what it is asked."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class Sight(NamedTuple):
    """What can be seen from outside at a time of the replay.

    Attributes:
        ends: of the partitions' logs.
        commits: of the partitions; a part of a record is none.
        lag: records without a committed answer, of all partitions.
        workers: running or starting.
        members: running.
    """

    ends: npt.NDArray[np.int64]
    commits: npt.NDArray[np.int64]
    lag: int
    workers: int
    members: int


class Rule(Protocol):
    """Says how many workers there should be."""

    name: str
    linger_s: float | None
    """What the rule's workers gather for; None: as the site has it."""
    opens: bool
    """Whether a lane that is to be ready by a time has a moment now, as of the last look."""

    def workers(self, sight: Sight, now: float) -> int:
        """Return how many; asked once a second of the replay."""
        ...
