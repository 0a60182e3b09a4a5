"""So many processes of one transform: a call takes one that is idle, and who ends is replaced.

Each has a thread that starts it and waits for its end, since the kernel ends it with that thread.
"""

import threading
from collections.abc import Callable

from runtime.errors import ModelRefused, TransformFailed, TransformGone, TransformLate
from runtime.processes.frames import Call, Loaded, Outcome
from runtime.processes.process import TransformProcess

_MOST_FAILURES = 3
"""Starts in vain, one after the other, before a pool without any process is given up."""
_PAUSE_S = 1.0
"""Between two of them: what is short may come back."""


class TransformPool:
    """Processes that are alike; any thread may call them."""

    def __init__(
        self, start: Callable[[], TransformProcess], count: int, *, ended: Callable[[str], None]
    ) -> None:
        """Start `count` processes and wait until their transforms are loaded; raises ModelRefused.

        `ended` is told of each that ends, and of what, from another thread.
        """
        self._start = start
        self._ended = ended
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._alive: set[TransformProcess] = set()
        self._idle: list[TransformProcess] = []
        self._killed_for: dict[TransformProcess, str] = {}
        self._is_complete = False
        self._refused: ModelRefused | None = None
        for _ in range(count):
            threading.Thread(target=self._keep, name="transform-process", daemon=True).start()
        self.loaded: Loaded = self._first_loaded(count)

    def _first_loaded(self, count: int) -> Loaded:
        """Wait for all of them; return what they say of the transform; raises ModelRefused."""
        with self._changed:
            while self._refused is None and len(self._alive) < count:
                self._changed.wait()
            self._is_complete = self._refused is None
        if self._refused is not None:
            self.close()
            raise self._refused
        return self._idle[0].loaded

    @property
    def pids(self) -> list[int]:
        """The processes at present."""
        with self._changed:
            return [process.pid for process in self._alive]

    def call(self, call: Call, *, limit_s: float) -> Outcome:
        """Return what comes of `call` in a process; waits for one that is idle.

        Raises:
            TransformLate: it took longer than `limit_s`, and its process is killed.
            TransformFailed: its process has ended.
            TransformGone: no process can be started any more.
        """
        process = self._take()
        try:
            outcome = process.ask(call, limit_s=limit_s)
        except TimeoutError as error:
            with self._changed:
                self._killed_for[process] = f"a call took longer than {limit_s:g} s"
            process.end()
            raise TransformLate(limit_s) from error
        except (EOFError, OSError, ValueError, MemoryError) as error:
            method = type(call).__name__.lower()
            raise TransformFailed(f"{method} ended its process ({process.end()})") from error
        self._give_back(process)
        return outcome

    def close(self) -> None:
        """End all of them."""
        self._closed.set()
        with self._changed:
            for process in self._alive:
                process.kill()
            self._changed.notify_all()

    def _take(self) -> TransformProcess:
        with self._changed:
            while True:
                while self._idle:
                    process = self._idle.pop()
                    if process.is_alive:
                        return process
                    process.end()  # which is no fault of who calls now
                if self._refused is not None:
                    raise TransformGone(str(self._refused))
                if self._closed.is_set():
                    raise TransformGone("it is closed")
                self._changed.wait()

    def _give_back(self, process: TransformProcess) -> None:
        with self._changed:
            if process in self._alive:
                self._idle.append(process)
                self._changed.notify()
            else:  # it has ended after its answer
                process.end()

    # In a process's own thread

    def _keep(self) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                process = self._start()
            except Exception as error:  # noqa: BLE001 -- else nobody starts another, or says so
                failures += 1
                if self._give_up(_refusal(error), failures):
                    return
                self._closed.wait(_PAUSE_S)
                continue
            failures = 0
            self._serve_out(process)

    def _give_up(self, refused: ModelRefused, failures: int) -> bool:
        """Return whether there is no hope: at the beginning, or where nothing is left to call."""
        with self._changed:
            if not self._is_complete or (failures >= _MOST_FAILURES and not self._alive):
                self._refused = refused
                self._changed.notify_all()
            return self._refused is not None

    def _serve_out(self, process: TransformProcess) -> None:
        """Let `process` be called until it ends."""
        with self._changed:
            if self._closed.is_set():
                process.kill()
            self._alive.add(process)
            self._idle.append(process)
            self._changed.notify_all()
        of = process.wait()
        with self._changed:
            self._alive.discard(process)
            if process in self._idle:
                self._idle.remove(process)
                process.end()
            reason = self._killed_for.pop(process, "")
        if not self._closed.is_set():
            self._ended(reason or of)


def _refusal(error: Exception) -> ModelRefused:
    if isinstance(error, ModelRefused):
        return error
    return ModelRefused(
        f"no process of a transform can be started: {type(error).__name__}: {error}",
        "look at the limits of processes, files and memory",
    )
