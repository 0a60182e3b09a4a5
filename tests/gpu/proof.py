"""`make gpu-proof`: everything that is claimed of a GPU, shown on one, in under five minutes.

It needs neither a network nor Kafka: the tests of tests/gpu/ (sessions, and the line between two
ends without Kafka), then figures. Where there is no card it says so, and does what it can on the
CPU, as a dry run: that shows that the proof works, and nothing of a GPU.

Ends with 0 when all of it was shown on a card, with 1 when something was not, with 3 when there is no
card and the dry run went well.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from config.settings import Log
from daemon.telemetry import logs
from runtime import cuda
from tests.gpu.conftest import DRY_RUN
from tests.gpu.figures import figures

SHOWN, NOT_SHOWN, NO_CARD = 0, 1, 3
_ROOT = Path(__file__).parents[2]
_LONGEST_S = 300
"""A card may be lent for minutes."""


def main() -> int:
    """Run the proof; return how the process ends."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    seconds = options.parse_args().seconds
    began_s = time.monotonic()
    logs.configure(Log(level="error"), worker="proof")
    obstacle = cuda.obstacle()
    if obstacle is not None:
        _say(f"There is no usable GPU: {obstacle.reason}.")
        _say("This is a dry run on the CPU. It shows that the proof works, and nothing of a GPU.")
        os.environ[DRY_RUN] = "1"
    _say("")
    is_shown = _tests_pass()
    _say("")
    with tempfile.TemporaryDirectory() as folder:
        device = "cpu" if obstacle else "cuda"
        for line in figures(Path(folder), device, seconds=seconds):
            _say(line)
    took_s = time.monotonic() - began_s
    _say(f"{took_s:.0f} s.")
    if not is_shown or took_s > _LONGEST_S:
        _say("Not shown: see above." if not is_shown else "Not shown in under five minutes.")
        return NOT_SHOWN
    if obstacle is not None:
        _say("Nothing was shown of a GPU; the dry run went well.")
        _say(f"To use one: {obstacle.remedy}.")
        return NO_CARD
    _say("All of it was shown on this GPU.")
    return SHOWN


def _tests_pass() -> bool:
    pytest = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider"]
    return subprocess.run([*pytest, "tests/gpu"], cwd=_ROOT, check=False).returncode == 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- it is a command


if __name__ == "__main__":
    sys.exit(main())
