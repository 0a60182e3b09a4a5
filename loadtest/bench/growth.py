"""How cost grows: CPU a request with the partitions and with the backlog."""

from collections.abc import Awaitable, Callable, Sequence

from loadtest.bench.backlog import Backlog, BacklogRun, answer, publish
from loadtest.bench.contestants import Contestant, one_lane
from loadtest.bench.figures import BenchFigure, Section, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.watch import cpu_us_of_all
from loadtest.bench.work import Work, encode_raw, work
from loadtest.deployment.perceptrons import RELAY, write

MOST_GROWTH = 1.15
"""Constant, as far as a machine that is shared can tell."""
_PARTITIONS = (1, 8, 64, 256)
_COUNT = 1_000_000
_QUICK_COUNT = 200_000
_BACKLOGS = (100_000, 1_000_000)
_LONG_BACKLOGS = (*_BACKLOGS, 10_000_000)
_QUICK_BACKLOGS = (50_000, 200_000)
_USUAL_PARTITIONS = 8
# So many that a reply to another request shows; they are asked again and again.
_DIFFERENT_ROWS = 100_000
_ROWS = 256
_LINGER = "20ms"


async def by_partitions(ground: Ground, scale: Scale) -> Section:
    """Answer one backlog out of more and more partitions; raises WorkerFailed."""
    count = scale.pick(_COUNT, _QUICK_COUNT)
    backlogs = {
        f"{partitions} partition{'s'[: partitions > 1]}": (partitions, count)
        for partitions in _PARTITIONS
    }
    return await _section(
        ground, scale, f"Growth: {count:,} relayed requests out of 1 to 256 partitions", backlogs
    )


async def by_backlog(ground: Ground, scale: Scale) -> Section:
    """Answer larger and larger backlogs; raises WorkerFailed."""
    sizes = _LONG_BACKLOGS if scale.long else scale.pick(_BACKLOGS, _QUICK_BACKLOGS)
    backlogs = {f"{size:,} waiting": (_USUAL_PARTITIONS, size) for size in sizes}
    return await _section(
        ground,
        scale,
        f"Growth: backlogs of {sizes[0]:,} to {sizes[-1]:,} relayed requests,"
        f" {_USUAL_PARTITIONS} partitions",
        backlogs,
    )


async def _section(
    ground: Ground, scale: Scale, title: str, wanted: dict[str, tuple[int, int]]
) -> Section:
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, _DIFFERENT_ROWS)
    filled = {
        what: await _filled(ground, what, asked, partitions, count)
        for what, (partitions, count) in wanted.items()
    }
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=_LINGER)
    runs = await by_turns(
        scale.repeat, {what: _answered(ground, each, daemon) for what, each in filled.items()}
    )
    await ground.remove(*[each.topic for each in filled.values()])
    return Section(
        title, list(growth_figures(runs)), [run.account for each in runs.values() for run in each]
    )


async def _filled(ground: Ground, what: str, asked: Work, partitions: int, count: int) -> Backlog:
    topic = await ground.topic("requests", partitions)
    with ground.bar(f"growth: {what}, requests", count) as told:
        await publish(ground.bootstrap, topic, encode_raw(asked.rows), count, told=told)
    return Backlog(topic, count, asked.results)


def _answered(
    ground: Ground, backlog: Backlog, daemon: Contestant
) -> Callable[[str], Awaitable[BacklogRun]]:
    return lambda what: answer(ground, f"growth: {what}", backlog, daemon)


def growth_figures(runs: dict[str, list[BacklogRun]]) -> Sequence[BenchFigure]:
    """Return what a request costs in each, and the last of them against the first."""
    costs = {what: [cpu_us_of_all(run.samples) for run in each] for what, each in runs.items()}
    (least, few), *_, (most, many) = costs.items()
    figures = [figure(f"CPU a request, {what}", "us", each) for what, each in costs.items()]
    growth = figure(f"CPU a request, {most} / {least}", "", ratios(many, few), at_most(MOST_GROWTH))
    return [*figures, growth]
