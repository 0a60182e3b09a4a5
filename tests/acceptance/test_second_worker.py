"""What a second worker on a host brings, beside a second thread: the figures of decision 12."""

import statistics
from unittest.mock import ANY

import numpy as np
import pytest

from tests import models
from tests.acceptance.jobs import metric, start, terminate

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

_WIDTHS = (256, 4096, 4096, 64)
"""As in the bench's compute: 72 MB of weights, a batch of 64 takes some 14 ms."""
_ROWS = 20_000
_TURNS = 3
_WAYS = {"one worker": (1, 1), "one worker, two threads": (1, 2), "two workers": (2, 1)}
"""Workers, and threads of a run."""


async def _served(job, witness, workers, threads):
    """Rows a second, from the first reply to the last by the broker's clock, and CPU us a row."""
    group = [
        job.worker(**{"kafka.instance_id": f"slot-{number}", "models.m.threads": threads})
        for number in range(workers)
    ]
    for worker in group:
        await start(worker)
    before, cpu_s = len(witness.log), await _cpu_s(group)
    await witness.publish([np.full(_WIDTHS[0], 0.5, np.float32).tobytes()] * _ROWS)
    await witness.until_all_answered()
    cpu_s = await _cpu_s(group) - cpu_s
    for worker in group:
        assert await terminate(worker) == 0
    stamps_ms = [entry.timestamp_ms for entry in witness.log[before:]]
    return _ROWS / (max(stamps_ms) - min(stamps_ms)) * 1000, cpu_s / _ROWS * 1e6


async def _cpu_s(group):
    return sum([await metric(worker, "process_cpu_seconds_total") for worker in group])


async def test_what_a_second_worker_brings(make_job, record_figure):
    settings = {"lanes.l.max_rows": 64, "kafka.session_timeout": "10s"}
    async with make_job(models.mlp(_WIDTHS), answer=lambda _: ANY, **settings) as (job, witness):
        found = {way: [] for way in _WAYS}
        for _ in range(_TURNS):
            for way, (workers, threads) in _WAYS.items():
                found[way].append(await _served(job, witness, workers, threads))

        assert witness.verdict().exactly_once
        for way, runs in found.items():
            rates, cpus = zip(*runs, strict=True)
            record_figure(
                f"{way}: {statistics.median(rates):,.0f} rows/s"
                f" ({min(rates):,.0f} to {max(rates):,.0f}),"
                f" {statistics.median(cpus):.0f} us of CPU a row"
            )
