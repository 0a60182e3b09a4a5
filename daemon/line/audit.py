"""In service: one batch in so many has one of its requests run again alone, and the answers compared.

Rule 1. A batch counts when several requests shared it, by a model that is not known to let rows change
  each other's answers.
Rule 2. What is chosen waits until the executor has nothing to do: nobody's answer is late for it. One
  waits at a time, the newest.
Rule 3. Where rows are padded it runs without: what padding changes is found too.
Rule 4. Its answer left long ago. What is found is told, and changes nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from daemon.inference.batches import Served
from daemon.inference.runner import Runner
from daemon.inference.runs import Part, RunLimits
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.telemetry.metrics import Metrics
from daemon.values.messages import Arrays, Batch
from daemon.wire.assemble import as_it_came, inputs_of
from runtime import Model
from runtime.agreement import apart


class Chosen(NamedTuple):
    """A batch of one request that ran beside others, `rows` in all, and what it got there."""

    batch: Batch
    model: Model
    rows: int
    beside: Arrays


class Audit:
    """Chooses, runs and compares. `every`: one batch in so many; 0: none."""

    def __init__(
        self, runner: Runner, metrics: Metrics, *, every: int, ended: Callable[[], None]
    ) -> None:
        """`ended` is called when the executor is free again."""
        self._runner = runner
        self._metrics = metrics
        self._every = every
        self._ended = ended
        self._batches = 0
        self._chosen: Chosen | None = None

    def note(self, served: Served) -> None:
        """Count a batch that has run, and choose a request of it if it is its turn."""
        if (
            len(served.batch.requests) == 1
            or not self._every
            or not isinstance(served.outcome, Part)
        ):
            return
        self._batches += 1
        if self._batches % self._every == 0 and served.model.session.neighbours.reason is None:
            self._chosen = choose(served, served.outcome, self._batches // self._every)

    def run_next(self, limits_of: Callable[[Batch], RunLimits]) -> None:
        """Run alone what was chosen; to be called when the executor has nothing to do."""
        if self._chosen is not None:
            chosen, self._chosen = self._chosen, None
            limits = limits_of(chosen.batch)
            self._runner.submit(
                chosen.batch, limits, done=partial(self._compare, chosen), in_thread=True
            )

    def _compare(self, chosen: Chosen, served: Served) -> None:
        self._ended()
        model = chosen.batch.bucket.model
        self._metrics.executor_busy(model, served.run_s / self._runner.executors)
        differences = differences_of(chosen, served)
        if differences:
            output = max(differences, key=lambda name: differences[name])
            self._metrics.batch_difference(model)
            log(
                Event.BATCH_DIFFERED,
                model=model,
                lane=chosen.batch.bucket.lane,
                rows=chosen.rows,
                output=output,
                share=float(f"{differences[output]:.2g}"),
            )


def choose(served: Served, part: Part, turn: int) -> Chosen:
    """Return one request of a batch, another one at each `turn`."""
    batch = served.batch
    place = turn % len(batch.requests)
    request = batch.requests[place]
    first_row = sum([each.rows for each in batch.requests[:place]])
    rows = slice(first_row, first_row + request.rows)
    beside = {name: array[rows].copy() for name, array in part.outputs.items()}
    padding = served.model.session.signature.padding
    if padding is not None:
        beside = dict(padding.cut_back(beside, inputs_of(request)))
        request = as_it_came(request, padding)
    alone = Batch(request.bucket, (request,), request.rows, batch.cause)
    return Chosen(alone, served.model, batch.rows, beside)


def differences_of(chosen: Chosen, served: Served) -> dict[str, float]:
    """Return by output what is further apart than it may be; nothing where another model ran, or none."""
    if served.model is not chosen.model or not isinstance(served.outcome, Part):
        return {}
    session, alone = chosen.model.session, served.outcome.outputs
    tolerances = session.neighbours.tolerances
    shares = {
        spec.name: apart(spec, alone[spec.name], chosen.beside[spec.name]).relative
        for spec in session.signature.outputs
    }
    return {name: share for name, share in shares.items() if share > tolerances[name]}
