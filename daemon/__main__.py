"""The command `tidemill`, also `python -m daemon`: what people type and how errors reach them.

Each command imports what it needs when it runs, so that help and schema answer at once.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from daemon.commands import typed_dead_letters
from daemon.commands.options import AsJson, Config, Overrides, require_command
from daemon.process.pid1 import heed_term
from daemon.process.standard_streams import standard_streams
from daemon.values.errors import Exit, Fatal

app = typer.Typer(
    help="Turns a Kafka topic into a cheap, steady model server.",
    epilog="- `tidemill check -c tidemill.toml` tries the settings\n"
    "- `tidemill try FILE -c tidemill.toml` tries a request, without a broker\n"
    "- `tidemill run -c tidemill.toml` serves\n"
    "- `tidemill ask FILE -c tidemill.toml` sends a request to what serves",
    add_completion=False,
    rich_markup_mode="markdown",
)
app.add_typer(typed_dead_letters.app, name="dead-letters")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Turns a Kafka topic into a cheap, steady model server."""
    if show_version:
        typer.echo(version("tidemill"))
        raise typer.Exit
    require_command(context)


@app.command(
    help="Serve requests until told to stop, or until caught up.\n\n"
    "SIGTERM answers what is gathered, commits and leaves; a second one ends at once. "
    "SIGHUP reloads the models. Health and metrics are on http.port.\n\n"
    "With --until-caught-up a summary is printed at the end: JSON, or a table on a "
    "terminal.",
    epilog="- `tidemill run -c tidemill.toml`\n"
    "- `tidemill run -c tidemill.toml -s kafka.instance_id=host1-0 -s http.port=0`\n"
    "- `tidemill run -c tidemill.toml --until-caught-up --max-duration 10min`",
)
def run(
    config: Config = None,
    overrides: Overrides = None,
    until_caught_up: Annotated[
        bool,
        typer.Option(
            "--until-caught-up", help="End when all is answered that is there at the start."
        ),
    ] = False,
    max_duration: Annotated[
        str,
        typer.Option(
            "--max-duration",
            metavar="TIME",
            help="Stop after so long, as at a SIGTERM; the exit code is 75 when work is left.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> int:
    """`tidemill run`."""
    from daemon.commands.one_shot import asked
    from daemon.commands.run import run as command

    options = asked(until_caught_up=until_caught_up, max_duration=max_duration, as_json=as_json)
    return command(config, overrides or (), options)


@app.command(
    help="Say how many workers there should be; starts and ends none itself.\n\n"
    "The number is served as JSON at /scale and as a metric, on http.port, for whoever "
    "scales: KEDA, or anything else. Beside a worker on the same host give it a port of "
    "its own, below http.port.",
    epilog="- `tidemill scaler -c tidemill.toml -s http.port=9460`\n"
    "- `tidemill scaler -c tidemill.toml --once | jq .workers`\n"
    "- `curl -s localhost:9460/scale`",
)
def scaler(
    config: Config = None,
    overrides: Overrides = None,
    once: Annotated[
        bool, typer.Option("--once", help="Look for 5 s, print the number and why, and end.")
    ] = False,
) -> int:
    """`tidemill scaler`."""
    from daemon.commands.scaler import scaler as command

    return command(config, overrides or (), one_look=once)


@app.command(
    help="Run as many workers on this host as the load needs, down to none and back.\n\n"
    "SIGTERM drains all of them; a second one ends at once. SIGHUP tries the settings and"
    " models as they are now and replaces the workers one by one. Health and the metrics "
    "of all workers are on http.port.",
    epilog="- `tidemill supervise -c tidemill.toml`\n"
    "- `tidemill supervise -c tidemill.toml -s scaling.max_workers=4 -s scaling.idle=5min`",
)
def supervise(config: Config = None, overrides: Overrides = None) -> int:
    """`tidemill supervise`."""
    from daemon.commands.supervise import supervise as command

    return command(config, overrides or ())


@app.command(
    help="Show the settings in force and try everything `run` will need.\n\n"
    "Models and transforms are loaded; the broker, topics, rights and the group are "
    "looked at. Nothing is changed. The exit code is that of the first problem.",
    epilog="- `tidemill check -c tidemill.toml`\n"
    "- `tidemill check -c tidemill.toml --offline -s models.mlp.device=cpu`",
)
def check(
    config: Config = None,
    overrides: Overrides = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: no broker, no receiver.")
    ] = False,
    lengths: Annotated[
        Path | None,
        typer.Option(
            "--lengths",
            metavar="FILE",
            help="Lengths of requests, one a line: say what steps of padding make of them.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """`tidemill check`."""
    from daemon.commands.check import check as command

    return command(config, overrides or (), offline=offline, as_json=as_json, lengths=lengths)


@app.command(
    "try",
    help="Send files through transform and model by hand: no broker is needed.\n\n"
    "Shows each input and output, how long each stage took, and the reply that a requester would"
    " get; where a transform raises, its own traceback. Several files run once more as one batch,"
    " whose outputs are compared with those alone. Where results go on to another lane (then), they do"
    " here too. The exit code is 0 when each has a result, 1 when one gets an error reply.",
    epilog="- `tidemill try photo.jpg -c tidemill.toml`\n"
    "- `tidemill try pages/*.png -c tidemill.toml --lane urgent --model reader`\n"
    "- `tidemill try request.json -c tidemill.toml --header language=de --json | jq .files`",
)
def try_(
    files: Annotated[
        list[Path], typer.Argument(help="The bodies of requests; - reads standard input.")
    ],
    config: Config = None,
    overrides: Overrides = None,
    lane: Annotated[str, typer.Option(help="Lane to try; else the first that has the model.")] = "",
    model: Annotated[str, typer.Option(help="Model to try; else the lane's first.")] = "",
    headers: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="NAME=VALUE",
            help="A header of the requests, such as content-type; may be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """`tidemill try`."""
    from daemon.commands.trial import Chosen, trial

    chosen = Chosen(lane, model, headers or ())
    return trial(config, overrides or (), files, chosen, as_json=as_json)


@app.command(
    help="Print the JSON schema of the settings, for editors that complete and check.",
    epilog="- `tidemill schema > tidemill.schema.json`",
)
def schema() -> int:
    """`tidemill schema`."""
    from daemon.commands.schema import schema as command

    return command()


@app.command(
    help="Print what requests and replies may be as an AsyncAPI 3 document, for generators and catalogues.\n\n"
    "It is JSON, which is YAML too: tools that take either read it as it stands. "
    "Models and transforms are loaded for it; no broker is needed.",
    epilog="- `tidemill asyncapi -c tidemill.toml > asyncapi.json`",
)
def asyncapi(config: Config = None, overrides: Overrides = None) -> int:
    """`tidemill asyncapi`."""
    from daemon.commands.asyncapi import asyncapi as command

    return command(config, overrides or ())


@app.command(
    help="Send one request and print its reply.\n\n"
    "The reply's body goes to standard output, its headers to standard error. The exit "
    "code is 0 for a result, 1 for an error reply, 75 when no reply came in time.",
    epilog="- `tidemill ask photo.jpg -c tidemill.toml --lane urgent`\n"
    "- `tidemill ask request.json -c tidemill.toml | jq .outputs`\n"
    "- `printf '%s' '{\"inputs\": []}' | tidemill ask - -c tidemill.toml`",
)
def ask(
    file: Annotated[Path, typer.Argument(help="The request's body; - reads standard input.")],
    config: Config = None,
    overrides: Overrides = None,
    lane: Annotated[str, typer.Option(help="Lane to send it on; else the first.")] = "",
    model: Annotated[str, typer.Option(help="Model to ask; else the lane's first.")] = "",
    content_type: Annotated[
        str, typer.Option(help="Form of the body; else by the file's name: .json, .npy.")
    ] = "",
    timeout: Annotated[str, typer.Option(help="Longest time for all of it.")] = "30s",
) -> int:
    """`tidemill ask`."""
    from daemon.commands.ask import Question
    from daemon.commands.ask import ask as command

    question = Question(file, lane, model, content_type, timeout)
    return command(config, overrides or (), question)


@app.command(
    help="Send all of a folder, a JSONL or a Parquet file, and collect a result of each.\n\n"
    "An item is a file, a line with custom_id and body, or a row. Results, failures and all that is known of "
    "the job are in the folder --out; after a crash, or a closed laptop, --resume goes on with it. The "
    "exit code is 0 when each item has a result, 1 when some ended otherwise, 75 when some are still without an "
    "end, 64 when nothing was sent, since some item cannot be.",
    epilog="- `tidemill submit documents/ -c tidemill.toml --by 08:00 --out results/`\n"
    "- `tidemill submit items.jsonl -c tidemill.toml --lane standard --out results/`\n"
    "- `tidemill submit table.parquet -c tidemill.toml --id-column id --out results/`\n"
    "- `tidemill submit -c tidemill.toml --resume results/`\n"
    "- `tidemill submit -c tidemill.toml --cancel results/`",
)
def submit(
    source: Annotated[
        Path | None,
        typer.Argument(help="A folder, a JSONL or Parquet file, or a folder of Parquet."),
    ] = None,
    config: Config = None,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where results go.")] = None,
    out_format: Annotated[
        Literal["jsonl", "parquet"],
        typer.Option(help="parquet: a table in the order of the input as well, when it is over."),
    ] = "jsonl",
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with the job in this folder.")
    ] = None,
    cancel: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="End the job in this folder; nobody waits any more."),
    ] = None,
    lane: Annotated[str, typer.Option(help="Lane to send it on; else the first.")] = "",
    by: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Deadline: 08:00, 2030-01-31T08:00, or 2h; else none."),
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of --by; else this host's.")] = "",
    model: Annotated[str, typer.Option(help="Model to ask; else the lane's first.")] = "",
    content_type: Annotated[
        str, typer.Option(help="Form of the bodies; else by names of files: .json, .npy.")
    ] = "",
    id_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Of a table: ids; else custom_id, or row numbers.")
    ] = "",
    body_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Of a table: bodies; else body, if it has one.")
    ] = "",
    input_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Of a table without bodies: an input, repeated; else all."
        ),
    ] = None,
    ahead: Annotated[
        int, typer.Option(min=1, help="Most items that wait for their answers at a time.")
    ] = 100_000,
    as_json: AsJson = False,
) -> int:
    """`tidemill submit`."""
    from daemon.commands.submit import Submission
    from daemon.commands.submit import submit as command
    from daemon.jobs.order import Columns, OutFormat

    typed = Submission(
        source,
        out,
        resume,
        cancel,
        lane,
        by,
        zone,
        model,
        content_type,
        Columns(id_column, body_column, tuple(input_column or ())),
        OutFormat(out_format),
        ahead=ahead,
        as_json=as_json,
    )
    return command(config, overrides or (), typed)


@app.command(
    help="Show the jobs that `tidemill submit` said of how they stand, those under way last.\n\n"
    "Each by its last word in the topic jobs.topic.",
    epilog="- `tidemill jobs -c tidemill.toml`\n"
    "- `tidemill jobs -c tidemill.toml --json | jq 'select(.state == \"running\")'`",
)
def jobs(config: Config = None, overrides: Overrides = None, as_json: AsJson = False) -> int:
    """`tidemill jobs`."""
    from daemon.commands.jobs import jobs as command

    return command(config, overrides or (), as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (else the command line) name; return the exit code."""
    with standard_streams():
        heed_term()
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    from config.errors import SettingsError

    try:
        code = app(arguments, prog_name="tidemill", standalone_mode=False)
    except typer.TyperException as error:  # what was typed makes no sense
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "tidemill"
        return _complain(Exit.USAGE, f"{error.format_message()} Try: {command} --help")
    except SettingsError as error:
        return _complain(Exit.SETTINGS, *error.problems)
    except Fatal as error:
        return _complain(error.exit_code, str(error))
    except Exception:  # noqa: BLE001 -- the last door out: a bug, shown whole
        traceback.print_exc()
        return Exit.INTERNAL
    return int(code or Exit.CLEAN)


def _complain(code: Exit, *problems: str) -> Exit:
    for problem in problems:
        sys.stderr.write(f"tidemill: {problem}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
