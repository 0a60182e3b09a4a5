"""The event loop that long-lived processes run on."""

import asyncio
import sys
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes one, None for the standard library's."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 -- there is none for Windows

    return uvloop.new_event_loop
