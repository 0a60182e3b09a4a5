"""The address of health and metrics, on real sockets."""

import socket
import urllib.request
from asyncio import to_thread

import pytest

from daemon.telemetry.http import HttpServer
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Exit, Fatal


def server(port, *, host="127.0.0.1"):
    return HttpServer(
        host,
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


async def test_an_address_in_use_is_tried_again():
    """Its owner may be the process before this one, which still ends."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(Fatal, match=r"http\.port") as raised:
            await server(other.getsockname()[1]).start()

    assert raised.value.exit_code is Exit.WORK_LEFT


async def test_an_address_that_this_host_has_not_yet_is_tried_again():
    """As at boot, before its network is up. 192.0.2.0/24 is of documentation alone: RFC 5737."""
    with pytest.raises(Fatal, match=r"http\.host") as raised:
        await server(0, host="192.0.2.1").start()

    assert raised.value.exit_code is Exit.WORK_LEFT


async def test_an_address_that_is_none_is_a_matter_of_settings():
    with pytest.raises(Fatal, match=r"http\.host") as raised:
        await server(0, host="no host").start()

    assert raised.value.exit_code is Exit.SETTINGS
