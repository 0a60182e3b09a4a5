"""Five questions to Tidemill with confluent-kafka.

python ask_confluent.py BROKER TOPIC REPLY_TOPIC REPLY_PARTITION
"""

import struct
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

LATE_AND_REPEATED = 2
"""Replies of the last two questions that are ignored."""


class Asker:
    """Asks on one topic, and reads one partition of the reply topic."""

    def __init__(self, broker: str, topic: str, reply_topic: str, partition: int) -> None:
        self.topic, self.reply_topic, self.partition = topic, reply_topic, partition
        self.ignored = 0
        self.producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
        # The library asks for a group's name, but one partition assigned by hand joins no group.
        own = {"bootstrap.servers": broker, "group.id": "unused", "enable.auto.commit": False}
        self.consumer = Consumer(own)
        replies = TopicPartition(reply_topic, partition)
        _, end = self.consumer.get_watermark_offsets(replies, timeout=30)
        self.consumer.assign([TopicPartition(reply_topic, partition, end)])

    def ask(
        self, body: bytes, *, timeout_ms: int = 30_000, wait_s: float = 30.0, times: int = 1
    ) -> str:
        """Return "ok" and the result in hexadecimal, the code of an error, or "no_reply"."""
        identity = uuid.uuid4().bytes
        headers = {
            "correlation-id": identity,
            "reply-to": self.reply_topic,
            "kafka_replyPartition": struct.pack(">i", self.partition),
            "content-type": "application/octet-stream",
            "timeout-ms": str(timeout_ms),
        }
        for _ in range(times):
            self.producer.produce(self.topic, body, headers=headers)
        self.producer.poll(0)
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            reply = self.consumer.poll(left_s)
            if reply is None:
                continue
            if reply.error():
                raise RuntimeError(reply.error())
            headers = dict(reply.headers() or [])
            if headers.get("correlation-id") != identity:
                self.ignored += 1  # another's, a repetition, or one that nobody waits for any more
            elif headers["status"] == b"error":
                return headers["error-code"].decode()
            else:
                return f"ok {reply.value().hex()}"
        return "no_reply"


def main() -> None:
    """Ask the five questions."""
    broker, topic, reply_topic, partition = sys.argv[1:]
    client = Asker(broker, topic, reply_topic, int(partition))
    row = struct.pack("<2f", 1.0, 2.5)
    print("ok:", client.ask(row))
    print("error:", client.ask(row[:7]))
    print("expired:", client.ask(row, timeout_ms=0))
    print("late:", client.ask(row, wait_s=0))
    print("repeated:", client.ask(row, times=2))
    while client.ignored < LATE_AND_REPEATED:
        client.ignored += client.consumer.poll(1.0) is not None
    print("ignored:", client.ignored)
    client.consumer.close()


if __name__ == "__main__":
    main()
