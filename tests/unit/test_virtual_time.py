"""The event loop that unit and pipeline tests are promised."""

import asyncio


async def test_an_hour_passes_at_once():
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await asyncio.sleep(3600)
    assert loop.time() - began_s == 3600
