"""What is long, in pieces between which the loop does everything else."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

from daemon.values.lane import PIECE_S

Item = TypeVar("Item")


async def in_pieces(
    items: Iterable[Item], *, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Item]:
    """Yield `items`; the loop has its turn whenever these, and what was done with them, took PIECE_S.

    How long it is kept is that and one item more. `clock`: monotonic seconds.
    """
    began_s = clock()
    for item in items:
        yield item
        if clock() - began_s >= PIECE_S:
            await asyncio.sleep(0)
            began_s = clock()
