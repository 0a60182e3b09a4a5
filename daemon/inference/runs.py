"""One run of a batch: requests in, their rows of the outputs or an error out."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from daemon.batching.ladder import EXACT, Ladder
from daemon.values.messages import Arrays, Request
from daemon.wire.assemble import assemble
from runtime.errors import RunError
from runtime.filling import cut_back, fill_up
from runtime.signature import Signature


class Engine(Protocol):
    """A model as the runner needs it; see runtime.session.Session."""

    @property
    def signature(self) -> Signature:
        """What goes in and comes out."""

    def run(self, inputs: Arrays, *, limit_s: float) -> Arrays:
        """Return the outputs; raises RunError."""

    def probe(self, *, limit_s: float) -> None:
        """Run the warm-up sample; raises RunError."""


Unsound = Callable[[Arrays], npt.NDArray[np.bool_] | None]
"""Tells which rows hold NaN or infinity; None: not one does."""


class RunLimits(NamedTuple):
    """When a run is told to end, and the rows of one: a lone request of more runs in slices.

    `full_s` is what the settings allow a run; `run_s` is shorter where no request is judged by it.
    A run is filled up to the next rung of `ladder`.
    """

    run_s: float
    full_s: float
    max_rows: int
    ladder: Ladder = EXACT

    @property
    def are_full(self) -> bool:
        """Whether a run that takes longer may be held against its request."""
        return self.run_s >= self.full_s

    def cut(self, requests: Sequence[Request]) -> bool:
        """Whether `requests` are one that runs in slices."""
        return len(requests) == 1 and requests[0].rows > self.max_rows


class Part(NamedTuple):
    """Requests that ran together, and the rows they got back, in the same order.

    `unsound`: which of the rows (bool, (rows,)) are no result; None: all are.
    """

    requests: Sequence[Request]
    outputs: Arrays
    unsound: npt.NDArray[np.bool_] | None


class SessionSick(Exception):
    """The model fails on its own warm-up sample: the session is broken, not the request."""


def nobody() -> None:
    """Runs in between."""


def run_batch(
    engine: Engine,
    requests: Sequence[Request],
    inputs: Arrays | None,
    *,
    unsound: Unsound,
    limits: RunLimits,
    in_between: Callable[[], None] = nobody,
) -> Part:
    """Run `requests` together; `inputs` None: they are yet to be assembled. Raises RunError.

    `in_between` is called between two slices of a lone request, to let others run.
    """
    if inputs is None:
        inputs = assemble(requests, engine.signature)
    if limits.cut(requests):
        outputs = _run_sliced(engine, inputs, limits, in_between)
    else:
        outputs = _run_filled(engine, inputs, limits)
    return Part(requests, outputs, unsound(outputs))


def require_healthy(engine: Engine, *, limit_s: float) -> None:
    """Run the model's own sample after a run that failed; raises SessionSick when it fails too."""
    try:
        engine.probe(limit_s=limit_s)
    except RunError as error:
        raise SessionSick(str(error)) from error


def slices_of(inputs: Arrays, limits: RunLimits) -> Iterator[Arrays]:
    """Yield `inputs` in slices of so many rows as one run may have."""
    rows = len(next(iter(inputs.values())))
    for first in range(0, rows, limits.max_rows):
        yield {name: array[first : first + limits.max_rows] for name, array in inputs.items()}


def _run_sliced(
    engine: Engine, inputs: Arrays, limits: RunLimits, in_between: Callable[[], None]
) -> Arrays:
    ran: list[Arrays] = []
    for each in slices_of(inputs, limits):
        if ran:
            in_between()
        ran.append(_run_filled(engine, each, limits))
    return {name: np.concatenate([part[name] for part in ran]) for name in ran[0]}


def _run_filled(engine: Engine, inputs: Arrays, limits: RunLimits) -> Arrays:
    """Run `inputs` with the rows that the model runs well, and return the rows that are theirs."""
    rows = len(next(iter(inputs.values())))
    run_rows = limits.ladder.up(rows)
    if run_rows == rows:
        return engine.run(inputs, limit_s=limits.run_s)
    return cut_back(engine.run(fill_up(inputs, run_rows), limit_s=limits.run_s), rows)
