"""The load tester's look at a daemon's metrics, over HTTP."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from loadtest.traffic.clock import Clock
from loadtest.traffic.scrape import MetricsMissing, Scraper

PAGE = """\
# TYPE tidemill_executor_busy_seconds counter
tidemill_executor_busy_seconds_total{model="a"} 1.5
tidemill_executor_busy_seconds_total{model="b"} 2.0
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.048576e+06
process_open_fds 17.0
something_else{le="+Inf"} 3
"""


@contextlib.asynccontextmanager
async def _serving(status, text):
    async def answer(_request):
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        await runner.cleanup()


async def test_a_look_reads_what_targets_ask_for():
    async with _serving(200, PAGE) as url:
        scraper = Scraper(url)
        await scraper.look(Clock())
    (look,) = scraper.looks
    assert look[1:] == (3.5, 2**20, 17)
    assert 0 <= look.at_s < 10


async def test_a_page_that_is_refused_is_missing():
    async with _serving(503, "") as url:
        with pytest.raises(MetricsMissing, match="answered 503"):
            await Scraper(url).look(Clock())


async def test_nobody_there_is_missing_and_does_not_end_the_looking():
    scraper = Scraper("http://127.0.0.1:1/metrics")
    with pytest.raises(MetricsMissing, match="does not answer"):
        await scraper.look(Clock())
    looking = asyncio.create_task(scraper.run(Clock()))
    await asyncio.sleep(0.1)
    assert not looking.done()
    looking.cancel()


@pytest.mark.parametrize("url", ["localhost:9464", "https://x/metrics", "http://"])
def test_what_is_no_http_address_is_refused(url):
    with pytest.raises(ValueError, match="http://"):
        Scraper(url)
