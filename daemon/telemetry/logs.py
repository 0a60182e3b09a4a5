"""The log: one JSON object a line on standard error, readable text on a terminal.

Rule 1: only events of daemon.telemetry.events, at their level, with plain values.
Rule 2: no payload, no secret and no correlation id. Bytes are never shown, only counted; text from
outside is cut and its control characters are escaped.
Rule 3: a log that cannot be written stops nobody; see daemon.process.standard_streams.
"""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import Log
from daemon.telemetry.events import Event, Level
from daemon.telemetry.repeats import Repeats

Field: TypeAlias = str | int | float | bool | bytes | BaseException | list[str] | None
"""What a log field may hold; bytes are shown as their number."""

_LONGEST_TEXT = 1_000
_LONGEST_TRACEBACK = 20_000
"""Characters: of a text some ten lines of a terminal, of a traceback some hundred frames. Guesses: what
is longer was put there by somebody else, and a line is read by programs that have limits of their own."""
_LONGEST_S = 300.0
"""Between two lines that say the same of a library: five minutes, as of an outage that lasts."""
_PLACE_S = 60.0
"""For a line of a transform's code."""
_LEADING = ("ts", "level", "event", "worker")
_LIMITED: frozenset[Level] = frozenset({"warning", "error"})
"""Levels that bad input and bad brokers can flood; life events are few, debug is asked for."""


def log(event: Event, /, **fields: Field) -> None:
    """Write `event`, unless it repeated too often; `exc_info=error` adds the traceback."""
    _journal.write(event, event.level, _kind(event, fields), fields)


def summarise(*, last: bool = False) -> None:
    """Write how many events were left out in the windows that are over; `last`: in all windows.

    To be called about every second, and with `last` before the process ends.
    """
    _journal.summarise(last=last)


def counts() -> Mapping[str, int]:
    """Return how often each warning and error occurred, those left out included."""
    return dict(_journal.counts)


def lines_dropped(lines: int) -> str:
    """Return the line that stands in the log for `lines` that nobody read in time."""
    line: str | None = structlog.wrap_logger(structlog.ReturnLogger()).warning(
        Event.LINES_DROPPED, lines=lines
    )
    return "" if line is None else line + "\n"


def count_dropped(lines: int) -> None:
    """Count lines of the log that nobody read in time."""
    _journal.count(Event.LINES_DROPPED, lines)


def configure(settings: Log, *, worker: str, stream: TextIO | None = None) -> None:
    """Send the log to `stream` (standard error), that of the standard library's users included."""
    target = sys.stderr if stream is None else stream
    structlog.configure(
        processors=_processors(settings, worker=worker, terminal=target.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=lambda: _Lines(target),
        cache_logger_on_first_use=False,
    )
    _route_libraries(settings.level)


class _Journal:
    """Counts events and leaves out those that repeat; may be called from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._repeats = Repeats()
        self._others = {
            # A client whose broker is gone repeats several messages each second for as long as that lasts.
            Event.LIBRARY_LOGGED: Repeats(limit=1, longest_s=_LONGEST_S),
            # Bad requests may come all day, and a place is mended once.
            Event.TRANSFORM_FAILED: Repeats(1, _PLACE_S, longest_s=_PLACE_S),
        }
        # A signal handler may log while its own thread is in here.
        self._lock = threading.RLock()
        self.counts: Counter[str] = Counter()

    def write(
        self, event: Event, level: Level, kind: tuple[object, ...], fields: Mapping[str, Field]
    ) -> None:
        if level in _LIMITED:
            self.summarise()
            with self._lock:
                self.count(event)
                repeats = self._others.get(event, self._repeats)
                if not repeats.admits(kind, now=self._clock()):
                    return
        structlog.get_logger().log(logging.getLevelNamesMapping()[level.upper()], event, **fields)

    def count(self, event: Event, times: int = 1) -> None:
        with self._lock:
            self.counts[event] += times

    def summarise(self, *, last: bool = False) -> None:
        with self._lock:
            left_out = [
                suppressed
                for repeats in (self._repeats, *self._others.values())
                for suppressed in (repeats.close() if last else repeats.due(now=self._clock()))
            ]
        for suppressed in left_out:
            event, code = suppressed.kind if isinstance(suppressed.kind, tuple) else ("others", "")
            structlog.get_logger().warning(
                Event.EVENTS_SUPPRESSED, of=str(event), code=code, times=suppressed.times
            )


_journal = _Journal(time.monotonic)


def _kind(event: Event, fields: Mapping[str, Field]) -> tuple[object, ...]:
    """Return what makes two events the same: the code, of a transform's errors the place."""
    if event is Event.TRANSFORM_FAILED:
        error, file, line = (str(fields[name]) for name in ("error", "file", "line"))
        return event, f"{error} at {file}:{line}"
    return event, fields.get("code")


def _processors(settings: Log, *, worker: str, terminal: bool) -> list[Processor]:
    def add_worker(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
        fields["worker"] = worker
        return fields

    text = settings.form == "text" or (settings.form == "auto" and terminal)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=terminal,
            timestamp_key="ts",
            # The library's own choice shows local variables, payloads among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if text
        else structlog.processors.JSONRenderer()
    )
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        add_worker,
        structlog.processors.format_exc_info,
        _make_harmless,
        *([_escape] if text else []),
        renderer,
    ]


def _make_harmless(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Put the fields every line has in front and bound what the others show."""
    leading: EventDict = {name: str(fields.pop(name)) for name in _LEADING}
    return {**leading, **{name: _harmless(name, value) for name, value in fields.items()}}


def _harmless(name: str, value: Any) -> Any:  # noqa: ANN401 -- a field holds what it holds
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        value = str(value)
    if isinstance(value, list):
        return [_harmless(name, item) for item in value]
    if not isinstance(value, str):
        return value
    if name == "exception":
        return value[:_LONGEST_TRACEBACK]
    return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "..."


def _escape(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Keep text from outside from writing to the terminal; JSON escapes by itself."""
    for name, value in fields.items():
        if isinstance(value, str) and not value.isprintable():
            lines = value.split("\n") if name == "exception" else [value]
            fields[name] = "\n".join(_printable(line) for line in lines)
    return fields


def _printable(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


class _Lines:
    """Writes lines to a stream whose reader may go away: a worker outlives the end of its log.

    It has no lock, which a signal handler could find held by its own thread.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def debug(self, line: str) -> None:
        with suppress(OSError, ValueError):  # a closed pipe, a full disk; a closed file
            # With its end at once: supervised workers share one standard error.
            self._stream.write(line + "\n")
            self._stream.flush()

    info = warning = error = debug


def _route_libraries(level: Level) -> None:
    """Take over the standard library's log, never below info.

    At debug aiokafka prints whole requests, with payloads and passwords in them.
    """
    floors = {"debug": logging.INFO, "error": logging.ERROR}
    root = logging.getLogger()
    root.setLevel(floors.get(level, logging.WARNING))
    for handler in [each for each in root.handlers if isinstance(each, _LibraryHandler)]:
        root.removeHandler(handler)
    root.addHandler(_LibraryHandler())


class _LibraryHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "info"
        if record.levelno >= logging.WARNING:
            level = "error" if record.levelno >= logging.ERROR else "warning"
        fields: dict[str, Field] = {"logger": record.name, "message": _message(record)}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exc_info"] = record.exc_info[1]
        kind = (Event.LIBRARY_LOGGED, f"{record.name}: {record.msg}")
        _journal.write(Event.LIBRARY_LOGGED, level, kind, fields)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's slip in its own arguments must not stop it
        return str(record.msg)
