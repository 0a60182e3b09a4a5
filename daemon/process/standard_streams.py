"""The standard streams of this process: always there, and waited for by nobody who serves.

Rule 1: what was closed when the process began is /dev/null, before anything else is opened: the next
file or socket would get its number, and with it what is meant for people.
Rule 2: who serves writes into a queue, and a thread writes to the stream. A pipe that nobody reads, a
terminal held by Ctrl-S or a full disk holds up that thread and nobody else.
Rule 3: the queue is bounded. What finds it full is dropped and counted, and where it is missing a line
says how much was.
Rule 4: at its end the process waits for a reader as long as that one reads, but not for one that
does not.
"""

import io
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, NoReturn, TextIO, cast

_STANDARD = (0, 1, 2)
_MOST_BYTES = 2**20
"""About 4,000 lines of the log: some seconds of what a worker says when all goes wrong."""
_STILL_S = 1.0
"""A reader that takes nothing for so long at the end of the process has stopped reading."""
_LONGEST_S = 5.0
"""Longest wait for one that reads slowly; a third of what service managers get on top of the drain."""


def open_missing() -> None:
    """Put /dev/null in the place of standard streams that are closed; to be called first."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(number, True)  # noqa: FBT003 -- by position only
    # Python has None for a stream that was closed when it started.
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


class QueuedStream(io.TextIOBase):
    """A text stream whose `write` returns at once; a thread writes to the file descriptor."""

    def __init__(
        self,
        descriptor: int,
        *,
        instead: Callable[[int], str],
        dropped: Callable[[int], None],
        encoding: str = "utf-8",
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        """`dropped` is told of lines when they are, `instead` returns the line that stands for them."""
        self._descriptor = descriptor
        self._instead = instead
        self._dropped = dropped
        self._encoding = encoding
        self._most_bytes = most_bytes
        self._queue: deque[bytes | int] = deque()
        """Texts in their order, and between them how many lines are missing there."""
        self._waiting_bytes = 0
        self._writes = 0
        self._is_writing = False
        # A signal handler may write while its own thread is in here.
        self._changed = threading.Condition(threading.RLock())
        threading.Thread(target=self._work, name="output", daemon=True).start()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a variable there, never set here
        """What text becomes bytes by."""
        return self._encoding

    @property
    def errors(self) -> str:  # type: ignore[override]  # as above
        """What becomes of text that the encoding does not have."""
        return "backslashreplace"

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether a person looks at it."""
        return os.isatty(self._descriptor)

    def flush(self) -> None:
        """Do nothing: nobody waits here; see `settle`."""

    def write(self, text: str) -> int:
        """Take `text`, or drop it when too much waits; return its length either way."""
        data = text.encode(self._encoding, self.errors)
        if data:
            with self._changed:
                self._take(data)
        return len(text)

    def settle(self) -> bool:
        """Wait until all is written or its reader has stopped; return whether all is written."""
        until_s = time.monotonic() + _LONGEST_S
        with self._changed:
            while self._queue or self._is_writing:
                left_s = min(_STILL_S, until_s - time.monotonic())
                if not self._changed.wait_for(self._has_written_since(self._writes), left_s):
                    return False
        return True

    def _has_written_since(self, writes: int) -> Callable[[], bool]:
        return lambda: self._writes != writes

    def _take(self, data: bytes) -> None:
        if self._queue and self._waiting_bytes + len(data) > self._most_bytes:
            lines = _lines(data)
            if isinstance(last := self._queue[-1], int):
                self._queue[-1] = last + lines
            else:
                self._queue.append(lines)
            self._dropped(lines)
        else:
            self._queue.append(data)
            self._waiting_bytes += len(data)
            self._changed.notify_all()

    # On the thread

    def _work(self) -> NoReturn:
        missing = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._queue))
                item = self._queue.popleft()
                self._is_writing = True
            if isinstance(item, int):
                missing += item
            if missing and self._put(self._instead(missing).encode(self._encoding, self.errors)):
                missing = 0
            if isinstance(item, bytes) and not self._put(item):
                missing += _lines(item)
                self._dropped(_lines(item))
            with self._changed:
                self._waiting_bytes -= len(item) if isinstance(item, bytes) else 0
                self._is_writing = False
                self._writes += 1
                self._changed.notify_all()

    def _put(self, data: bytes) -> bool:
        """Write, a line with its end at once, since processes share streams; False when refused."""
        with suppress(OSError):  # its reader is gone, its disk is full
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:  # another process made the stream it shares non-blocking
                    select.select((), (self._descriptor,), ())
        return not data


class ForgivingStream:
    """A standard stream of a command: what it does not take raises nothing, and is remembered."""

    def __init__(self, stream: TextIO | BinaryIO) -> None:
        self._stream = stream
        self.refused: OSError | None = None
        """Why something could not be written."""

    def __getattr__(self, name: str) -> object:
        """Be the stream in all else."""
        return getattr(self._stream, name)

    @property
    def buffer(self) -> "ForgivingStream":
        """The stream of bytes below, as forgiving."""
        below = ForgivingStream(cast("TextIO", self._stream).buffer)
        below._forgive = self._forgive  # type: ignore[method-assign]  # one stream, one memory
        return below

    def write(self, text: str | bytes) -> int:
        """Write if that can be."""
        try:
            return self._stream.write(text)  # type: ignore[arg-type]  # the caller knows which it is
        except OSError as error:
            self._forgive(error)
            return len(text)

    def flush(self) -> None:
        """Flush if that can be."""
        try:
            self._stream.flush()
        except OSError as error:
            self._forgive(error)

    def _forgive(self, error: OSError) -> None:
        """Remember why, and let what comes, and what Python has still buffered, go nowhere."""
        self.refused = self.refused or error
        with suppress(OSError, ValueError):  # not a stream of this process
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Have standard streams that are there and raise nothing; all is out, if it can be, at the end."""
    open_missing()
    before = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", ForgivingStream(sys.stdout))
    sys.stderr = cast("TextIO", ForgivingStream(sys.stderr))
    try:
        yield
    finally:
        settle()
        sys.stdout, sys.stderr = before


def serve(*, instead: Callable[[int], str], dropped: Callable[[int], None]) -> None:
    """From now on let nobody in this process wait for who reads its output or its log."""
    sys.stdout = cast("TextIO", QueuedStream(1, instead=instead, dropped=dropped))
    sys.stderr = cast("TextIO", QueuedStream(2, instead=instead, dropped=dropped))


def settle() -> None:
    """Wait until what was written is out; where somebody serves not longer than that is read."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, QueuedStream):
            stream.settle()
        else:
            stream.flush()


def refused() -> str:
    """Return why standard output did not take all; empty also when its reader has had enough."""
    error = sys.stdout.refused if isinstance(sys.stdout, ForgivingStream) else None
    return "" if error is None or isinstance(error, BrokenPipeError) else str(error.strerror)


def end_process(code: int) -> NoReturn:
    """End this process now, from any thread; what was written is given a moment to get out."""
    try:
        settle()
    finally:
        os._exit(code)


def _lines(data: bytes) -> int:
    return data.count(b"\n") or 1
