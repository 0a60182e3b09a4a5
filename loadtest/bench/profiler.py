"""Profiles a contestant with py-spy, which is not among the locked requirements."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.bench.contestants import Contestant, Process, Topics

_RATE_PER_S = 400
_END_TIMEOUT_S = 60.0


def profiled(contestant: Contestant, output: Path) -> Contestant:
    """Return `contestant` under py-spy, which writes a flame graph (.svg) or stacks (.txt).

    Raises FileNotFoundError when py-spy is not on the PATH.
    """

    @contextmanager
    def start(topics: Topics) -> Iterator[Process]:
        with contestant(topics) as process:
            profiler = subprocess.Popen(_command(process.pid, output))  # noqa: S603 - see _command
            try:
                yield process
            finally:
                profiler.send_signal(signal.SIGINT)
                profiler.wait(_END_TIMEOUT_S)

    return start


def _command(pid: int, output: Path) -> list[str]:
    py_spy = shutil.which("py-spy")
    if py_spy is None:
        raise FileNotFoundError("py-spy is not on the PATH: pipx install py-spy")
    form = "flamegraph" if output.suffix == ".svg" else "raw"
    options = ["--native", "--rate", str(_RATE_PER_S), "--format", form, "--output", str(output)]
    return [py_spy, "record", "--pid", str(pid), *options]
