"""Memory: while replies cannot leave, and over many requests."""

import asyncio
import time
from types import TracebackType
from typing import NamedTuple, Self

import psutil

from loadtest.bench.backlog import BacklogRun, answer, fill
from loadtest.bench.contestants import LaneSetup, configured, one_lane
from loadtest.bench.figures import Section, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.relayed import relay_backlog
from loadtest.bench.replies import read_back
from loadtest.bench.watch import Watch, sample
from loadtest.bench.work import Work, encode_raw, work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.kafka.proxy import PRODUCE, Proxy
from loadtest.processes.metrics import Metrics
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.traffic.records import Account

# 16 KiB a request: 1 GiB is 65,536 of them.
_ROWS_EACH = 256
_COUNT = 65_536
_QUICK_COUNT = 8_192
_DIFFERENT_REQUESTS = 64
_ROWS = 256
_LINGER = "20ms"
_LOOK_S = 0.05
# Nothing more is fetched for so long: intake has stopped. All of it stays below limits.publish,
# since after that the daemon sends again, and a reply may then be there twice.
_STILL_S = 5.0
_FULL_TIMEOUT_S = 15.0
_BUDGET_EVENT = "memory.budgeted"
_GROWTH_COUNT = 2_000_000
_GROWTH_QUICK_COUNT = 400_000
_EARLY_SHARE = 0.1
"""Of the requests: by then a worker holds what it will hold."""
_MOST_GROWTH = 1.05
"""From the first tenth of the requests to the end: a target, chosen; an allocator may still round."""


class _HeldBack(NamedTuple):
    """Bytes: what the daemon budgeted at its start, and the most that it had; requests held."""

    budget_bytes: int
    peak_bytes: int
    held_bytes: int
    held_requests: int
    account: Account


async def held(ground: Ground, scale: Scale) -> Section:
    """Hold Produce, let Fetch flow, watch memory, release; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, _DIFFERENT_REQUESTS, rows_each=_ROWS_EACH)
    count = scale.pick(_COUNT, _QUICK_COUNT)
    requests = await fill(ground, "memory", encode_raw(asked.rows), count)
    lane = LaneSetup(requests, model, _ROWS, _LINGER)
    seen = [
        await _held(ground, f"{number} of {scale.repeat}", lane, asked, count)
        for number in range(1, scale.repeat + 1)
    ]
    await ground.remove(requests)
    shares = [each.peak_bytes / each.budget_bytes for each in seen]
    return Section(
        f"Memory: no reply can leave, backlog of {count * asked.rows[0].nbytes / 2**20:,.0f} MiB",
        [
            figure("requests held when intake stood still", "", [e.held_requests for e in seen]),
            figure("their bytes", "MiB", [each.held_bytes / 2**20 for each in seen]),
            figure("budget logged at start", "MiB", [each.budget_bytes / 2**20 for each in seen]),
            figure("RSS, most", "MiB", [each.peak_bytes / 2**20 for each in seen]),
            figure("RSS, most / budget", "", shares, at_most(1.0)),
        ],
        [each.account for each in seen],
    )


async def _held(ground: Ground, which: str, lane: LaneSetup, asked: Work, count: int) -> _HeldBack:
    replies = await ground.topic("replies")
    async with Proxy(ground.ports) as proxy, Watch(ground.bootstrap, replies) as watch:
        proxy.hold(PRODUCE)
        with configured(ground, {"standard": lane}, replies, bootstrap=proxy.bootstrap) as worker:
            worker.start()
            async with _Peak(worker.pid) as peak:
                await asyncio.to_thread(worker.wait_until_ready)
                full = await _intake_stopped(worker)
                proxy.release()
                with ground.bar(f"memory: released, {which}", count) as told:
                    await watch.until(count, worker.pid, told)
            await _ended(worker)
            budget_bytes = _budget_bytes(worker)
    back = await read_back(ground.bootstrap, replies, sent=count, results=asked.results)
    await ground.remove(replies)
    return _HeldBack(
        budget_bytes,
        peak.bytes,
        int(full.total("inflight_bytes")),
        int(full.total("inflight_requests")),
        back.account,
    )


async def _intake_stopped(worker: Worker) -> Metrics:
    """Return the metrics once nothing was fetched for a while; raises WorkerFailed."""
    began_s = moved_s = time.monotonic()
    fetched = -1.0
    while True:
        # In a thread: the proxy must go on meanwhile.
        metrics = await asyncio.to_thread(worker.metrics)
        now_s = time.monotonic()
        if metrics.total("records_total") != fetched:
            fetched, moved_s = metrics.total("records_total"), now_s
        elif now_s - moved_s > _STILL_S and fetched > 0:
            return metrics
        if now_s - began_s > _FULL_TIMEOUT_S:
            raise WorkerFailed(f"{fetched:,.0f} requests fetched, and intake does not stop")
        await asyncio.sleep(_LOOK_S)


async def _ended(worker: Worker) -> None:
    exit_code = await asyncio.to_thread(worker.terminate)
    if exit_code:
        raise WorkerFailed(f"the daemon ended with {exit_code}:\n{worker.log.read_text()}")


def _budget_bytes(worker: Worker) -> int:
    for event in worker.events():
        if event["event"] == _BUDGET_EVENT:
            return int(event["total_bytes"])
    raise WorkerFailed(f"the daemon logged no {_BUDGET_EVENT}")


class _Peak:
    """The most memory that a process was seen to have; an asynchronous context manager."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._looking: asyncio.Task[None] | None = None
        self.bytes = 0

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while True:
            self.bytes = max(self.bytes, sample(self._process).rss_bytes)
            await asyncio.sleep(_LOOK_S)


async def growth(ground: Ground, scale: Scale) -> Section:
    """Compare the daemon's memory early and late in one backlog; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    backlog = await relay_backlog(ground, model, scale.pick(_GROWTH_COUNT, _GROWTH_QUICK_COUNT))
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=_LINGER)
    runs = [
        await answer(ground, f"memory: daemon {number} of {scale.repeat}", backlog, daemon)
        for number in range(1, scale.repeat + 1)
    ]
    await ground.remove(backlog.topic)
    early = [_early_mib(run) for run in runs]
    late = [run.samples[-1].rss_bytes / 2**20 for run in runs]
    return Section(
        f"Memory: {backlog.size:,} relayed requests",
        [
            figure(f"RSS after {_EARLY_SHARE * backlog.size:,.0f}", "MiB", early),
            figure(f"RSS after {backlog.size:,}", "MiB", late),
            figure("RSS, late / early", "", ratios(late, early), at_most(_MOST_GROWTH)),
        ],
        [run.account for run in runs],
    )


def _early_mib(run: BacklogRun) -> float:
    enough = _EARLY_SHARE * run.samples[-1].replies
    return next(each.rss_bytes for each in run.samples if each.replies >= enough) / 2**20
