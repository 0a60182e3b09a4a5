"""The command `bench`: measures what it is asked for, shows it, writes it down."""

import gc
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import uvloop
from rich.console import Console

from loadtest.bench import report, urgent
from loadtest.bench.breadth import breadth
from loadtest.bench.compute import compute
from loadtest.bench.delivery import delivery
from loadtest.bench.figures import Measured, is_right
from loadtest.bench.fleet import fleet
from loadtest.bench.ground import Ground, Scale, new_ground
from loadtest.bench.growth import by_backlog, by_partitions
from loadtest.bench.idle import idle
from loadtest.bench.latency import eager, linger
from loadtest.bench.lengths import lengths
from loadtest.bench.look import look
from loadtest.bench.memory import growth, held
from loadtest.bench.rebalance import rebalance
from loadtest.bench.relay import full_dress, open_inference, relay, typical
from loadtest.bench.report import renewed, require_marks
from loadtest.bench.stations import stations
from loadtest.deployment import machine

Measure: TypeAlias = Callable[[Ground, Scale], Awaitable[Measured]]

BENCHES: dict[str, tuple[Measure, ...]] = {
    "relay": (relay,),
    "dresses": (typical, full_dress),
    "stations": (stations,),
    "compute": (compute,),
    "delivery": (delivery,),
    "latency": (linger, eager),
    "urgent": (urgent.compute, urgent.filetype, urgent.relay),
    "idle": (idle,),
    "memory": (growth, held),
    "json": (open_inference,),
    "lengths": (lengths,),
    "growth": (by_partitions, by_backlog, fleet, breadth, look, rebalance),
}
"""All benches, by name."""


# Wide enough for the tables where there is no terminal to ask.
_COLUMNS = 110
_QUIET_LOAD = 0.5


def bench(names: Sequence[str], scale: Scale, json: Path | None, page: Path | None) -> int:
    """Run the benches `names` and return the exit code: 1 when any reply was not right.

    A missed target is shown and is no failure: how fast a machine is, is for people to judge.
    Raises KafkaUnavailable, WorkerFailed, MarkMissing.
    """
    if page is not None:
        require_marks(page.read_text(), names)
    # Millions of replies pass through this process; walking them again and again takes time from
    # whoever is measured.
    gc.disable()
    # What it warns of it tries again: topics that are seconds old, leaders not yet chosen.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _COLUMNS
    described = machine.describe()
    console.print(machine.in_a_line(described))
    if (load := machine.load()) > _QUIET_LOAD:
        console.print(f"Other work is under way (load {load:.1f}): it will show in the rates.")
    measured = uvloop.run(_measure(names, scale, console))
    if json is not None:
        options = {
            "repeat": str(scale.repeat),
            "quick": str(scale.quick),
            "long": str(scale.long),
        }
        sections = [section for name in names for section in measured[name]]
        report.write(json, described, options, sections)
    if page is not None:
        page.write_text(renewed(page.read_text(), measured, described, scale))
    right = all(is_right(section) for sections in measured.values() for section in sections)
    return 0 if right else 1


async def _measure(
    names: Sequence[str], scale: Scale, console: Console
) -> dict[str, list[Measured]]:
    measured: dict[str, list[Measured]] = {}
    async with new_ground(console) as ground:
        for name in names:
            measured[name] = []
            for measure in BENCHES[name]:
                section = await measure(ground, scale)
                report.show(console, section)
                measured[name].append(section)
                gc.collect()
    return measured
