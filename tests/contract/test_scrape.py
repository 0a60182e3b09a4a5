"""The load tester's look at a daemon's metrics, over HTTP."""

import asyncio
import contextlib
import math

import pytest
from aiohttp import web

from loadtest.deployment.scrape import MetricsMissing, Scraper
from loadtest.traffic.clock import Clock

PAGE = """\
# TYPE tidemill_executor_busy_seconds counter
tidemill_executor_busy_seconds_total{model="a"} 1.5
tidemill_executor_busy_seconds_total{model="b"} 2.0
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.048576e+06
process_open_fds 17.0
# TYPE tidemill_lag_records gauge
tidemill_lag_records{topic="a"} 5
tidemill_lag_records{topic="b"} 2
# TYPE tidemill_flushes counter
tidemill_flushes_total{lane="x",cause="full"} 3
tidemill_flushes_total{lane="x",cause="linger"} 4
# TYPE tidemill_model_info gauge
tidemill_model_info{model="m",digest="1f",provider="CPU"} 1
something_else{le="+Inf"} 3
"""


@contextlib.asynccontextmanager
async def _serving(status, text, about=None):
    async def answer(_request):
        return web.Response(status=status, text=text if isinstance(text, str) else text[-1])

    app = web.Application()

    async def page(_request):
        return web.Response(status=200 if about else 404, text=about)

    app.router.add_get("/metrics", answer)
    app.router.add_get("/status.json", page)
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
    text = [PAGE]
    async with _serving(200, text) as url:
        scraper = Scraper(url)
        await scraper.look(Clock())
        text.append(PAGE.replace('="a"} 1.5', '="a"} 2.5').replace('"full"} 3', '"full"} 9'))
        await scraper.look(Clock())
    first, second = scraper.looks
    # What was before the first look does not count. Both models have one executor.
    assert first[1:] == (0, 2**20, 17, 7, {("x", "full"): 0, ("x", "linger"): 0}, 1)
    assert second[1:] == (1, 2**20, 17, 7, {("x", "full"): 6, ("x", "linger"): 0}, 1)
    assert 0 <= first.at_s < 10


async def test_a_page_without_lag_does_not_know_it():
    async with _serving(200, "process_open_fds 17.0\n") as url:
        scraper = Scraper(url)
        await scraper.look(Clock())
    assert math.isnan(scraper.looks[0].lag_records)


@pytest.mark.parametrize(
    ("page", "about"),
    [
        ('{"about": {"version": "1.2", "role": "worker", "other": 1}}', {"version": "1.2", "role": "worker"}),
        *((bad, {}) for bad in (None, "no JSON", "[]", "{}", '{"about": 1}', '{"about": [2]}')),
    ],
)  # fmt: skip
async def test_a_daemon_says_what_it_is_and_need_not(page, about):
    async with _serving(200, PAGE, page) as url:
        served = await Scraper(url).identity()
    assert served.about == about
    assert served.models == [{"model": "m", "digest": "1f", "provider": "CPU"}]


async def test_nobody_there_has_no_identity():
    assert await Scraper("http://127.0.0.1:1/metrics").identity() == ([], {})


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
