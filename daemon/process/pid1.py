"""What a process must see to itself when it is the first one, as in a container."""

import os
import signal
from types import FrameType


def heed_term() -> None:
    """Let TERM end this process until something else handles it, where it would be ignored.

    Process 1 gets only the signals that it handles (kill(2)). One that came while the program still
    starts would be lost, and its sender would wait out the whole grace.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)  # what a shell says of a process that this signal ended
