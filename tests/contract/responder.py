"""Answers requests as a daemon would, with a behaviour that is known: for tests of the load tester."""

import asyncio
import contextlib
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from loadtest.wire import CORRELATION_ID, REQUEST_ID, STATUS


def echo(body):
    """Answer every request once, with its own body."""
    return [body]


class Responder:
    """Reads `requests` and writes `replies`; an asynchronous context manager.

    `delay_s`: each reply leaves so long after its request was read. `answers(body)`: the bodies of
    the replies to a request, none for silence.
    """

    def __init__(self, bootstrap, requests, replies, *, delay_s=0.0, answers=echo):
        self._replies = replies
        self._delay_s = delay_s
        self._answers = answers
        self._stall_ends_s = 0.0
        self._consumer = AIOKafkaConsumer(*requests, bootstrap_servers=bootstrap, group_id=None)
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        self._tasks = set()
        self.first_read = asyncio.Event()

    async def __aenter__(self):
        await self._producer.start()
        await self._consumer.start()
        await self._consumer.seek_to_end()
        self._spawn(self._respond())
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks)
        await self._consumer.stop()
        await self._producer.stop()

    def stall(self, for_s):
        """Answer nothing for so long."""
        self._stall_ends_s = time.monotonic() + for_s

    async def _respond(self):
        while True:
            fetched = await self._consumer.getmany(timeout_ms=100)
            records = [record for records in fetched.values() for record in records]
            if records:
                self.first_read.set()
                self._spawn(self._answer_at(time.monotonic() + self._delay_s, records))

    async def _answer_at(self, due_s, records):
        await asyncio.sleep(max(due_s, self._stall_ends_s) - time.monotonic())
        for record in records:
            headers = [
                (CORRELATION_ID, dict(record.headers)[CORRELATION_ID]),
                (REQUEST_ID, f"{record.topic}/{record.partition}/{record.offset}".encode()),
                (STATUS, b"ok"),
            ]
            for body in self._answers(record.value):
                await self._producer.send(self._replies, body, headers=headers)

    def _spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task):
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()
