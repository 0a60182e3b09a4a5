"""Latency: of a lane that lets requests gather, and of one that waits for nobody."""

from collections.abc import Awaitable, Callable

from loadtest.bench.contestants import Contestant, loop, one_lane
from loadtest.bench.figures import BenchFigure, Section, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.open_loop import Timed, answered
from loadtest.bench.raw_model import measure
from loadtest.bench.work import work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.scenario.arrival_processes import constant, poisson

_RATE_PER_S = 500.0
# Ten seconds of them: a p99 has fifty beyond it.
_COUNT = 5_000
_QUICK_COUNT = 1_500
_DIFFERENT_ROWS = 4096
_ROWS = 32
_LINGER_MS = 20
# For the hop of the reply, and for everything between the two hops.
_ALLOWED_MS = 10
_RAW_S = 1.0
_LONE_PER_S = 10.0
_LONE_COUNT = 60
_QUICK_LONE_COUNT = 20
_SEED = 1
_JUDGED_PERCENT = 50
_PERCENTS = (_JUDGED_PERCENT, 99)
_MOST_RATIO = 1.3
"""Times the plain loop: a target, chosen; the loop checks nothing and answers no error."""


async def linger(ground: Ground, scale: Scale) -> Section:
    """Measure a lingering lane under steady traffic; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, _DIFFERENT_ROWS)
    run_ms = _ROWS / measure(model, _ROWS, _RAW_S).per_s * 1000
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=f"{_LINGER_MS}ms")
    seen = []
    for number in range(1, scale.repeat + 1):
        what = f"latency: lingering daemon {number} of {scale.repeat}"
        times_s = poisson(_RATE_PER_S, scale.pick(_COUNT, _QUICK_COUNT), seed=number)
        seen += await answered(ground, what, daemon, asked, times_s)
    beyond = [traffic.reply_ms(99) - traffic.hop_ms(99) for traffic in seen]
    return Section(
        f"Latency: Poisson, {_RATE_PER_S:.0f}/s, N = {_ROWS}, T = {_LINGER_MS} ms",
        [
            figure("run of a full batch", "ms", [run_ms]),
            figure("bare hop, p50", "ms", [traffic.hop_ms(50) for traffic in seen]),
            figure("bare hop, p99", "ms", [traffic.hop_ms(99) for traffic in seen]),
            figure("reply, p50", "ms", [traffic.reply_ms(50) for traffic in seen]),
            figure("reply, p99", "ms", [traffic.reply_ms(99) for traffic in seen]),
            figure(
                "reply, p99, beyond the bare hop's",
                "ms",
                beyond,
                at_most(_LINGER_MS + 2 * run_ms + _ALLOWED_MS),
            ),
        ],
        [traffic.account for traffic in seen],
    )


async def eager(ground: Ground, scale: Scale) -> Section:
    """Compare the daemon with the plain loop, pair by pair; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, _DIFFERENT_ROWS)
    busy_s = poisson(_RATE_PER_S, scale.pick(_COUNT, _QUICK_COUNT), _SEED)
    lone_s = constant(_LONE_PER_S, scale.pick(_LONE_COUNT, _QUICK_LONE_COUNT))

    def answered_by(contestant: Contestant) -> Callable[[str], Awaitable[list[Timed]]]:
        return lambda what: answered(ground, f"latency: {what}", contestant, asked, busy_s, lone_s)

    daemon = one_lane(ground, model, max_rows=_ROWS, linger=f"{_LINGER_MS}ms", eager=True)
    seen = await by_turns(
        scale.repeat,
        {"loop": answered_by(loop(ground, model)), "eager daemon": answered_by(daemon)},
    )
    busy_loops, lone_loops = zip(*seen["loop"], strict=True)
    busy_daemons, lone_daemons = zip(*seen["eager daemon"], strict=True)
    return Section(
        "Latency: eager, beside the plain loop",
        [
            *_compared(f"at {_RATE_PER_S:.0f}/s", busy_daemons, busy_loops),
            *_compared("of a lone request", lone_daemons, lone_loops),
        ],
        [traffic.account for traffic in (*busy_loops, *lone_loops, *busy_daemons, *lone_daemons)],
    )


def _compared(what: str, daemons: tuple[Timed, ...], loops: tuple[Timed, ...]) -> list[BenchFigure]:
    figures = []
    for percent in _PERCENTS:
        ours = [traffic.reply_ms(percent) for traffic in daemons]
        theirs = [traffic.reply_ms(percent) for traffic in loops]
        target = at_most(_MOST_RATIO) if percent == _JUDGED_PERCENT else None
        figures += [
            figure(f"p{percent} {what}, plain loop", "ms", theirs),
            figure(f"p{percent} {what}, daemon", "ms", ours),
            figure(f"p{percent} {what}, daemon / loop", "", ratios(ours, theirs), target),
        ]
    return figures
