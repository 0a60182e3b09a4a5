"""What is typed the same way at several commands."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config.units import parse_duration
from daemon.values.errors import Exit, Fatal

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
Since = Annotated[
    str, typer.Option(metavar="WHEN", help="Dead since: a time (UTC), or how long ago: 2h.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def require_command(context: typer.Context) -> None:
    """Show the help when no command was typed; raises typer.Exit then."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(Exit.USAGE)


def moment_ms(option: str, text: str, now: datetime) -> float | None:
    """Return in ms since 1970 a time in ISO 8601, UTC unless it says otherwise, or so long ago.

    None for an empty text; raises Fatal.
    """
    if not text:
        return None
    try:
        return (now.timestamp() - parse_duration(text)) * 1000
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Fatal(
            Exit.USAGE,
            f"{option} {text!r} is neither a time, such as 2030-01-31T08:00, nor how long ago,"
            " such as 2h",
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
