"""The accounting of runs: what each that is over teaches of the next ones, costs its lane, and adds to the metrics."""

import numpy as np

from daemon.batching.batcher import Batcher
from daemon.batching.fitting_rows import FittingRows
from daemon.inference.batches import Served
from daemon.inference.runs import Part
from daemon.inference.searches import Search, Searches, Verdict
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.telemetry.metrics import Metrics
from daemon.values.request_run import in_runs
from daemon.wire.assemble import padded_elements
from runtime import ModelOutOfMemory


class RunAccounting:
    """Told of each run that is over, before the executor is fed (`judge`), and after (`count`)."""

    def __init__(
        self,
        batcher: Batcher,
        fitting_rows: FittingRows,
        searches: Searches,
        metrics: Metrics,
        *,
        executors: int,
    ) -> None:
        """`executors`: how many share the seconds that are there."""
        self._batcher = batcher
        self._fitting_rows = fitting_rows
        self._searches = searches
        self._metrics = metrics
        self._executors = executors

    def judge(self, served: Served, now_s: float, *, again: bool) -> Verdict:
        """Tell what decides over further runs of this one, and return what a search found by it.

        `again`: it was a search's.
        """
        batch, run_s = served.batch, served.run_s
        failed = not isinstance(served.outcome, Part)
        self._batcher.observe_run(
            batch.bucket, batch.rows, run_s, work_s=served.work_s, failed=failed, again=again
        )
        if isinstance(served.outcome, Part):
            self._fitting_rows.succeeded(batch.bucket, _rows_at_once(served), now_s)
            return self._searches.succeeded(batch, run_s, now_s)
        if isinstance(served.outcome, ModelOutOfMemory):
            self._lower_rows(served, now_s)
        return self._searches.failed(batch, served.outcome, served.limits, run_s, now_s)

    def count(self, served: Served, *, again: bool) -> None:
        """Add the run to the metrics; `again`: its requests had one before."""
        lane, model, _ = served.batch.bucket
        self._metrics.stage(lane, "run", served.run_s)
        busy_s = served.run_s / self._executors
        self._metrics.executor_busy(model, busy_s)
        if again:
            self._metrics.search_run(model, busy_s)
            return
        waited = in_runs(served.batch.requests)
        arrived_s = np.repeat([each.arrived_s for each in waited], [each.count for each in waited])
        self._metrics.stage(lane, "wait", served.started_s - arrived_s)
        self._metrics.stage(lane, "assemble", served.assemble_s)
        most_rows = waited[0].ledger.lane.policy.max_rows
        fill_ratio = served.batch.rows / most_rows
        self._metrics.batch(model, lane, served.batch.rows, fill_ratio, served.batch.cause)
        padding = served.model.session.signature.padding
        if padding is not None:
            self._metrics.padded(model, *padded_elements(served.batch.requests, padding))

    def _lower_rows(self, served: Served, now_s: float) -> None:
        """Let batches have fewer rows than those for which there was no memory."""
        bucket, rows = served.batch.bucket, _rows_at_once(served)
        self._metrics.out_of_memory(bucket.model)
        if served.model.session.signature.most_rows is None:  # else fewer rows take as much
            self._fitting_rows.failed(bucket, rows, now_s)
        most_rows = min(self._fitting_rows.most(bucket, now_s), rows)
        log(
            Event.MEMORY_EXHAUSTED,
            model=bucket.model,
            lane=bucket.lane,
            rows=rows,
            most_rows=int(most_rows),
        )


def log_search(model: str, search: Search) -> None:
    """Tell of a search for culprits that is over."""
    log(
        Event.BATCH_FAILED,
        model=model,
        requests=search.requests,
        culprits=search.culprits,
        runs=search.runs,
        seconds=round(search.run_s, 3),
    )


def _rows_at_once(served: Served) -> int:
    """Return the rows of the longest run that `served` took: a lone request is cut, others filled up."""
    rows, limits = served.batch.rows, served.limits
    if len(served.batch.requests) == 1:
        rows = min(rows, limits.max_rows)
    return limits.ladder.up(rows)
