"""What is typed the same way at several commands."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.values.errors import Exit

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Settings, TOML; else $TIDEMILL_CONFIG."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="KEY=VALUE", help="One setting, above the file; may be repeated."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def require_command(context: typer.Context) -> None:
    """Show the help when no command was typed; raises typer.Exit then."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(Exit.USAGE)
