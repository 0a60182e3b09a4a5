"""`tidemill-load bench` and `office-hours`, the project's own measurements: what people type.

Each command imports what it needs when it runs, so that help answers at once, and without what is not
installed.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Bench(StrEnum):
    """What can be measured."""

    RELAY = "relay"
    DRESSES = "dresses"
    STATIONS = "stations"
    COMPUTE = "compute"
    DELIVERY = "delivery"
    LATENCY = "latency"
    URGENT = "urgent"
    IDLE = "idle"
    MEMORY = "memory"
    JSON = "json"
    LENGTHS = "lengths"
    GROWTH = "growth"


def bench(
    names: Annotated[
        list[Bench] | None, typer.Argument(help="what to measure; all of it by default")
    ] = None,
    *,
    repeat: Annotated[int, typer.Option(min=1, help="repetitions of each comparison")] = 5,
    quick: Annotated[bool, typer.Option(help="small sizes, for a first look only")] = False,
    long: Annotated[
        bool, typer.Option(help="growth: a backlog of ten million too, 3 GB of disk")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="file for all figures")] = None,
    page: Annotated[
        Path | None, typer.Option(help="page whose figures to renew: docs/performance.md")
    ] = None,
    stacks: Annotated[
        Path | None,
        typer.Option(help="stations: folder for the sampled stacks, for flame graphs"),
    ] = None,
) -> None:
    """Measure the daemon against a plain loop and ONNX Runtime alone: docs/performance.md."""
    from loadtest.bench.ground import Scale
    from loadtest.bench.report import MarkMissing
    from loadtest.command.bench import bench as measure
    from loadtest.processes.worker import WorkerFailed

    try:
        raise typer.Exit(
            measure(names or list(Bench), Scale(repeat, quick, long, stacks), json, page)
        )
    except (MarkMissing, WorkerFailed) as error:
        sys.exit(f"tidemill-load bench: {error}")


def office_hours(
    *,
    requests: Annotated[
        Path | None, typer.Option(help="CSV with the columns hour and requests, 24 rows")
    ] = None,
    linger_day: Annotated[
        str, typer.Option(help="between two batches from 8 to 18; must divide these hours")
    ] = "15min",
    linger_night: Annotated[
        str, typer.Option(help="between two batches at night; must divide its hours")
    ] = "1h",
    run_time: Annotated[
        str,
        typer.Option(
            help="of a document, for a second, heavier model: computed, and replayed by the clock"
        ),
    ] = "500ms",
    start_time: Annotated[
        str, typer.Option(help="how long that model's worker takes to start; as measured")
    ] = "",
    boot: Annotated[
        str, typer.Option(help="from asking for a machine until a process starts on it; assumed")
    ] = "1min",
    json: Annotated[Path | None, typer.Option(help="file for the figures as JSON")] = None,
    replay: Annotated[
        bool,
        typer.Option(help="also replay under supervise: some hours by the clock, the day by load"),
    ] = False,
    replay_hours: Annotated[
        str, typer.Option(help="which hours by the clock, of those from 8 to 18")
    ] = "10-12",
    replay_for: Annotated[
        str, typer.Option(help="how long they take at most, if starts leave room for it")
    ] = "20min",
) -> None:
    """Compute a day one by one and in batches, on measured run times: docs/load-testing.md."""
    from loadtest.command.office_hours import office_hours as tell
    from loadtest.office_hours.spec import OfficeHoursOptions

    times = (linger_day, linger_night, run_time, start_time, boot)
    replays = (replay, replay_hours, replay_for)
    raise typer.Exit(tell(OfficeHoursOptions(requests, *times, json, *replays)))
