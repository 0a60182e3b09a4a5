"""How often this process died while it started, counted where its own end cannot lose it.

What kills a process while it loads and warms up its models leaves nothing to isolate: it is the
model, or there is no memory for it. Under a supervisor the slots count that. A process that a service
manager starts counts in a file in the folder that STATE_DIRECTORY names (systemd's StateDirectory=);
without one nobody counts, and the manager's own pauses are all there is.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.values.errors import MOST_DEATHS_AT_START, Exit, Fatal

STATE_DIRECTORY = "STATE_DIRECTORY"


class StartAttempts:
    """Counts starts of one worker with the same files; what it cannot write it does without."""

    def __init__(self, environ: Mapping[str, str], name: str, files: Iterable[Path]) -> None:
        """`name` tells this worker from others that share the folder; `files` are its models'."""
        folder = environ.get(STATE_DIRECTORY, "").partition(":")[0]
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._file = Path(folder) / f"start-{digest}.json" if folder else None
        self._files = list(files)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Count while it lasts; only a process that dies in it leaves the count behind.

        Raises Fatal (65) when too many have, and forgets them: who starts it once more by hand has
        mended something, as often as not memory.
        """
        if self._file is None:
            yield
            return
        seen = self._seen()
        died = self._died(seen)
        try:
            if died >= MOST_DEATHS_AT_START:
                raise Fatal(
                    Exit.MODEL_REFUSED,
                    f"the process died {died} times in a row while it loaded and warmed up its "
                    "models: one of them kills it, or there is no memory for it; mend that and start "
                    "it again",
                )
            self._write({"died": died + 1, "files": seen})
            yield
        finally:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _died(self, seen: list[list[int]]) -> int:
        """Return how many died in a row with the files as they are now."""
        try:
            written = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
            if written["files"] == seen:
                return int(written["died"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0

    def _write(self, written: Mapping[str, object]) -> None:
        if self._file is None:
            return
        with suppress(OSError), self._file.open("w", encoding="utf-8") as file:
            json.dump(written, file)
            file.flush()
            os.fsync(file.fileno())

    def _seen(self) -> list[list[int]]:
        """Size and time of each file; nothing for one that is not there."""
        found = []
        for path in self._files:
            with suppress(OSError):
                stat = path.stat()
                found.append([stat.st_size, stat.st_mtime_ns])
        return found
