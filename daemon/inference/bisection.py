"""Run a batch; when it fails, find the requests that make it fail and answer the others.

Pure but for the model it is given: `clock` is an argument. Blocking: called in the runner's thread.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from daemon.values.errors import Code
from daemon.values.messages import Arrays, Request
from daemon.wire.assemble import assemble
from runtime.errors import ModelTimeout, OutputInvalid, RunError
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


class Part(NamedTuple):
    """Requests that ran together, and the rows they got back, in the same order.

    `unsound`: which of the rows (bool, (rows,)) are no result; None: all are.
    """

    requests: Sequence[Request]
    outputs: Arrays
    unsound: npt.NDArray[np.bool_] | None


class Failure(NamedTuple):
    """A request that gets no result, and why."""

    request: Request
    code: Code
    detail: str


class Outcome(NamedTuple):
    """How each request of a batch fared."""

    parts: list[Part]
    failures: list[Failure]


class SessionSick(Exception):
    """The model fails on its own warm-up sample: the session is broken, not the request."""


class IsolationLimits(NamedTuple):
    """How long one run, and the whole search for culprits, may take; rows of one run."""

    run_s: float
    search_s: float
    max_rows: int


def run_isolated(
    engine: Engine,
    requests: Sequence[Request],
    inputs: Arrays,
    *,
    unsound: Unsound,
    limits: IsolationLimits,
    clock: Callable[[], float],
) -> Outcome:
    """Run `requests`, whose rows are `inputs`; halve what fails until each culprit stands alone.

    A culprit costs at most 2 log2(n) runs. When the search outlives `limits.search_s`, what is not
    yet cleared fails with it. Raises SessionSick when the model's own sample fails as well.
    """
    outcome = Outcome([], [])
    give_up_s = clock() + limits.search_s
    waiting: list[tuple[Sequence[Request], Arrays | None]] = [(requests, inputs)]
    probed = False
    while waiting:
        group, rows = waiting.pop()
        try:
            part = run_whole(engine, group, rows, unsound=unsound, limits=limits)
        except RunError as failure:
            if not probed:
                _probe(engine, limits.run_s)
                probed = True
            if len(group) == 1 or clock() >= give_up_s:
                outcome.failures.extend(_failures(group, failure))
            else:
                half = len(group) // 2
                waiting += [(group[half:], None), (group[:half], None)]
        else:
            outcome.parts.append(part)
    return outcome


def run_whole(
    engine: Engine,
    requests: Sequence[Request],
    inputs: Arrays | None,
    *,
    unsound: Unsound,
    limits: IsolationLimits,
) -> Part:
    """Run `requests` together, without a search; `inputs` None: they are yet to be assembled.

    Raises RunError.
    """
    outputs = _run(engine, requests, inputs, limits)
    return Part(requests, outputs, unsound(outputs))


def _probe(engine: Engine, limit_s: float) -> None:
    try:
        engine.probe(limit_s=limit_s)
    except RunError as error:
        raise SessionSick(str(error)) from error


def _failures(group: Sequence[Request], failure: RunError) -> list[Failure]:
    code = Code.INFERENCE_FAILED
    if isinstance(failure, ModelTimeout):
        code = Code.MODEL_TIMEOUT
    elif isinstance(failure, OutputInvalid):
        code = Code.INVALID_OUTPUT
    detail = failure.detail
    if len(group) > 1:
        detail = "its batch failed, and the time to find the culprit ran out"
    return [Failure(request, code, detail) for request in group]


def _run(
    engine: Engine, group: Sequence[Request], inputs: Arrays | None, limits: IsolationLimits
) -> Arrays:
    if inputs is None:
        inputs = assemble(group, engine.signature)
    if len(group) == 1 and group[0].rows > limits.max_rows:
        return _run_sliced(engine, group[0].rows, inputs, limits)
    return engine.run(inputs, limit_s=limits.run_s)


def _run_sliced(engine: Engine, rows: int, inputs: Arrays, limits: IsolationLimits) -> Arrays:
    slices = [
        engine.run(
            {name: array[first : first + limits.max_rows] for name, array in inputs.items()},
            limit_s=limits.run_s,
        )
        for first in range(0, rows, limits.max_rows)
    ]
    return {name: np.concatenate([part[name] for part in slices]) for name in slices[0]}
