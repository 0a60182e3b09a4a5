"""A host whose clock is two hours ahead of the broker's."""

import sys
import time

_right_s = time.time
time.time = lambda: _right_s() + 7_200

from daemon.__main__ import main  # noqa: E402 -- what reads the clock finds the wrong one

sys.exit(main())
