"""When Python's cyclic garbage collector may run.

Left to itself it walks every buffered record again and again: a third of the time of a plain
relay loop (docs/performance.md). Off for ever would leak, since futures can form cycles.
"""

import gc

_SOON = 50_000
"""Objects made since the last collection that are worth one while the line is empty."""
_LATEST = 5_000_000
"""Objects after which it runs in any case; at 1 KiB of cycles among a thousand, 5 MiB."""


class GcPolicy:
    """Takes the collector over: freezes what start-up made, collects when idle or overdue."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()

    def collect(self, *, idle: bool) -> None:
        """Collect if it is worth while now."""
        made = gc.get_count()[0]
        if made > _LATEST or (idle and made > _SOON):
            gc.collect()
