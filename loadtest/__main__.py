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


@app.callback()
def _root() -> None:
    """Keep commands named even while there is only one."""


@app.command()
def broker(
    port: Annotated[int, typer.Option(help="port to serve on; 0: a free one")] = 9092,
) -> None:
    """Start a real one-node Apache Kafka and run it until Ctrl-C; its data goes with it."""
    from loadtest.kafka.serve import serve  # noqa: PLC0415 - each command imports its own

    serve(port)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KafkaUnavailable as error:
        sys.exit(f"tidemill-load: {error}")


if __name__ == "__main__":
    main()
