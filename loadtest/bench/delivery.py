"""Delivery: the same work at least once and exactly once, as a reader of committed records sees it."""

from collections.abc import Awaitable, Callable

from loadtest.bench.backlog import BacklogRun, answer
from loadtest.bench.contestants import AT_LEAST_ONCE, EXACTLY_ONCE, Contestant, one_lane
from loadtest.bench.figures import Section, at_least, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.open_loop import Timed, answered
from loadtest.bench.relayed import relay_backlog
from loadtest.bench.work import work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.scenario.arrival_processes import poisson

# A backlog of some seconds.
_COUNT = 1_000_000
_QUICK_COUNT = 200_000
_ROWS = 256
_LEAST_PACE = 0.7
"""Of at least once: a target, chosen, since answers wait while one of ten transactions a second ends."""
_RATE_PER_S = 500.0
# Ten seconds of them: a p99 has fifty beyond it.
_TIMED = 5_000
_QUICK_TIMED = 1_500
_DIFFERENT_ROWS = 4096
_TIMED_BATCH_ROWS = 32
_LINGER = "20ms"
_SEED = 1
_INTERVAL_MS = 100
"""kafka.transaction_interval, which answers may be seen later by,"""
_END_MS = 20
"""and the end of a transaction, 6 to 9 ms on an idle machine."""


async def delivery(ground: Ground, scale: Scale) -> Section:
    """Compare both deliveries on one backlog and on steady traffic; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    backlog = await relay_backlog(ground, model, scale.pick(_COUNT, _QUICK_COUNT))
    asked = work(RELAY, model, _DIFFERENT_ROWS)
    times_s = poisson(_RATE_PER_S, scale.pick(_TIMED, _QUICK_TIMED), _SEED)

    def worker(kind: str, max_rows: int) -> Contestant:
        return one_lane(ground, model, max_rows=max_rows, linger=_LINGER, delivery=kind)

    def relayed(kind: str) -> Callable[[str], Awaitable[BacklogRun]]:
        return lambda what: answer(
            ground, f"delivery: {what}", backlog, worker(kind, _ROWS), reads=True
        )

    def timed(kind: str) -> Callable[[str], Awaitable[list[Timed]]]:
        return lambda what: answered(
            ground, f"delivery: {what}", worker(kind, _TIMED_BATCH_ROWS), asked, times_s
        )

    kinds = (AT_LEAST_ONCE, EXACTLY_ONCE)
    runs = await by_turns(scale.repeat, {kind: relayed(kind) for kind in kinds})
    seen = await by_turns(scale.repeat, {f"{kind}, timed": timed(kind) for kind in kinds})
    await ground.remove(backlog.topic)
    early, late = ([times for (times,) in seen[f"{kind}, timed"]] for kind in kinds)
    return _section(runs[AT_LEAST_ONCE], runs[EXACTLY_ONCE], early, late)


def _section(
    least: list[BacklogRun], once: list[BacklogRun], early: list[Timed], late: list[Timed]
) -> Section:
    rates = [run.per_s for run in once], [run.per_s for run in least]
    costs = [run.cpu_us for run in once], [run.cpu_us for run in least]
    figures = [
        figure("replies, at least once", "1/s", rates[1]),
        figure("replies, exactly once", "1/s", rates[0]),
        figure("replies, exactly / at least once", "", ratios(*rates), at_least(_LEAST_PACE)),
        figure("CPU a request, at least once", "us", costs[1]),
        figure("CPU a request, exactly once", "us", costs[0]),
    ]
    for percent in (50, 99):
        before = [traffic.reply_ms(percent) for traffic in early]
        after = [traffic.reply_ms(percent) for traffic in late]
        more = [one - other for one, other in zip(after, before, strict=True)]
        figures += [
            figure(f"p{percent} at {_RATE_PER_S:.0f}/s, at least once", "ms", before),
            figure(f"p{percent} at {_RATE_PER_S:.0f}/s, exactly once", "ms", after),
            figure(f"p{percent}, later by", "ms", more, at_most(_INTERVAL_MS + _END_MS)),
        ]
    return Section(
        f"Delivery: rows of {RELAY.row_bytes} bytes, N = {_ROWS}; grouped for {_INTERVAL_MS} ms",
        figures,
        [run.account for run in least + once] + [times.account for times in early + late],
    )
