"""A broken daemon: what the broker refused counts as published."""

import sys
from contextlib import suppress

from daemon.__main__ import main
from daemon.kafka.writing.sink import KafkaSink
from daemon.values.ports import SendError

_send = KafkaSink.send


async def _send_and_hope(self, topic, partition, records):
    with suppress(SendError):
        await _send(self, topic, partition, records)


KafkaSink.send = _send_and_hope

sys.exit(main())
