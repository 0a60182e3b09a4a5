"""An example served as its settings say: what its daemon replies to a load."""

import asyncio
import json

from loadtest.processes.worker import Worker
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options


async def replies_to_load(load, config, overrides, kafka, names):
    """The replies as JSON says them, by the numbers of their requests; each has exactly one."""
    replies = {}
    with Worker(config, overrides) as worker:
        await asyncio.to_thread(worker.wait_until_ready, 60)
        seen = await exchange(
            load,
            options(kafka, None),
            [names.replies, names.dead],
            grace_s=60,
            on_reply=lambda number, reply: replies.setdefault(number, json.loads(reply.value)),
        )
        exit_code = await asyncio.to_thread(worker.terminate, 60)
    assert seen.account().exactly_once, seen.account()
    assert exit_code == 0
    return replies
