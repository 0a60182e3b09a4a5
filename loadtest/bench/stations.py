"""Bench: where the CPU time of a relayed request goes, station by station, in each dress."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from loadtest.bench import sampled_daemon
from loadtest.bench.backlog import BacklogRun, answer
from loadtest.bench.figures import BenchFigure, SideBySide, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.profile import STATIONS, Profile, Spent, by_station, folded, spent_s
from loadtest.bench.relayed import DRESSED, ROWS, Waiting, relaying
from loadtest.bench.watch import warm
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.processes.worker import DAEMON


class RelayRun(NamedTuple):
    """A backlog relayed, and what was seen of it: microseconds a request, empty unless sampled."""

    run: BacklogRun
    spent_us: Spent


async def stations(ground: Ground, scale: Scale) -> SideBySide:
    """Relay each dress with and without the sampler, by turns; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    columns, accounts = {}, []
    for dress, waiting in DRESSED.items():
        relays = {
            dress: _relaying(ground, model, scale, waiting, sampled=False),
            f"{dress}, sampled": _relaying(ground, model, scale, waiting, sampled=True),
        }
        alone, sampled = (await by_turns(scale.repeat, relays)).values()
        columns[dress] = station_figures(alone, sampled)
        accounts += [each.run.account for each in alone + sampled]
        if scale.stacks is not None:
            _write_stacks(scale.stacks, dress, sampled)
    return SideBySide(
        f"Stations: CPU time of a relayed request, us, medians, N = {ROWS}", columns, accounts
    )


def _relaying(
    ground: Ground, model: Path, scale: Scale, waiting: Waiting, *, sampled: bool
) -> Callable[[str], Awaitable[RelayRun]]:
    async def relayed(what: str) -> RelayRun:
        profile = ground.folder / f"{ground.name('profile')}.json"
        program = ("-m", sampled_daemon.__name__, str(profile)) if sampled else DAEMON
        backlog = await waiting(ground, model, scale)
        daemon = relaying(ground, model, routed=bool(backlog.replies), program=program)
        run = await answer(ground, f"stations: {what}", backlog, daemon)
        await ground.remove(backlog.topic)
        return RelayRun(run, _spent_us(run, profile) if sampled else {})

    return relayed


def _spent_us(run: BacklogRun, path: Path) -> Spent:
    """Return what was seen while the daemon was warm, for each reply of that time."""
    profile = msgspec.json.decode(path.read_bytes(), type=Profile)
    first, last = warm(run.samples)
    spent = spent_s(profile, first.at_s, last.at_s)
    return {stack: its * 1e6 / (last.replies - first.replies) for stack, its in spent.items()}


def station_figures(alone: Sequence[RelayRun], sampled: Sequence[RelayRun]) -> list[BenchFigure]:
    """Return what each station takes, and what the kernel counted, sampled and not."""
    seen = [by_station(each.spent_us) for each in sampled]
    kernel = [each.run.cpu_us for each in sampled], [each.run.cpu_us for each in alone]
    return [
        *(figure(name, "us", [each[name] for each in seen]) for name in STATIONS),
        figure("all of these", "us", [sum(each.values()) for each in seen]),
        figure("by the kernel, sampled", "us", kernel[0]),
        figure("by the kernel, not sampled", "us", kernel[1]),
        figure("sampled / not sampled", "", ratios(*kernel)),
    ]


def _write_stacks(folder: Path, dress: str, sampled: Sequence[RelayRun]) -> None:
    spent: Spent = {}
    for each in sampled:
        for stack, its in each.spent_us.items():
            spent[stack] = spent.get(stack, 0.0) + its / len(sampled)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{dress}.txt").write_text(folded(spent))
