"""Memory over many requests: what the last one leaves behind is no more than what the first did."""

from loadtest.bench.contestants import one_lane
from loadtest.bench.figures import Section, at_most, figure, ratios
from loadtest.bench.ground import Ground
from loadtest.bench.relay import relay_backlog
from loadtest.bench.run import Run, answer
from loadtest.bench.scale import Scale
from loadtest.deployment.perceptrons import RELAY, write

_COUNT = 2_000_000
_QUICK_COUNT = 400_000
_EARLY_SHARE = 0.1
_ROWS = 256
_LINGER = "20ms"
_MOST_GROWTH = 1.05


async def growth(ground: Ground, scale: Scale) -> Section:
    """Compare the daemon's memory early and late in one backlog; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    backlog = await relay_backlog(ground, model, scale.pick(_COUNT, _QUICK_COUNT))
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=_LINGER)
    runs = [
        await answer(ground, f"memory: daemon {number} of {scale.repeat}", backlog, daemon)
        for number in range(1, scale.repeat + 1)
    ]
    await ground.remove(backlog.topic)
    early = [_early_mib(run) for run in runs]
    late = [run.looks[-1].rss_bytes / 2**20 for run in runs]
    return Section(
        f"Memory: {backlog.size:,} relayed requests",
        [
            figure(f"RSS after {_EARLY_SHARE * backlog.size:,.0f}", "MiB", early),
            figure(f"RSS after {backlog.size:,}", "MiB", late),
            figure("RSS, late / early", "", ratios(late, early), at_most(_MOST_GROWTH)),
        ],
        [run.account for run in runs],
    )


def _early_mib(run: Run) -> float:
    enough = _EARLY_SHARE * run.looks[-1].replies
    return next(look.rss_bytes for look in run.looks if look.replies >= enough) / 2**20
