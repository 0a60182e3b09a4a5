"""What the demo needs around its traffic: the example's configuration and model."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from loadtest.demo.report import DemoLane

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "examples" / "filetype"
CONFIG = EXAMPLE / "tidemill.toml"
_MODEL_TIMEOUT_S = 60.0


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


def settings() -> dict[str, Any]:
    """Return the example's configuration; raises DemoFailed outside Tidemill's repository."""
    if not CONFIG.exists():
        raise DemoFailed(f"{CONFIG} is missing: the demo runs in Tidemill's repository")
    return tomllib.loads(CONFIG.read_text())


def lanes(written: dict[str, Any]) -> list[DemoLane]:
    """Return the lanes of the example, the first topic of each."""
    return [
        DemoLane(name, lane["topics"][0], lane["max_rows"], lane["linger"])
        for name, lane in written["lanes"].items()
    ]


def fetch_model() -> None:
    """Have the example fetch its model, as a user would; raises DemoFailed."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(EXAMPLE / "get_model.py")],
        capture_output=True,
        text=True,
        timeout=_MODEL_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise DemoFailed(done.stderr)
