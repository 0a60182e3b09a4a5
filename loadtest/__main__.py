"""`tidemill-load`, also `python -m loadtest`: traffic, verdicts, the demo and its broker."""

import sys
from typing import Annotated

import typer

from loadtest.kafka.jars import KafkaUnavailable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measures a Tidemill daemon from outside, through Kafka.",
)


@app.command()
def broker(
    port: Annotated[int, typer.Option(help="port to serve on; 0: a free one")] = 9092,
) -> None:
    """Start a real one-node Apache Kafka and run it until Ctrl-C; its data goes with it."""
    from loadtest.kafka.serve import serve

    serve(port)


@app.command()
def demo(
    *,
    keep: Annotated[
        bool, typer.Option(help="leave broker and daemon up and say how to use them")
    ] = False,
) -> None:
    """Show the main job: real files, a real model, a real Kafka, one daemon."""
    from loadtest.demo.demo import demo as play
    from loadtest.demo.stage import DemoFailed
    from loadtest.worker import WorkerFailed

    try:
        raise typer.Exit(play(keep=keep))
    except (DemoFailed, WorkerFailed) as error:
        sys.exit(f"tidemill-load demo: {error}")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KafkaUnavailable as error:
        sys.exit(f"tidemill-load: {error}")


if __name__ == "__main__":
    main()
