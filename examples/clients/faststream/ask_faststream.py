"""Five questions to Tidemill with FastStream.

python ask_faststream.py BROKER TOPIC REPLY_TOPIC REPLY_PARTITION
"""

import asyncio
import struct
import sys
import time
import uuid

from faststream.kafka import KafkaBroker, KafkaMessage, TopicPartition

LATE_AND_REPEATED = 2
"""Replies of the last two questions that are ignored."""


class Asker:
    """Asks on one topic, and reads one partition of the reply topic."""

    def __init__(self, broker: KafkaBroker, topic: str, reply_topic: str, partition: int) -> None:
        self.broker, self.topic, self.reply_topic = broker, topic, reply_topic
        # Headers are text here. A partition below 128 is the same four bytes in UTF-8.
        self.partition = struct.pack(">i", partition).decode()
        # No group: one partition, where nobody else's headers are other than UTF-8.
        self.replies = broker.subscriber(partitions=[TopicPartition(reply_topic, partition)])
        self.ignored = 0

    async def start(self) -> None:
        """Go to the end of the replies, so that none of ours is missed."""
        await self.broker.start()
        await self.replies.consumer.seek_to_end()

    async def ask(
        self, body: bytes, *, timeout_ms: int = 30_000, wait_s: float = 30.0, times: int = 1
    ) -> str:
        """Return "ok" and the result in hexadecimal, the code of an error, or "no_reply"."""
        identity = str(uuid.uuid4())
        headers = {
            "kafka_replyPartition": self.partition,
            "content-type": "application/octet-stream",
            "timeout-ms": str(timeout_ms),
        }
        for _ in range(times):
            await self.broker.publish(
                body,
                self.topic,
                headers=headers,
                reply_to=self.reply_topic,
                correlation_id=identity,
            )
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            reply: KafkaMessage | None = await self.replies.get_one(timeout=left_s)
            if reply is None:
                continue
            if reply.correlation_id != identity:
                self.ignored += 1  # another's, a repetition, or one that nobody waits for any more
            elif reply.headers["status"] == "error":
                return reply.headers["error-code"]
            else:
                return f"ok {reply.body.hex()}"
        return "no_reply"


async def main() -> None:
    """Ask the five questions."""
    server, topic, reply_topic, partition = sys.argv[1:]
    async with KafkaBroker(server, logger=None) as broker:
        client = Asker(broker, topic, reply_topic, int(partition))
        await client.start()
        row = struct.pack("<2f", 1.0, 2.5)
        print("ok:", await client.ask(row))
        print("error:", await client.ask(row[:7]))
        print("expired:", await client.ask(row, timeout_ms=0))
        print("late:", await client.ask(row, wait_s=0))
        print("repeated:", await client.ask(row, times=2))
        while client.ignored < LATE_AND_REPEATED:
            client.ignored += await client.replies.get_one(timeout=1.0) is not None
        print("ignored:", client.ignored)


if __name__ == "__main__":
    asyncio.run(main())
