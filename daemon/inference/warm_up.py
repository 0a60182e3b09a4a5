"""Runs a model in each size that its batches may have, before anybody needs it."""

from collections.abc import Sequence
from math import inf
from time import monotonic

from config.settings import Settings
from daemon.batching.ladder import batch_rows, ladder_of
from runtime import Model


def warm_up(
    name: str, model: Model, settings: Settings, *, measure_s: float = 0.0
) -> Sequence[tuple[int, float]]:
    """Run each size of a batch that matters to `name` twice; return the rows and seconds of second runs.

    The smallest first, so that a model which keeps plans for its last run has those for a full batch.
    For `measure_s` each is run again, and the shortest counts: a run beside something else on the
    machine is late and never early. Raises ModelRefused.
    """
    limit_s = settings.models[name].run_limit
    runs = []
    for rows in sorted(_run_rows(name, model, settings)):
        model.session.warm_up([rows], limit_s=limit_s)  # the first may allocate
        shortest_s, spent_s = inf, 0.0
        while shortest_s == inf or spent_s < measure_s:
            began_s = monotonic()
            model.session.warm_up([rows], limit_s=limit_s)
            took_s = monotonic() - began_s
            shortest_s, spent_s = min(shortest_s, took_s), spent_s + took_s
        runs.append((rows, shortest_s))
    return runs


def _run_rows(name: str, model: Model, settings: Settings) -> set[int]:
    """Return the rungs of its ladder; without one 1, each lane's fullest batch, the powers of 2 between."""
    rungs = ladder_of(name, model.session, settings).rungs
    if rungs:
        return set(rungs)
    lanes = [lane for lane in settings.lanes.values() if name in lane.models]
    sizes = {batch_rows(lane, model.session.signature) for lane in lanes}
    return sizes | {2**power for power in range(max(sizes).bit_length())}
