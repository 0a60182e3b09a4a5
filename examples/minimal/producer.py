"""Sends 100 rows of four numbers as they lie in memory, and prints each reply: sum and largest."""

import asyncio
import os
import secrets
import sys

import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

BROKER = os.environ.get("KAFKA_BOOTSTRAP", "127.0.0.1:9092")
PATIENCE_S = 30


async def main() -> None:
    """Publish the requests, then read until each has its reply."""
    rows = np.random.default_rng().integers(0, 100, (100, 4)).astype("<f4")
    waiting = {secrets.token_hex(8).encode(): row for row in rows}
    replies = AIOKafkaConsumer(
        "numbers.replies", bootstrap_servers=BROKER, isolation_level="read_committed"
    )
    requests = AIOKafkaProducer(bootstrap_servers=BROKER)
    async with replies, requests, asyncio.timeout(PATIENCE_S):
        await replies.seek_to_end()  # before the first request, so that no reply is missed
        for identity, row in waiting.items():
            headers = [("correlation-id", identity), ("content-type", b"application/octet-stream")]
            await requests.send("numbers", row.tobytes(), headers=headers)
        while waiting:
            reply = await replies.getone()
            about = dict(reply.headers)
            row = waiting.pop(about.get("correlation-id"), None)
            if row is not None and about["status"] == b"ok":
                print(row, "->", np.frombuffer(reply.value, "<f4"), about["batch-rows"].decode())
            elif row is not None:
                print(row, "->", reply.value.decode())


try:
    asyncio.run(main())
except TimeoutError:
    sys.exit(f"Not all replies came within {PATIENCE_S} s. Does `tidemill run` serve them?")
