"""`tidemill dead-letters`: what people type.

Each command imports what it needs when it runs, so that help answers at once.
"""

from typing import Annotated

import typer

from daemon.commands.options import AsJson, Config, Overrides, Since, require_command

app = typer.Typer(help="Look at records that nobody could be answered for.")


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Look at records that nobody could be answered for."""
    require_command(context)


@app.command(
    "list",
    help="List the newest dead letters: why each could not be answered, and where it came from.",
    epilog="- `tidemill dead-letters list -c tidemill.toml -n 5`\n"
    "- `tidemill dead-letters list -c tidemill.toml --since 2h`\n"
    "- `tidemill dead-letters list -c tidemill.toml --json --payload | jq .value`",
)
def list_newest(
    config: Config = None,
    overrides: Overrides = None,
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many at most.")] = 20,
    since: Since = "",
    as_json: AsJson = False,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show the records' values, cut to 1 KiB.")
    ] = False,
) -> int:
    """`tidemill dead-letters list`."""
    from daemon.commands.dead_letters import ListWanted
    from daemon.commands.dead_letters import list_newest as command

    wanted = ListWanted(number, since, payload=payload)
    return command(config, overrides or (), wanted, as_json=as_json)


@app.command(
    "replay",
    help="Send dead letters to their topics again, once their cause is mended.\n\n"
    "Without --send it shows which. What was cut, emptied or unreadable is skipped, with "
    "the reason. Letters stay where they are: what is replayed twice is sent twice.",
    epilog="- `tidemill dead-letters replay -c tidemill.toml --code reply_topic_denied --since 2h`\n"
    "- `tidemill dead-letters replay -c tidemill.toml --id documents/3/17 --send`\n"
    "- `tidemill dead-letters replay -c tidemill.toml --max 100 --send --json | tail -n 1`",
)
def replay(
    config: Config = None,
    overrides: Overrides = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="REQUEST-ID", help="Only this request; may be repeated."),
    ] = None,
    codes: Annotated[
        list[str] | None, typer.Option("--code", help="Only this code; may be repeated.")
    ] = None,
    since: Since = "",
    until: Annotated[str, typer.Option(metavar="WHEN", help="Dead before: the same.")] = "",
    most_attempts: Annotated[
        int | None, typer.Option(min=1, help="Leave out what was tried more often.")
    ] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Send at most so many.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send; without it they are shown.")] = False,
    as_json: AsJson = False,
) -> int:
    """`tidemill dead-letters replay`."""
    from daemon.commands.replay import ReplayWanted
    from daemon.commands.replay import replay as command

    wanted = ReplayWanted(ids or (), codes or (), since, until, most_attempts, most, send)
    return command(config, overrides or (), wanted, as_json=as_json)
