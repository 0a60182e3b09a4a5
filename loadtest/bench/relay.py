"""Relay: next to no model, so that the way there and back is what is measured; raw, and as JSON."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from loadtest.bench.backlog import Backlog, BacklogRun, answer
from loadtest.bench.contestants import Contestant, loop
from loadtest.bench.figures import Section, at_least, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.relayed import (
    ROWS,
    bare_backlog,
    full_backlog,
    json_backlog,
    json_work,
    relaying,
    typical_backlog,
)
from loadtest.deployment.perceptrons import RELAY, write

_LEAST_PACE = 1.0
"""Times the loop: nobody is to gain by writing it by hand."""
_MOST_CPU = 0.6
"""Of the loop's, for the same requests: what was wanted when 0.69 was measured."""
# The loop beside it looks at no trace, and makes no child of one.
_LEAST_FULL_PACE = 0.7

Relayed = Callable[[Contestant, str], Awaitable[BacklogRun]]
"""Lets a contestant answer a backlog, and is told what to call that."""


async def relay(ground: Ground, scale: Scale) -> Section:
    """Compare the daemon with the plain loop on one backlog, pair by pair; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    return await _on_one(ground, scale, "", model, await bare_backlog(ground, model, scale))


async def typical(ground: Ground, scale: Scale) -> Section:
    """Compare them on requests of the typical dress; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    backlog = await typical_backlog(ground, model, scale)
    return await _on_one(ground, scale, ", typical", model, backlog)


async def full_dress(ground: Ground, scale: Scale) -> Section:
    """Compare them on requests of the full dress, each run on its own; raises WorkerFailed."""
    model = write(RELAY, ground.folder)

    async def relayed(contestant: Contestant, what: str) -> BacklogRun:
        backlog = await full_backlog(ground, model, scale)
        run = await answer(ground, what, backlog, contestant)
        await ground.remove(backlog.topic)
        return run

    return await _compared(ground, scale, ", full", model, relayed, routed=True)


async def _on_one(
    ground: Ground, scale: Scale, name: str, model: Path, backlog: Backlog
) -> Section:
    async def relayed(contestant: Contestant, what: str) -> BacklogRun:
        return await answer(ground, what, backlog, contestant)

    section = await _compared(ground, scale, name, model, relayed)
    await ground.remove(backlog.topic)
    return section


async def _compared(
    ground: Ground,
    scale: Scale,
    name: str,
    model: Path,
    relayed: Relayed,
    *,
    routed: bool = False,
) -> Section:
    """Let both answer what `relayed` gives them; `routed`: its requests name topics of replies."""
    contestants = {
        "loop": loop(ground, model, routed=routed),
        "daemon": relaying(ground, model, routed=routed),
    }

    def answered_by(contestant: Contestant) -> Callable[[str], Awaitable[BacklogRun]]:
        return lambda what: relayed(contestant, f"relay: {what}")

    runs = await by_turns(
        scale.repeat, {who: answered_by(each) for who, each in contestants.items()}
    )
    pace = at_least(_LEAST_FULL_PACE if routed else _LEAST_PACE)
    loops, daemons = runs["loop"], runs["daemon"]
    rates = [run.per_s for run in daemons], [run.per_s for run in loops]
    costs = [run.cpu_us for run in daemons], [run.cpu_us for run in loops]
    return Section(
        f"Relay{name}: {loops[0].account.sent:,} rows of {RELAY.row_bytes} bytes, N = {ROWS}",
        [
            figure("replies, plain loop", "1/s", rates[1]),
            figure("replies, daemon", "1/s", rates[0]),
            figure("replies, daemon / loop", "", ratios(*rates), pace),
            figure("CPU a request, plain loop", "us", costs[1]),
            figure("CPU a request, daemon", "us", costs[0]),
            figure(
                "CPU a request, daemon / loop",
                "",
                ratios(*costs),
                None if routed else at_most(_MOST_CPU),
            ),
        ],
        [run.account for run in loops + daemons],
    )


async def open_inference(ground: Ground, scale: Scale) -> Section:
    """Measure the daemon on requests in JSON; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    backlog = await json_backlog(ground, model, scale)
    daemon = relaying(ground, model)
    runs = [
        await answer(ground, f"json: daemon {number} of {scale.repeat}", backlog, daemon)
        for number in range(1, scale.repeat + 1)
    ]
    await ground.remove(backlog.topic)
    _, bodies = json_work(model)
    size = sum(map(len, bodies)) / len(bodies)
    return Section(
        f"JSON: {backlog.size:,} requests of the Open Inference Protocol,"
        f" {size:.0f} bytes on average",
        [
            figure("replies, daemon", "1/s", [run.per_s for run in runs]),
            figure("CPU a request, daemon", "us", [run.cpu_us for run in runs]),
        ],
        [run.account for run in runs],
    )
