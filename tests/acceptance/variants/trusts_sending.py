"""A broken daemon: what it has handed to its producer counts as published, acknowledged or not."""

import asyncio
import sys

from daemon.__main__ import main
from daemon.kafka.writing.sink import KafkaSink

_send = KafkaSink.send
_sending = set()


async def _send_and_forget(self, topic, partition, records):
    task = asyncio.create_task(_send(self, topic, partition, records))
    _sending.add(task)
    task.add_done_callback(_sending.discard)


KafkaSink.send = _send_and_forget

sys.exit(main())
