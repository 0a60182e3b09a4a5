"""`tidemill ask`."""

import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from config.load import load
from config.settings import Lane, Settings
from config.units import parse_duration
from daemon.commands.printing import printed
from daemon.commands.waiting import waiting
from daemon.kafka.looking.reader import ask as ask_kafka
from daemon.telemetry import logs
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Header, Record

ERROR_REPLY = 1
"""The exit code."""
_FORMS = {".json": b"application/json", ".npy": b"application/x-npy"}


class Question(NamedTuple):
    """What was typed; empty texts are left to the settings."""

    file: Path
    lane: str
    model: str
    content_type: str
    timeout: str


def ask(config: Path | None, overrides: Sequence[str], question: Question) -> int:
    """Send the request and print its reply. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    settings = loaded.settings
    logs.configure(settings.log, worker="ask")
    lane = find_lane(settings, question.lane)
    timeout_s = _seconds(question.timeout)
    asking = ask_kafka(
        settings.kafka,
        request_topic=lane.topics[0],
        reply_topic=settings.replies.topic,
        value=read_body(question.file),
        headers=headers_for(
            question.file, lane, model=question.model, content_type=question.content_type
        ),
        correlation=secrets.token_hex(8).encode(),
        base=loaded.base,
        timeout_s=timeout_s,
    )
    with waiting(f"no reply yet, of {question.timeout} at most"):
        reply = asyncio.run(asking)
    if reply is None:
        raise Fatal(
            Exit.WORK_LEFT,
            f"no reply within {question.timeout}; does a worker of group {settings.kafka.group} "
            f"run? The lane lingers up to {lane.linger:g} s",
        )
    return show(reply)


def find_lane(settings: Settings, name: str) -> Lane:
    """Return the lane `name`, the first one for an empty name; raises Fatal."""
    lane = settings.lanes.get(name or next(iter(settings.lanes)))
    if lane is None:
        raise Fatal(Exit.USAGE, f"no lane {name!r}; there are {', '.join(settings.lanes)}")
    return lane


def headers_for(file: Path, lane: Lane, *, model: str, content_type: str) -> list[Header]:
    """Return the request's headers, the correlation left out; raises Fatal for a wrong model."""
    headers: list[Header] = []
    if model:
        if model not in lane.models:
            known = ", ".join(lane.models)
            raise Fatal(Exit.USAGE, f"no model {model!r} in this lane; it has {known}")
        headers.append(("model", model.encode()))
    form = content_type.encode() or _FORMS.get(file.suffix, b"")
    if form:
        headers.append(("content-type", form))
    return headers


def show(reply: Record) -> int:
    """Print the body to standard output and the headers to standard error; return the exit code."""
    for name, value in reply.headers:
        shown = "" if value is None else value.decode("utf-8", "backslashreplace")
        printable = "".join(each if each.isprintable() else "\\" for each in shown)
        sys.stderr.write(f"{name}: {printable}\n")
    sys.stderr.flush()
    body = reply.value or b""
    sys.stdout.buffer.write(body)
    if sys.stdout.isatty() and not body.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
    printed()
    return Exit.CLEAN if ("status", b"ok") in list(reply.headers) else ERROR_REPLY


def read_body(file: Path) -> bytes:
    """Return what is in `file`, for - on standard input; raises Fatal."""
    if file == Path("-"):
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise Fatal(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Fatal(Exit.USAGE, f"--timeout {error}") from error
