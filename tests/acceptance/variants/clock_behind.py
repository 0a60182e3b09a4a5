"""A host whose clock is a minute behind the broker's, which only a topic that minds will notice."""

import sys
import time

_right_s = time.time
time.time = lambda: _right_s() - 60

from daemon.__main__ import main  # noqa: E402 -- what reads the clock finds the wrong one

sys.exit(main())
