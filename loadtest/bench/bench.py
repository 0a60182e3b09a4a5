"""The command `bench`: measures what it is asked for, shows it, writes it down."""

import gc
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import uvloop
from rich.console import Console

from loadtest.bench import machine, report
from loadtest.bench.compute import compute
from loadtest.bench.eager import eager
from loadtest.bench.figures import Section
from loadtest.bench.ground import Ground, new_ground
from loadtest.bench.growth import growth
from loadtest.bench.held import held
from loadtest.bench.idle import idle
from loadtest.bench.linger import linger
from loadtest.bench.open_inference import open_inference
from loadtest.bench.relay import relay
from loadtest.bench.scale import Scale
from loadtest.bench.urgent import urgent

Measure: TypeAlias = Callable[[Ground, Scale], Awaitable[Section]]

BENCHES: dict[str, tuple[Measure, ...]] = {
    "relay": (relay,),
    "compute": (compute,),
    "latency": (linger, eager, urgent),
    "idle": (idle,),
    "memory": (growth, held),
    "json": (open_inference,),
}
"""All benches, by name."""


def bench(names: Sequence[str], scale: Scale, json: Path | None) -> int:
    """Run the benches `names` and return the exit code: 1 when any reply was not right.

    A missed target is shown and is no failure: how fast a machine is, is for people to judge.
    Raises KafkaUnavailable, WorkerFailed.
    """
    # Millions of replies pass through this process; walking them again and again takes time from
    # whoever is measured.
    gc.disable()
    console = Console(highlight=False)
    described = machine.describe()
    console.print(" · ".join(f"{name} {value}" for name, value in described.items()))
    sections = uvloop.run(_measure(names, scale, console))
    if json is not None:
        options = {
            "benches": " ".join(names),
            "repeat": str(scale.repeat),
            "quick": str(scale.quick),
        }
        report.write(json, described, options, sections)
    return 0 if all(section.is_right for section in sections) else 1


async def _measure(names: Sequence[str], scale: Scale, console: Console) -> list[Section]:
    sections = []
    async with new_ground(console) as ground:
        for name in names:
            for measure in BENCHES[name]:
                section = await measure(ground, scale)
                report.show(console, section)
                sections.append(section)
                gc.collect()
    return sections
