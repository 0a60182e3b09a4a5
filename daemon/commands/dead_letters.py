"""`tidemill dead-letters list`."""

import asyncio
import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.load import load
from daemon.answering.dead_letters import attempts_of
from daemon.commands.options import moment_ms
from daemon.commands.printing import printed
from daemon.commands.waiting import waiting
from daemon.kafka.looking.reader import newest
from daemon.telemetry import logs
from daemon.values.errors import Exit
from daemon.values.messages import Record, SentHeader
from daemon.wire.headers import REPLY_TO

_MOST_PAYLOAD_BYTES = 1024
"""Shown of a body: some fifteen lines of a terminal; all of it is in the topic."""
_WAIT_S = 30.0
"""Longest wait for the broker; reading some records takes a second."""

_TO_SECONDS = len("2000-01-01T00:00:00")
_YEAR_10000_MS = 253_402_300_800_000
"""Where Python's calendar ends. Records may say later times, where a broker sets them no limit."""


class ListWanted(NamedTuple):
    """What was typed; an empty `since` leaves out nothing."""

    number: int
    since: str
    payload: bool


Row: TypeAlias = dict[str, str | int | None]


def list_newest(
    config: Path | None, overrides: Sequence[str], wanted: ListWanted, *, as_json: bool
) -> Exit:
    """Print the newest dead letters, newest last. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    logs.configure(loaded.settings.log, worker="dead-letters")
    topic = loaded.settings.dead_letters.topic
    reading = newest(
        loaded.settings.kafka,
        topic,
        wanted.number,
        since_ms=moment_ms("--since", wanted.since, datetime.now(UTC)),
        base=loaded.base,
        timeout_s=_WAIT_S,
    )
    with waiting(f"reading {topic}"):
        records = asyncio.run(reading)
    rows = [describe(record, payload=wanted.payload) for record in records]
    if as_json:
        return printed(*(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print_table(Console(), topic, rows)
    return printed()


def describe(record: Record, *, payload: bool) -> Row:
    """Return what a dead letter says of itself; the record's value only as `payload`, cut."""
    headers = {name: value for name, value in record.headers if value is not None}
    row: Row = {
        "offset": f"{record.partition}/{record.offset}",
        "time": shown_time(record.timestamp),
        "code": _text(headers, "dlq-code"),
        "detail": _text(headers, "dlq-detail"),
        "attempts": attempts_of(record.headers),
        "origin": "/".join(_text(headers, f"dlq-{each}") for each in _ORIGIN),
        "reply_to": _reply_to(record.headers),
        "bytes": _size(record, headers),
    }
    if payload:
        row |= _payload(record.value)
    return row


_ORIGIN = ("topic", "partition", "offset")


def shown_time(timestamp_ms: int) -> str:
    """Return a record's timestamp for people and programs; empty when it has none of a calendar."""
    if not 0 <= timestamp_ms < _YEAR_10000_MS:
        return ""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _text(headers: Mapping[str, bytes], name: str) -> str:
    """Anybody may write to a topic: what it says is shown without control characters."""
    return harmless(headers.get(name, b"").decode("utf-8", "replace"))


def harmless(text: str) -> str:
    """Return `text` without control characters."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _reply_to(headers: Iterable[SentHeader]) -> str | None:
    """The reply topic that was asked for, each one where there are several; None: none was."""
    given = list(headers)
    for name in REPLY_TO:
        if asked := [value for header, value in given if header == name and value]:
            return harmless(b", ".join(asked).decode("utf-8", "replace"))
    return None


def _size(record: Record, headers: Mapping[str, bytes]) -> int | None:
    """Bytes of the original value: of a cut one what its header says, none for a tombstone."""
    cut = headers.get("dlq-truncated", b"")
    if cut.isdigit():
        return int(cut)
    if "dlq-tombstone" in headers or record.value is None:
        return None
    return len(record.value)


def _payload(value: bytes | None) -> Row:
    if value is None:
        return {"value": None}
    shown = value[:_MOST_PAYLOAD_BYTES]
    try:
        return {"value": shown.decode()}
    except UnicodeDecodeError:
        return {"value_base64": base64.b64encode(shown).decode()}


def print_table(console: Console, topic: str, rows: Sequence[Row]) -> None:
    """What has no limit to its length shares the last column, so that nothing else is folded."""
    if not rows:
        console.print(f"{topic} holds no dead letters")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("offset", no_wrap=True)
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("code, origin, detail", overflow="fold")
    for row in rows:
        time = str(row["time"])[:_TO_SECONDS].replace("T", " ")
        table.add_row(Text(str(row["offset"])), Text(time), _why(row))
    console.print(table)


def _why(row: Row) -> Text:
    size = "" if row["bytes"] is None else f", {row['bytes']} bytes"
    reply_to = row["reply_to"] and f"reply to {row['reply_to']}"
    lines = [row["detail"], reply_to, f"attempts {row['attempts']}{size}"]
    lines += [row.get("value"), row.get("value_base64")]
    shown = [f"{row['code']} {row['origin']}", *(str(line) for line in lines if line)]
    return Text("\n".join(harmless(each) for line in shown for each in line.split("\n")))
