"""What goes to a model and what comes back, batch by batch."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from daemon.inference.bisection import Outcome
from daemon.values.messages import Arrays, Batch
from runtime import Model


class Job(NamedTuple):
    """A batch, assembled for the model that will run it."""

    batch: Batch
    model: Model
    inputs: Arrays
    assemble_s: float
    done: "Done"


class Served(NamedTuple):
    """A batch that has run. Times are monotonic seconds."""

    batch: Batch
    model: Model
    outcome: Outcome
    assemble_s: float
    started_s: float
    run_s: float


Done: TypeAlias = Callable[[Served], None]
"""Called on the loop with what has run."""

Rebuild: TypeAlias = Callable[[str, Model, str], Model]
"""Returns what serves instead of a sick model; see daemon.inference.models.Models.rebuild."""
