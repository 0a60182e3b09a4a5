"""Brokers that come back under other addresses, on a real Kafka."""

import asyncio
import contextlib
import socket

import pytest
from aiokafka import AIOKafkaProducer

from tests.contract.worlds import Workers, gather, read, started_sink, until, values_of

pytestmark = pytest.mark.kafka


class _Door:
    """An address that stays, before a broker whose own changes."""

    def __init__(self, broker):
        self._broker = broker
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.bootstrap = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forward(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            with contextlib.suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", self._broker.ports.client)
                try:
                    await asyncio.wait(
                        (
                            asyncio.ensure_future(_pump(reader, there[1])),
                            asyncio.ensure_future(_pump(there[0], writer)),
                        ),
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    there[1].transport.abort()
        finally:
            writer.transport.abort()


async def _pump(reader, writer):
    with contextlib.suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)


def _move(broker):
    """Let the broker come back with its data under another address."""
    broker.stop()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    broker._ports = broker.ports._replace(client=port)
    broker.start()


async def test_a_broker_that_moved_is_found_again_by_who_reads_and_writes(broker, private_topics):
    names = await private_topics(requests=1, replies=1, dead=1)
    async with (
        _Door(broker) as door,
        Workers(door.bootstrap, private_topics) as workers,
        started_sink(door.bootstrap, private_topics) as sink,
    ):
        source = await workers.start()
        await sink.send(names.replies, 0, [(None, b"before", [])])

        await asyncio.to_thread(_move, broker)
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            await producer.send_and_wait(names.requests, b"after", partition=0)

        assert values_of(await gather(source, [names.requests], 1)) == [b"after"]
        await sink.send(names.replies, 0, [(None, b"after", [])])
        found = await read(broker.bootstrap, names.replies, 2)
        assert [record.value for record in found] == [b"before", b"after"]


async def test_the_reason_is_told_while_nobody_answers(broker, private_topics):
    await private_topics(requests=1)
    async with Workers(broker.bootstrap, private_topics) as workers:
        source = await workers.start()
        assert source.trouble == ""

        await asyncio.to_thread(broker.stop)
        await until(lambda: "refused" in source.trouble)

        assert f"at {broker.bootstrap}: " in source.trouble
