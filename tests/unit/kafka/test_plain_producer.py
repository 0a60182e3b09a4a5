"""A producer of somebody who sends by hand leaves nothing open, however its start ends."""

import asyncio
import gc
from pathlib import Path

import pytest

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.writing.plain_producer import PlainProducer

KAFKA = Kafka(group="g", bootstrap_servers="127.0.0.1:1")


async def _connect():
    async with PlainProducer(KAFKA, [], base=Path()):
        pass


async def test_it_is_closed_when_it_is_stopped_while_it_waits_for_a_broker(monkeypatch):
    told, waiting = [], asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def wait_until_reachable(*_):
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "wait_until_reachable", wait_until_reachable)
    connecting = asyncio.ensure_future(_connect())
    await waiting.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting

    del connecting
    gc.collect()
    assert not told
