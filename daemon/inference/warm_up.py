"""Runs a model in each size that its batches may have, before anybody needs it."""

from collections.abc import Sequence
from time import monotonic, thread_time

from config.settings import Settings
from daemon.batching.ladder import batch_rows, ladder_of
from daemon.batching.run_times import TimedRun
from runtime import Model


def warm_up(
    name: str, model: Model, settings: Settings, *, measure_s: float = 0.0
) -> Sequence[TimedRun]:
    """Run each size of a batch that matters to `name` twice; return what the second runs took.

    The smallest first, so that a model which keeps plans for its last run has those for a full batch.
    For `measure_s` each is run again, and the shortest counts: a run beside something else on the
    machine is late and never early. Raises ModelRefused.
    """
    limit_s = settings.models[name].run_limit
    runs = []
    for rows in sorted(_run_rows(name, model, settings)):
        model.session.warm_up([rows], limit_s=limit_s)  # the first may allocate
        shortest = _timed_run(model, rows, limit_s)
        spent_s = shortest.seconds
        while spent_s < measure_s:
            run = _timed_run(model, rows, limit_s)
            shortest, spent_s = min(shortest, run), spent_s + run.seconds
        runs.append(shortest)
    return runs


def _timed_run(model: Model, rows: int, limit_s: float) -> TimedRun:
    began_s, began_cpu_s = monotonic(), thread_time()
    model.session.warm_up([rows], limit_s=limit_s)
    took_s, cpu_s = monotonic() - began_s, thread_time() - began_cpu_s
    return TimedRun(rows, took_s, cpu_s if model.session.on_cpu else None)


def _run_rows(name: str, model: Model, settings: Settings) -> set[int]:
    """Return the rungs of its ladder; without one 1, each lane's fullest batch, the powers of 2 between."""
    rungs = ladder_of(name, model.session, settings).rungs
    if rungs:
        return set(rungs)
    lanes = [lane for lane in settings.lanes.values() if name in lane.models]
    sizes = {batch_rows(lane, model.session.signature) for lane in lanes}
    return sizes | {2**power for power in range(max(sizes).bit_length())}
