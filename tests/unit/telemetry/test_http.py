import asyncio
import json

import pytest
from aiohttp import web

from daemon.telemetry.http import HttpServer
from daemon.telemetry.metrics import Metrics

WELL = (True, "all is well")


class Served:
    """A server whose health the test sets, and a client that speaks plain HTTP to it."""

    def __init__(self, routes=()):
        self.live = self.ready = WELL
        self.metrics = Metrics()
        self.server = HttpServer(
            "127.0.0.1",
            0,
            live=lambda: self.live,
            ready=lambda: self.ready,
            registry=self.metrics.registry,
            routes=routes,
        )
        self.port = None

    async def get(self, path, method="GET"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body


@pytest.fixture
async def served():
    served = Served()
    served.port = await served.server.start()
    yield served
    await served.server.stop()


async def test_a_worker_that_moves_is_live(served):
    status, body = await served.get("/livez")

    assert status == 200
    assert json.loads(body) == {"ok": True, "reason": "all is well"}


async def test_a_stalled_worker_is_not_live_and_says_why(served):
    served.live = (False, "3 requests are held and none was answered for 60.0 s")

    status, body = await served.get("/livez")

    assert status == 503
    assert json.loads(body)["reason"].startswith("3 requests are held")


async def test_readiness_is_not_liveness(served):
    served.ready = (False, "no broker answers")

    assert (await served.get("/livez"))[0] == 200
    assert (await served.get("/readyz"))[0] == 503


async def test_health_is_asked_at_each_request(served):
    served.ready = (False, "the model is warming up")
    assert (await served.get("/readyz"))[0] == 503

    served.ready = WELL
    assert (await served.get("/readyz"))[0] == 200


async def test_metrics_are_served(served):
    served.metrics.rebalance()

    status, body = await served.get("/metrics")

    assert status == 200
    assert b"tidemill_rebalances_total 1.0" in body


@pytest.mark.parametrize("path", ["/", "/metrics/", "/config"])
async def test_any_other_path_names_those_there_are(served, path):
    status, body = await served.get(path)

    assert status == 404
    assert b"/livez, /readyz and /metrics" in body


async def test_routes_of_the_process_are_served_beside_the_usual_ones():
    async def hello(_):
        return web.Response(text="hello")

    served = Served([web.get("/hello", hello)])
    served.port = await served.server.start()
    try:
        assert await served.get("/hello") == (200, b"hello")
        assert (await served.get("/livez"))[0] == 200
        assert (await served.get("/"))[1].startswith(b"/hello, /livez, /readyz and /metrics")
    finally:
        await served.server.stop()


async def test_nothing_can_be_changed_over_http(served):
    status, _ = await served.get("/readyz", method="POST")

    assert status in {404, 405}
