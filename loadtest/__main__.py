"""`tidemill-load`, also `python -m loadtest`: traffic, verdicts, the demo and its broker."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from loadtest import extra
from loadtest.command import typed_measurements
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.verdict.exits import Exit


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("tidemill"))
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Show the version.", callback=_version)
    ] = False,
) -> None:
    """Measures a Tidemill daemon from outside, through Kafka."""


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="a scenario file, or the name of a shipped one")],
    *,
    target: Annotated[
        list[str] | None, typer.Option(help='a further target, such as "p99 < 250ms"')
    ] = None,
    bootstrap: Annotated[str, typer.Option(help="Kafka, instead of the scenario's")] = "",
    metrics: Annotated[str, typer.Option(help="the daemon's metrics, an http:// URL")] = "",
    embedded: Annotated[
        bool, typer.Option(help="start a Kafka and the scenario's daemon for this run")
    ] = False,
    capacity: Annotated[
        str, typer.Option(help="such as 1500/s, instead of measuring it; for rates such as 2x")
    ] = "",
    json: Annotated[Path | None, typer.Option(help="file for the report as JSON")] = None,
    junit: Annotated[Path | None, typer.Option(help="file for the report as JUnit XML")] = None,
    raw: Annotated[Path | None, typer.Option(help="file for one CSV row a request")] = None,
    html: Annotated[Path | None, typer.Option(help="file for the report to look at")] = None,
) -> None:
    """Offer a scenario's load and judge it by its targets: docs/load-testing.md."""
    from loadtest.command.run import RunOptions
    from loadtest.command.run import run as offer
    from loadtest.deployment.reach import Reach

    reach, targets = Reach(bootstrap, metrics, embedded), tuple(target or ())
    raise typer.Exit(offer(RunOptions(scenario, targets, reach, capacity, json, junit, raw, html)))


@app.command()
def report(
    file: Annotated[Path, typer.Argument(help="a report written with run --json")],
    *,
    html: Annotated[Path, typer.Option(help="file for the report to look at")],
) -> None:
    """Make the page of a report, as run --html does."""
    from loadtest.command.report import report as show

    raise typer.Exit(show(file, html))


@app.command()
def search(
    scenario: Annotated[str, typer.Argument(help="a scenario file, or the name of a shipped one")],
    *,
    target: Annotated[
        list[str] | None, typer.Option(help='a further target, such as "p99 < 250ms"')
    ] = None,
    bootstrap: Annotated[str, typer.Option(help="Kafka, instead of the scenario's")] = "",
    metrics: Annotated[str, typer.Option(help="the daemon's metrics, an http:// URL")] = "",
    embedded: Annotated[
        bool, typer.Option(help="start a Kafka and the scenario's daemon for this search")
    ] = False,
    start: Annotated[
        str, typer.Option("--from", help="first rate of all classes together, such as 50/s")
    ] = "",
    precision: Annotated[str, typer.Option(help="how far the edges may be apart")] = "5%",
    step: Annotated[
        str, typer.Option(help="how long a rate is measured; by default as the targets need")
    ] = "",
    at_most: Annotated[str, typer.Option(help="no step begins that would end later")] = "30min",
    json: Annotated[Path | None, typer.Option(help="file for the answer as JSON")] = None,
    history: Annotated[
        Path | None, typer.Option(help="file for all steps, written after each; goes on from it")
    ] = None,
) -> None:
    """Find the highest rate that still meets a scenario's targets: docs/load-testing.md."""
    from loadtest.command.search import SearchOptions, find
    from loadtest.deployment.reach import Reach

    reach, targets = Reach(bootstrap, metrics, embedded), tuple(target or ())
    raise typer.Exit(
        find(
            SearchOptions(scenario, targets, reach, start, precision, step, at_most, json, history)
        )
    )


@app.command()
def tune(
    given: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|CONFIG", help="a scenario, or a daemon's configuration (TOML)"
        ),
    ],
    *,
    rate: Annotated[str, typer.Option(help="requests of the lane, such as 500/s")],
    target: Annotated[
        list[str] | None, typer.Option(help='such as "p99 < 2s"; else the scenario\'s')
    ] = None,
    lane: Annotated[str, typer.Option(help="which one, where there are several")] = "",
    bodies: Annotated[
        Path | None,
        typer.Option(help="with CONFIG: what requests carry, a folder, .jsonl or .npy"),
    ] = None,
    most_rows: Annotated[int, typer.Option(min=2, help="largest N to look at")] = 256,
    bootstrap: Annotated[str, typer.Option(help="Kafka, instead of the scenario's")] = "",
    metrics: Annotated[str, typer.Option(help="the daemon's metrics, an http:// URL")] = "",
    embedded: Annotated[
        bool, typer.Option(help="start a Kafka, and a daemon for each setting; else only propose")
    ] = False,
    at_most: Annotated[str, typer.Option(help="refuse what would take longer")] = "20min",
    json: Annotated[Path | None, typer.Option(help="file for the answer as JSON")] = None,
    html: Annotated[Path | None, typer.Option(help="file for the page to look at")] = None,
) -> None:
    """Choose N and T of a lane for a target at a rate, by measuring: docs/load-testing.md."""
    from loadtest.command.tune import TuneOptions
    from loadtest.command.tune import tune as choose
    from loadtest.deployment.reach import Reach

    reach, targets = Reach(bootstrap, metrics, embedded), tuple(target or ())
    raise typer.Exit(
        choose(
            TuneOptions(given, rate, targets, lane, bodies, most_rows, reach, at_most, json, html)
        )
    )


app.command("office-hours")(typed_measurements.office_hours)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="a report written with run --json")],
    second: Annotated[Path, typer.Argument(help="another one of the same load, judged by it")],
    *,
    tolerance: Annotated[str, typer.Option(help="a change that nobody minds")] = "5%",
) -> None:
    """Fail when the second run is worse than the first, beyond noise."""
    from loadtest.command.compare import compare as judge

    raise typer.Exit(judge(first, second, tolerance))


@app.command()
def broker(
    port: Annotated[int, typer.Option(help="port to serve on; 0: a free one")] = 9092,
    *,
    nodes: Annotated[
        int, typer.Option(min=1, help="several: a cluster with copies, each node on a free port")
    ] = 1,
) -> None:
    """Start a real Apache Kafka and run it until Ctrl-C; its data goes with it."""
    from loadtest.command.broker import serve

    serve(port, nodes)


@app.command()
def topics(
    file: Annotated[Path, typer.Argument(help="the daemon's configuration, TOML")],
    partitions: Annotated[
        int, typer.Option(min=1, help="of each new topic but that of jobs, which has 1")
    ] = 4,
) -> None:
    """Create the topics that a configuration names, on the broker it or KAFKA_BOOTSTRAP names."""
    from loadtest.command.topics import topics as create
    from loadtest.kafka.topics import TopicsFailed

    try:
        create(file, partitions)
    except TopicsFailed as error:
        sys.exit(f"tidemill-load topics: {error}")


@app.command()
def demo(
    *,
    keep: Annotated[
        bool, typer.Option(help="leave broker and daemon up and say how to use them")
    ] = False,
) -> None:
    """Show the main job: real files, a real model, a real Kafka, one daemon."""
    from loadtest.command.demo import demo as play
    from loadtest.demo.stage import DemoFailed
    from loadtest.kafka.topics import TopicsFailed
    from loadtest.processes.worker import WorkerFailed

    try:
        raise typer.Exit(play(keep=keep))
    except (DemoFailed, TopicsFailed, WorkerFailed) as error:
        sys.exit(f"tidemill-load demo: {error}")


app.command()(typed_measurements.bench)


def main() -> None:
    """Run the command line; what is not installed is named with what to type."""
    try:
        app()
    except KafkaUnavailable as error:
        why = str(error)
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in extra.PACKAGES:
            raise
        why = extra.remedy(extra.missing() or [extra.PACKAGES[name]])
    else:
        return
    print(f"tidemill-load: {why}", file=sys.stderr)
    sys.exit(Exit.INFRASTRUCTURE)


if __name__ == "__main__":
    main()
