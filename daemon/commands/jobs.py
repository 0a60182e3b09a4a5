"""`tidemill jobs`."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.load import Loaded, load
from daemon.commands.dead_letters import harmless
from daemon.commands.printing import printed
from daemon.commands.waiting import waiting
from daemon.jobs.last_words import LastWord, LastWords
from daemon.jobs.pace import pace_text
from daemon.kafka.looking.reader import whole
from daemon.telemetry import logs
from daemon.values.errors import Exit, Fatal

_WAIT_S = 30.0
"""Longest silence of the broker."""
_TO_MINUTES = len("2000-01-01T00:00")


def jobs(config: Path | None, overrides: Sequence[str], *, as_json: bool) -> Exit:
    """Print the last word of each job in the topic of jobs. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    logs.configure(loaded.settings.log, worker="jobs")
    topic = loaded.settings.jobs.topic
    if topic is None:
        raise Fatal(Exit.SETTINGS, "no job says anywhere how it stands: set jobs.topic")
    with waiting(f"reading {topic}"):
        words = asyncio.run(_heard(loaded, topic))
    if as_json:
        return printed(*(msgspec.json.encode(word).decode() + "\n" for word in words))
    print_table(Console(), topic, words)
    return printed()


async def _heard(loaded: Loaded, topic: str) -> list[LastWord]:
    heard = LastWords()
    reading = whole(
        loaded.settings.kafka, topic, base=loaded.base, since_ms=None, timeout_s=_WAIT_S
    )
    async with aclosing(reading) as chunks:
        async for records in chunks:
            heard.hear(records)
    return heard.all()


def print_table(console: Console, topic: str, words: Sequence[LastWord]) -> None:
    """What has no limit to its length shares the last column, so that nothing else is folded."""
    if not words:
        console.print(f"{topic} knows of no jobs")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("as of (UTC)", no_wrap=True)
    table.add_column("ended", no_wrap=True, justify="right")
    table.add_column("state, job, where", overflow="fold")
    for word in words:
        moment = word.as_of[:_TO_MINUTES].replace("T", " ")
        ended = f"{word.items - word.left:,} of {word.items:,}"
        table.add_row(Text(harmless(moment)), Text(ended), _who(word))
    console.print(table)


def _who(word: LastWord) -> Text:
    by = f", by {word.deadline[:_TO_MINUTES].replace('T', ' ')}" if word.deadline else ""
    ends = ", ".join(f"{count:,} {end}" for end, count in word.ended.items() if count)
    lines = [f"{word.state} {word.job_id}", f"lane {word.lane}{by}", ends]
    lines += [pace_text(word.standing), f"{word.host}:{word.folder}"]
    return Text("\n".join(harmless(line) for line in lines if line))
