"""Requests at their own times, whatever the answers do, timed from when they were meant to leave."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loadtest.bench.contestants import Contestant, Topics
from loadtest.bench.forms import decode_raw, encode_raw
from loadtest.bench.ground import PARTITIONS, Ground
from loadtest.bench.hop import Hop
from loadtest.bench.progress import Told, silent
from loadtest.bench.tally import TOLERANCE, Verdict, encode_id
from loadtest.bench.work import Work
from loadtest.check import IsRight
from loadtest.check import Verdict as Checked
from loadtest.client import Client
from loadtest.percentiles import nearest_rank
from loadtest.scenario.arrivals import constant
from loadtest.scenario.rates import Times
from loadtest.wire import Outgoing, Reply

_PATIENCE_S = 60.0
# A first second for connections, caches and the join of the group; it does not count.
_WARM_UP_PER_S = 50.0
_WARM_UP = 50


class Traffic(NamedTuple):
    """Seconds from each intended time to the reply, and to the end of a bare hop through Kafka."""

    replies_s: Sequence[float]
    hops_s: Sequence[float]
    verdict: Verdict

    def reply_ms(self, percent: float) -> float:
        """Return a percentile of the time to the reply, in milliseconds."""
        return nearest_rank(sorted(self.replies_s), percent) * 1000

    def hop_ms(self, percent: float) -> float:
        """Return a percentile of the time to the end of the bare hop, in milliseconds."""
        return nearest_rank(sorted(self.hops_s), percent) * 1000


async def exchange(
    ground: Ground,
    topics: Topics,
    asked: Work,
    times_s: Times,
    *,
    told: Told = silent,
) -> Traffic:
    """Send request i of `asked` at `times_s[i]` after now, once whoever answers is warm.

    The bare hop is the request itself, read from its topic by this process too. Raises a KafkaError
    of aiokafka; requests without reply are in the verdict.
    """
    requests = _requests(topics, asked, len(times_s) + _WARM_UP)
    measured, warm_up = requests[: len(times_s)], requests[len(times_s) :]
    is_right = _rightness(asked)
    async with (
        Client(ground.bootstrap, [topics.replies]) as client,
        Hop(ground.bootstrap, topics.requests) as hop,
    ):
        await client.run(warm_up, constant(_WARM_UP_PER_S, _WARM_UP), patience_s=_PATIENCE_S)
        run = await client.run(
            measured, times_s, patience_s=_PATIENCE_S, is_right=is_right, progress=told
        )
    return Traffic(
        [each.latency_s for each in run.exchanges if each.reply is not None],
        [hop.received_s[each.request.correlation] - each.intended_s for each in run.exchanges],
        _counted(run.verdict),
    )


async def answered(
    ground: Ground, what: str, contestant: Contestant, asked: Work, *schedules: Times
) -> list[Traffic]:
    """Let `contestant` answer one schedule after the other; raises WorkerFailed."""
    topics = Topics(await ground.topic("requests"), await ground.topic("replies"))
    seen = []
    with contestant(topics):
        for times_s in schedules:
            with ground.bar(what, len(times_s)) as told:
                seen.append(await exchange(ground, topics, asked, times_s, told=told))
    await ground.remove(*topics)
    return seen


def _requests(topics: Topics, asked: Work, count: int) -> list[Outgoing]:
    bodies = encode_raw(asked.rows)
    return [
        Outgoing(
            topics.requests,
            encode_id(number),
            bodies[number % len(bodies)],
            partition=number % PARTITIONS,
        )
        for number in range(count)
    ]


def _rightness(asked: Work) -> IsRight:
    width = asked.results.shape[1]

    def is_right(reply: Reply) -> bool:
        number = int.from_bytes(reply.correlation or b"", "big")
        expected = asked.results[number % len(asked.results)]
        return bool((np.abs(decode_raw([reply.body], width)[0] - expected) <= TOLERANCE).all())

    return is_right


def _counted(checked: Checked) -> Verdict:
    return Verdict(
        checked.sent,
        len(checked.lost),
        checked.repeated.total(),
        len(checked.wrong),
        len(checked.unknown),
    )
