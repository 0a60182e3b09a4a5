"""Who waits in Kafka for a moment is counted where there are such moments."""

from daemon.line.waiting import Waiting


async def test_nobody_looks_where_no_lane_opens_by_the_clock():
    """It would go on for ever, and wake an idle worker each second."""
    await Waiting(source=None, lanes=[]).run()
