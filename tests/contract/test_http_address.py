"""The address of health and metrics, on real sockets."""

import socket
import urllib.request
from asyncio import to_thread

import pytest

from daemon.telemetry.http import HttpServer
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Exit, Fatal


def server(port):
    return HttpServer(
        "127.0.0.1",
        port,
        live=lambda: (True, "moves"),
        ready=lambda: (True, "serves"),
        registry=Metrics().registry,
    )


async def test_port_0_takes_a_free_one():
    serving = server(0)
    port = await serving.start()
    try:
        with await to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/livez") as answer:
            assert answer.status == 200
    finally:
        await serving.stop()


async def test_an_address_in_use_is_a_matter_of_settings():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(Fatal, match=r"http\.port") as raised:
            await server(other.getsockname()[1]).start()

    assert raised.value.exit_code is Exit.SETTINGS
