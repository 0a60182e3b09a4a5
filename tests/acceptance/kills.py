"""What a crash may repeat, computed from the log of replies and the group's commits."""

import asyncio
from collections import Counter
from typing import NamedTuple

_SETTLED_S = 0.1
"""What a killed process had given to its sockets still reaches the broker."""


class Kill(NamedTuple):
    """The state of Kafka right after a worker was killed.

    committed: by partition of the request topic. ends: of the logs of replies, by (topic, partition).
    """

    committed: dict[int, int]
    ends: dict[tuple[str, int], int]


async def kill(job, witness, worker):
    """Kill `worker` (SIGKILL) and return what Kafka has of it."""
    worker.kill()
    await asyncio.sleep(_SETTLED_S)
    return Kill(await job.committed(), await witness.ends())


# Requests are (partition, offset) of the request topic.


def answered(log, moment):
    """The requests that had a reply at the `moment` of a kill."""
    return {
        entry.request for entry in log if entry.offset < moment.ends[entry.topic, entry.partition]
    }


def lost(log, moment):
    """Requests below the commit that had no reply: nobody would ever answer them."""
    below = {(number, n) for number, end in moment.committed.items() for n in range(end)}
    return below - answered(log, moment)


def exposed(log, moment):
    """Requests with a reply that the commit does not cover: the next worker repeats them."""
    return {
        (number, offset)
        for number, offset in answered(log, moment)
        if offset >= moment.committed.get(number, 0)
    }


def span(log, moment):
    """The most offsets that answers were ahead of the commit, in any partition."""
    return max(
        [n + 1 - moment.committed.get(number, 0) for number, n in exposed(log, moment)], default=0
    )


def unexplained(log, moments):
    """Requests with more replies than one, and one more for each kill that exposed them."""
    replies = Counter(entry.request for entry in log)
    explained = Counter(request for moment in moments for request in exposed(log, moment))
    return {request for request, count in replies.items() if count > 1 + explained[request]}
