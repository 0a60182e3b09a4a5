"""Sends requests of one lane, and says when they were answered: `producer.py documents`, or `urgent`."""

import argparse
import asyncio
import os
import secrets
import sys
import time

import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

BROKER = os.environ.get("KAFKA_BOOTSTRAP", "127.0.0.1:9092")
REQUESTS = {"documents": 100, "urgent": 5}


async def main(lane: str) -> None:
    """Publish the requests, then read until each has its reply, however long that takes."""
    rows = np.random.default_rng().integers(0, 100, (REQUESTS[lane], 4)).astype("<f4")
    waiting = {secrets.token_hex(8).encode(): row for row in rows}
    replies = AIOKafkaConsumer(
        "office.replies", bootstrap_servers=BROKER, isolation_level="read_committed"
    )
    requests = AIOKafkaProducer(bootstrap_servers=BROKER)
    async with replies, requests:
        await replies.seek_to_end()  # before the first request, so that no reply is missed
        for identity, row in waiting.items():
            headers = [("correlation-id", identity), ("content-type", b"application/octet-stream")]
            await requests.send(f"office.{lane}", row.tobytes(), headers=headers)
        await requests.flush()
        sent_s = time.monotonic()
        say(f"{len(rows)} sent to office.{lane}")
        while waiting:
            reply = await replies.getone()
            about = dict(reply.headers)
            if waiting.pop(about.get("correlation-id"), None) is None:
                continue
            if about["status"] != b"ok":
                say(reply.value.decode())
            elif len(waiting) == len(rows) - 1:
                say(f"the first is answered, after {time.monotonic() - sent_s:.1f} s")
    say(f"the last is answered, after {time.monotonic() - sent_s:.1f} s")


def say(text: str) -> None:
    """Print it beside the time of day."""
    print(time.strftime("%H:%M:%S"), text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lane", choices=REQUESTS)
    try:
        asyncio.run(main(parser.parse_args().lane))
    except KeyboardInterrupt:
        sys.exit("Ended before all was answered; the other replies will come to office.replies.")
