"""Latency of a lane that lets requests gather: held against what it was set to wait."""

from loadtest.bench.contestants import one_lane
from loadtest.bench.figures import Section, at_most, figure
from loadtest.bench.ground import Ground
from loadtest.bench.open_loop import answered
from loadtest.bench.raw_model import measure
from loadtest.bench.scale import Scale
from loadtest.bench.work import work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.scenario.arrivals import poisson

_RATE_PER_S = 500.0
_COUNT = 5_000
_QUICK_COUNT = 1_500
_DIFFERENT_ROWS = 4096
_ROWS = 32
_LINGER_MS = 20
# For the hop of the reply, and for everything between the two hops.
_ALLOWED_MS = 10
_RAW_S = 1.0


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
