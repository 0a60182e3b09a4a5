"""Relay: next to no model, so that the way there and back is what is measured; raw, and as JSON."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from loadtest.bench.backlog import Backlog, BacklogRun, answer, fill
from loadtest.bench.contestants import Contestant, loop, one_lane, profiled
from loadtest.bench.dresses import TYPICAL, Dress, bare, full
from loadtest.bench.figures import Section, at_least, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.work import decode_json, encode_json, encode_raw, work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.wire import CONTENT_TYPE

_COUNT = 2_000_000
_TYPICAL_COUNT = 1_000_000
# Published anew for each run, since its requests name topics of replies.
_FULL_COUNT = 400_000
_QUICK_COUNT = 200_000
_ROWS = 256
_LINGER = "20ms"
_LEAST_PACE = 1.0
_MOST_CPU = 0.6
# The loop beside it looks at no trace, and makes no child of one.
_LEAST_FULL_PACE = 0.7
_REPLY_TOPICS = 2
_JSON_COUNT = 300_000
_JSON_QUICK_COUNT = 50_000
# Written as text once; so many that a reply to another request shows.
_JSON_DIFFERENT_ROWS = 20_000
_BARE = bare()
_JSON = bare((CONTENT_TYPE, b"application/json"))

Relayed = Callable[[Contestant, str], Awaitable[BacklogRun]]
"""Lets a contestant answer a backlog, and is told what to call that."""


async def relay(ground: Ground, scale: Scale) -> Section:
    """Compare the daemon with the plain loop on one backlog, pair by pair; raises WorkerFailed."""
    count = scale.pick(_COUNT, _QUICK_COUNT)
    return await _on_one_backlog(ground, scale, "", count, _BARE)


async def typical(ground: Ground, scale: Scale) -> Section:
    """Compare them on requests of the typical dress; raises WorkerFailed."""
    count = scale.pick(_TYPICAL_COUNT, _QUICK_COUNT)
    return await _on_one_backlog(ground, scale, ", typical", count, TYPICAL)


async def full_dress(ground: Ground, scale: Scale) -> Section:
    """Compare them on requests of the full dress, each run on its own; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    count = scale.pick(_FULL_COUNT, _QUICK_COUNT)

    async def relayed(contestant: Contestant, what: str) -> BacklogRun:
        topics = [await ground.topic("replies") for _ in range(_REPLY_TOPICS)]
        backlog = await relay_backlog(ground, model, count, full(topics))
        run = await answer(ground, what, backlog._replace(replies=topics), contestant)
        await ground.remove(backlog.topic)
        return run

    return await _compared(ground, scale, f"Relay, full: {count:,}", model, relayed, routed=True)


async def _on_one_backlog(
    ground: Ground, scale: Scale, name: str, count: int, dress: Dress
) -> Section:
    model = write(RELAY, ground.folder)
    backlog = await relay_backlog(ground, model, count, dress)

    async def relayed(contestant: Contestant, what: str) -> BacklogRun:
        return await answer(ground, what, backlog, contestant)

    section = await _compared(ground, scale, f"Relay{name}: {count:,}", model, relayed)
    await ground.remove(backlog.topic)
    return section


async def relay_backlog(ground: Ground, model: Path, count: int, dress: Dress = _BARE) -> Backlog:
    """Return a backlog of `count` rows, no two of them equal."""
    asked = work(RELAY, model, count)
    topic = await fill(ground, "relay", encode_raw(asked.rows), count, dress)
    return Backlog(topic, count, asked.results, dress=dress)


async def _compared(
    ground: Ground,
    scale: Scale,
    title: str,
    model: Path,
    relayed: Relayed,
    *,
    routed: bool = False,
) -> Section:
    """Let both answer what `relayed` gives them; `routed`: its requests name topics of replies."""
    daemon = one_lane(
        ground, model, max_rows=_ROWS, linger=_LINGER, allow=["replies-*"] if routed else []
    )
    contestants = {"loop": loop(ground, model, routed=routed), "daemon": daemon}

    def answered_by(contestant: Contestant) -> Callable[[str], Awaitable[BacklogRun]]:
        return lambda what: relayed(contestant, f"relay: {what}")

    runs = await by_turns(
        scale.repeat, {name: answered_by(each) for name, each in contestants.items()}
    )
    if scale.profile is not None:
        await relayed(profiled(daemon, scale.profile), "relay: daemon, profiled")
    pace = at_least(_LEAST_FULL_PACE if routed else _LEAST_PACE)
    loops, daemons = runs["loop"], runs["daemon"]
    rates = [run.per_s for run in daemons], [run.per_s for run in loops]
    costs = [run.cpu_us for run in daemons], [run.cpu_us for run in loops]
    return Section(
        f"{title} rows of {RELAY.row_bytes} bytes, N = {_ROWS}",
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
    asked = work(RELAY, model, _JSON_DIFFERENT_ROWS)
    bodies = encode_json(asked.rows)
    count = scale.pick(_JSON_COUNT, _JSON_QUICK_COUNT)
    topic = await fill(ground, "json", bodies, count, _JSON)
    backlog = Backlog(topic, count, asked.results, decode_json, _JSON)
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=_LINGER)
    runs = [
        await answer(ground, f"json: daemon {number} of {scale.repeat}", backlog, daemon)
        for number in range(1, scale.repeat + 1)
    ]
    await ground.remove(topic)
    size = sum(map(len, bodies)) / len(bodies)
    return Section(
        f"JSON: {count:,} requests of the Open Inference Protocol, {size:.0f} bytes on average",
        [
            figure("replies, daemon", "1/s", [run.per_s for run in runs]),
            figure("CPU a request, daemon", "us", [run.cpu_us for run in runs]),
        ],
        [run.account for run in runs],
    )
