"""Latency of an urgent lane beside a full standard lane: it waits for one running batch at most."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from aiokafka import ConsumerRecord

from loadtest.bench.backlog import publish
from loadtest.bench.contestants import LaneSetup, Topics, daemon
from loadtest.bench.dresses import bare
from loadtest.bench.figures import Section, at_most, figure
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.open_loop import Timed, timed
from loadtest.bench.raw_model import measure
from loadtest.bench.replies import read_back
from loadtest.bench.watch import Watch
from loadtest.bench.work import Work, encode_raw, work
from loadtest.deployment.perceptrons import COMPUTE, write
from loadtest.processes.worker import WorkerFailed
from loadtest.scenario.arrivals import poisson
from loadtest.traffic.records import Account, nearest_rank
from loadtest.wire import REPLY_TO, STAGES

_RATE_PER_S = 100.0
_COUNT = 1_000
_QUICK_COUNT = 300
_DIFFERENT_ROWS = 4096
_STANDARD_ROWS = 64
_URGENT_ROWS = 8
_URGENT_LINGER = "20ms"
_URGENT_WEIGHT = 8
_RAW_S = 1.0
# The standard lane must stay full as long as urgent requests are timed, their warm-up included.
_WARM_UP_S = 3.0
_SPARE = 1.5


class _Seen(NamedTuple):
    """Urgent traffic without and with a full standard lane, and the latter's runs."""

    alone: Timed
    beside: Timed
    run_ms: float
    standard: Account

    @property
    def rise_ms(self) -> float:
        return self.beside.reply_ms(99) - self.alone.reply_ms(99)


async def urgent(ground: Ground, scale: Scale) -> Section:
    """Time urgent requests with and without other work; raises WorkerFailed."""
    model = write(COMPUTE, ground.folder)
    asked = work(COMPUTE, model, _DIFFERENT_ROWS)
    count = scale.pick(_COUNT, _QUICK_COUNT)
    busy_s = _SPARE * (count / _RATE_PER_S + _WARM_UP_S)
    backlog = int(measure(model, _STANDARD_ROWS, _RAW_S).per_s * busy_s)
    seen = [
        await _look(ground, f"urgent {number} of {scale.repeat}", model, asked, count, backlog)
        for number in range(1, scale.repeat + 1)
    ]
    return Section(
        f"Latency: urgent lane (N = {_URGENT_ROWS}, T = {_URGENT_LINGER}), {_RATE_PER_S:.0f}/s,"
        f" beside a full standard lane (N = {_STANDARD_ROWS}), compute model",
        [
            figure("p99, urgent alone", "ms", [each.alone.reply_ms(99) for each in seen]),
            figure("p99, beside the full lane", "ms", [each.beside.reply_ms(99) for each in seen]),
            figure("run of a standard batch, p99", "ms", [each.run_ms for each in seen]),
            figure(
                "rise of p99 / run of a standard batch",
                "",
                [each.rise_ms / each.run_ms for each in seen],
                at_most(1.0),
            ),
        ],
        [account for each in seen for account in _accounts(each)],
    )


async def _look(
    ground: Ground, what: str, model: Path, asked: Work, count: int, backlog: int
) -> _Seen:
    topics = Topics(await ground.topic("urgent"), await ground.topic("urgent-replies"))
    standard = Topics(await ground.topic("standard"), await ground.topic("standard-replies"))
    lanes = {
        "standard": LaneSetup(standard.requests, model, _STANDARD_ROWS, "1s"),
        "urgent": LaneSetup(
            topics.requests, model, _URGENT_ROWS, _URGENT_LINGER, weight=_URGENT_WEIGHT
        ),
    }
    alone_s, beside_s = (poisson(_RATE_PER_S, count, seed) for seed in (1, 2))
    with daemon(ground, lanes, topics.replies, allow=[standard.replies]) as worker:
        with ground.bar(f"latency: {what}, alone", count) as told:
            alone = await timed(ground, topics, asked, alone_s, told=told)
        async with Watch(ground.bootstrap, standard.replies) as watch:
            await _fill(ground, standard, asked, backlog)
            with ground.bar(f"latency: {what}, beside a full lane", count) as told:
                beside = await timed(ground, topics, asked, beside_s, told=told)
            if await watch.count() == backlog:
                raise WorkerFailed(
                    "the standard lane ran dry before the urgent requests were timed"
                )
            with ground.bar(f"latency: {what}, the rest", backlog) as told:
                await watch.until(backlog, worker.pid, told)
    run_ms, account = await _standard_replies(ground, standard, asked, backlog)
    await ground.remove(*topics, *standard)
    return _Seen(alone, beside, run_ms, account)


async def _fill(ground: Ground, standard: Topics, asked: Work, backlog: int) -> None:
    dress = bare((REPLY_TO, standard.replies.encode()))
    bodies = encode_raw(asked.rows)
    await publish(ground.bootstrap, standard.requests, bodies, backlog, dress=dress)


async def _standard_replies(
    ground: Ground, standard: Topics, asked: Work, backlog: int
) -> tuple[float, Account]:
    """Return the 99th percentile of a standard batch's run, by its replies, and their account."""
    run_ms: list[float] = []

    def see(records: Sequence[ConsumerRecord]) -> None:
        run_ms.extend(_run_ms(record) for record in records)

    back = await read_back(
        ground.bootstrap, standard.replies, sent=backlog, results=asked.results, see=see
    )
    return nearest_rank(np.array(run_ms), 99), back.account


def _run_ms(record: ConsumerRecord) -> float:
    """Return how long the batch of a reply ran, from its header `stages` ("wait=12;run=34")."""
    stages = dict(record.headers)[STAGES].decode()
    return float(dict(stage.split("=") for stage in stages.split(";"))["run"]) / 1000


def _accounts(seen: _Seen) -> list[Account]:
    return [seen.alone.account, seen.beside.account, seen.standard]
