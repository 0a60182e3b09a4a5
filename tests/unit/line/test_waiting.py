"""Who waits in Kafka for a moment is counted where there are such moments."""

import asyncio

from daemon.line.waiting import Waiting


async def test_nobody_looks_where_no_lane_opens_by_the_clock():
    """It would go on for ever, and wake an idle worker each second."""
    async with asyncio.timeout(60):
        await Waiting(source=None, lanes=[]).run()
