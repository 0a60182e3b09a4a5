"""The daemon on a host whose wall clock jumps: jumping_clock.py FILE run ...

FILE says how many seconds it is ahead at this moment; monotonic clocks go on as they do.
"""

import sys
import time
from pathlib import Path

_ahead = Path(sys.argv[1])
_right_s, _right_ns = time.time, time.time_ns


def _ahead_s() -> float:
    return float(_ahead.read_text(encoding="utf-8") or 0)


time.time = lambda: _right_s() + _ahead_s()
time.time_ns = lambda: _right_ns() + int(_ahead_s() * 1e9)

from daemon.__main__ import main  # noqa: E402 -- what reads the clock finds the wrong one

sys.exit(main(sys.argv[2:]))
