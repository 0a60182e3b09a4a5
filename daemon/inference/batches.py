"""What goes to a model and what comes back, batch by batch."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from daemon.inference.runs import Part, RunLimits
from daemon.values.messages import Arrays, Batch
from runtime import Model
from runtime.errors import RunError


class Assembled(NamedTuple):
    """A batch, assembled for the model that will run it.

    `shares`: others may run between its slices, if it is one request that runs in slices.
    """

    batch: Batch
    model: Model
    inputs: Arrays
    assemble_s: float
    limits: RunLimits
    done: "Done"
    shares: bool = True

    @property
    def lets_others_run(self) -> bool:
        """Whether there is a time at which they may."""
        return self.shares and self.limits.cut(self.batch.requests)


class Served(NamedTuple):
    """A batch that has run, and its rows or why there are none. Times are monotonic seconds.

    `work_s`: how much of its run was work of the processor, which other work on the machine does not
    make longer; None on a GPU, which the thread only waits for.
    """

    batch: Batch
    model: Model
    outcome: Part | RunError
    assemble_s: float
    started_s: float
    run_s: float
    limits: RunLimits
    work_s: float | None = None


Done: TypeAlias = Callable[[Served], None]
"""Called on the loop with what has run."""

Rebuild: TypeAlias = Callable[[str, Model, str], Model]
"""Returns what serves instead of a sick model; see daemon.inference.models.Models.rebuild."""
