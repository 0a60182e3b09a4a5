"""`tidemill run --until-caught-up`: what is asked for, and what people and programs get to see."""

import json
import re
import sys
from typing import NamedTuple, TextIO, cast

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.table import Table

from config.settings import Settings
from config.units import parse_duration
from daemon.one_shot.one_shot import OneShot
from daemon.one_shot.progress import Bar, Logged
from daemon.one_shot.summary import Summary
from daemon.process.standard_streams import settle
from daemon.values.errors import Exit, Fatal


class OneShotOptions(NamedTuple):
    """What was typed beside --until-caught-up."""

    longest_s: float | None
    as_json: bool


def asked(*, until_caught_up: bool, max_duration: str, as_json: bool) -> OneShotOptions | None:
    """Return what was asked for, None for a worker without end; raises Fatal."""
    if not until_caught_up:
        if max_duration or as_json:
            raise Fatal(Exit.USAGE, "--max-duration and --json need --until-caught-up")
        return None
    return OneShotOptions(_seconds(max_duration) if max_duration else None, as_json)


def _seconds(text: str) -> float:
    """Schedulers write 10m for what the settings call 10min; both are understood."""
    try:
        seconds = parse_duration(re.sub(r"(?<=\d)m$", "min", text))
    except ValueError as error:
        raise Fatal(Exit.USAGE, f"--max-duration {error}") from error
    if not seconds:
        raise Fatal(Exit.USAGE, "--max-duration must be longer than nothing")
    return seconds


def one_shot(settings: Settings, options: OneShotOptions) -> tuple[OneShot, TextIO | None]:
    """Return the run, and where the log goes so that it and a progress bar do not collide.

    There is a bar where people read the log as text on a terminal, events in the log elsewhere.
    """
    if settings.log.form == "json" or not sys.stderr.isatty():
        return OneShot(settings, Logged(), longest_s=options.longest_s), None
    console = Console(stderr=True)
    stream = cast("TextIO", FileProxy(console, sys.stderr))
    return OneShot(settings, Bar(console), longest_s=options.longest_s), stream


def show(summary: Summary, options: OneShotOptions) -> None:
    """Print the summary to standard output: JSON in one line, a table on a terminal."""
    settle()  # where both are one pipe or terminal, the log is above
    if options.as_json or not sys.stdout.isatty():
        sys.stdout.write(json.dumps(summary._asdict()) + "\n")
    else:
        Console().print(_table(summary))


def _table(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in summary._asdict().items():
        table.add_row(name, _shown(value))
    return table


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items()) or "none"
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else f"{value:,}"
