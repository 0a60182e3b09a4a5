"""The command of the image's HEALTHCHECK, against the server that it asks."""

import asyncio
import os
import sys

import pytest

from daemon.telemetry.http import HttpServer
from daemon.telemetry.metrics import Metrics
from tests.dockerfile import health_check


async def checked(port):
    """Run the health check as in a container with this port; return its exit code."""
    program, *words = health_check()
    assert program == "python"
    environment = os.environ | {"TIDEMILL__HTTP__PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


@pytest.mark.parametrize(("live", "code"), [(True, 0), (False, 1)])
async def test_it_says_what_livez_says(live, code):
    server = HttpServer(
        "127.0.0.1",
        0,
        live=lambda: (live, "as told"),
        ready=lambda: (not live, "not asked"),
        registry=Metrics().registry,
    )
    port = await server.start()
    try:
        assert await checked(port) == code
    finally:
        await server.stop()


async def test_nobody_there_is_not_healthy(unused_tcp_port):
    assert await checked(unused_tcp_port) == 1
