"""What a command waits for, said on standard error when that takes long."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SILENT_S = 2.0
_SAID_EVERY_S = 10.0
"""Guesses: who types waits two seconds without asking, and is not told the same more than six times a minute."""


@contextmanager
def waiting(what: str, *, silent_s: float = _SILENT_S) -> Iterator[None]:
    """Say `what` is waited for after `silent_s`, and again every 10 s, until this is left."""
    over = threading.Event()
    telling = threading.Thread(target=_tell, args=(what, silent_s, over), daemon=True)
    telling.start()
    try:
        yield
    finally:
        over.set()
        telling.join()


def _tell(what: str, pause_s: float, over: threading.Event) -> None:
    waited_s = 0.0
    while not over.wait(pause_s):
        waited_s += pause_s
        sys.stderr.write(f"tidemill: {what} ({waited_s:.0f} s)\n")
        sys.stderr.flush()
        pause_s = _SAID_EVERY_S
