"""One page of metrics from a supervisor and its workers, over real sockets."""

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.parser import text_string_to_metric_families

from daemon.slots.totals import WorkerProcess
from daemon.supervision.gathering import Gathering

FIRST, OTHER = WorkerProcess(0, 1), WorkerProcess(1, 2)


class Page:
    """Shows `text` once it `may` answer."""

    def __init__(self):
        self.text = "a_total 1.0\n"
        self.may = asyncio.Event()
        self.may.set()
        self.asked = asyncio.Event()

    async def serve(self, _):
        text = self.text  # as it was when it was asked
        self.asked.set()
        await self.may.wait()
        return web.Response(text=f"# TYPE a_total counter\n{text}")


@pytest.fixture
async def serve():
    """serve(page): the port it is served at."""
    runners = []

    async def start(handler):
        app = web.Application()
        app.add_routes([web.get("/metrics", handler)])
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return runners[-1].addresses[0][1]

    yield start
    for each in runners:
        await each.cleanup()


@pytest.fixture
async def gathering():
    own = CollectorRegistry()
    Gauge("own", "of the supervisor", registry=own).set(7)
    Counter("a", "the supervisor counts it too", registry=own).inc(100)
    made = Gathering(own)
    await made.open()
    yield made
    await made.close()


async def samples(gathering):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in await gathering.families()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


async def test_samples_of_the_supervisor_stay_as_they_are(gathering, serve):
    gathering.listening(FIRST, await serve(Page().serve))

    assert await samples(gathering) == {("own",): 7, ("a_total",): 100, ("a_total", "0"): 1}


async def test_who_does_not_answer_or_is_somebody_else_is_left_out(gathering, serve):
    async def nonsense(_):
        return web.Response(text="a_total x y z\n")

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gathering.listening(FIRST, port)
    gathering.listening(OTHER, await serve(nonsense))

    assert await samples(gathering) == {("own",): 7, ("a_total",): 100}


async def test_what_a_worker_left_behind_is_shown_from_then_on(gathering, serve):
    gathering.listening(FIRST, await serve(Page().serve))
    await gathering.families()

    gathering.ended(FIRST, b"# TYPE a_total counter\na_total 5.0\n")

    assert await samples(gathering) == {("own",): 7, ("a_total",): 100, ("a_total", "0"): 5}


async def test_an_answer_that_a_worker_s_end_overtakes_is_not_counted_again(gathering, serve):
    page = Page()
    page.may.clear()
    gathering.listening(FIRST, await serve(page.serve))
    asking = asyncio.create_task(gathering.families())
    await page.asked.wait()

    gathering.ended(FIRST, b"# TYPE a_total counter\na_total 5.0\n")
    page.may.set()
    await asking

    assert await samples(gathering) == {("own",): 7, ("a_total",): 100, ("a_total", "0"): 5}


async def test_it_is_served_as_prometheus_reads_it(gathering, serve):
    gathering.listening(FIRST, await serve(Page().serve))
    port = await serve(gathering.serve)

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        found = {each.name: each for each in text_string_to_metric_families(await answer.text())}

    assert found["a"].type == "counter"
    assert {sample.value for sample in found["a"].samples} == {1, 100}
