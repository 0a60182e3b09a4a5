"""Ends runs that take too long, from one thread for all runs of a session.

Nothing is polled, and beginning and ending a run wake nobody: the thread sleeps until the limit of
the run it knows of. When it wakes, that run is long over and it sleeps until the limit of the
present one. So it wakes about once every run limit, however many runs there are.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from runtime.errors import ModelStuck


class Endable(Protocol):
    """onnxruntime's RunOptions, as far as it is used here."""

    terminate: bool


class RunLimit:
    """Tells the run that is over its limit to end; says so when it does not."""

    def __init__(
        self, *, full_s: float, grace_s: float, on_stuck: Callable[[ModelStuck], None]
    ) -> None:
        """`on_stuck` is called once, from this thread, when a run was told in vain.

        That is `grace_s` after its limit, or after `full_s` if its limit was shorter: a run that may
        take so long by the settings is not stuck before.
        """
        self._full_s = full_s
        self._grace_s = grace_s
        self._on_stuck = on_stuck
        self._changed = threading.Condition()
        self._run: Endable | None = None
        self._due_s = math.inf
        self._stuck_s = math.inf
        self._wakes_s = math.inf
        self._told = False
        self._closed = False
        threading.Thread(target=self._watch, name="run-limit", daemon=True).start()

    def begin(self, run: Endable, limit_s: float) -> None:
        """Watch `run` from now on; it is the only one."""
        now_s = time.monotonic()
        due_s = now_s + limit_s
        with self._changed:
            self._run, self._due_s, self._told = run, due_s, False
            self._stuck_s = now_s + max(limit_s, self._full_s) + self._grace_s
            if due_s < self._wakes_s:
                self._changed.notify()

    def end(self) -> bool:
        """Return whether the run was told to end; it is not touched any more."""
        with self._changed:
            self._run = None
            return self._told

    def close(self) -> None:
        """End the thread, once no run needs it."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not (self._closed and self._run is None):
                if self._run is None:
                    self._sleep_until(math.inf)
                elif time.monotonic() < self._due_s:
                    self._sleep_until(self._due_s)
                elif not self._told:
                    self._run.terminate = True
                    self._told = True
                    self._due_s = max(self._stuck_s, time.monotonic() + self._grace_s)
                else:
                    break
            stuck = self._run is not None
        if stuck:
            self._on_stuck(
                ModelStuck(
                    f"a run went on {self._grace_s:g} s beyond its limit, told to end in vain"
                )
            )

    def _sleep_until(self, wakes_s: float) -> None:
        self._wakes_s = wakes_s
        self._changed.wait(None if wakes_s == math.inf else wakes_s - time.monotonic())
