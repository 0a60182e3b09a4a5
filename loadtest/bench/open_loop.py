"""Requests at their own times, whatever the answers do, timed from when they were meant to leave."""

import asyncio
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from loadtest.bench.contestants import Contestant, Topics
from loadtest.bench.ground import PARTITIONS, Ground, Told, silent
from loadtest.bench.replies import TOLERANCE
from loadtest.bench.work import Work, encode_raw
from loadtest.plan.bodies import BodyKind
from loadtest.plan.golden import Rows
from loadtest.plan.plan import Plan, of_streams, stream
from loadtest.scenario.arrival_processes import constant
from loadtest.scenario.rates import Times
from loadtest.traffic.clock import Clock
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.recorder import correlation
from loadtest.traffic.records import Account, Floats, nearest_rank
from loadtest.wire import CORRELATION_ID, OK, STATUS

_GRACE_S = 60.0
# A first second for connections and caches, once whoever answers is there; it does not count.
_WARM_UP_PER_S = 50.0
_WARM_UP = 50
_WARM_UP_S = _WARM_UP / _WARM_UP_PER_S
_POLL_MS = 200
# The plain loop copies the headers of requests and knows no status; what it answers is a result. A
# daemon's replies have its own.
_PLAIN_OK = ((STATUS, OK.encode()),)


class Timed(NamedTuple):
    """Seconds from each intended time to the reply, and to the end of a bare hop through Kafka."""

    replies_s: Floats
    hops_s: Floats
    account: Account

    def reply_ms(self, percent: float) -> float:
        """Return a percentile of the time to the reply, in milliseconds."""
        return nearest_rank(self.replies_s, percent) * 1000

    def hop_ms(self, percent: float) -> float:
        """Return a percentile of the time to the end of the bare hop, in milliseconds."""
        return nearest_rank(self.hops_s, percent) * 1000


async def timed(
    ground: Ground,
    topics: Topics,
    asked: Work,
    times_s: Times,
    *,
    told: Told = silent,
) -> Timed:
    """Send request i of `asked` at `times_s[i]`, once whoever answers is warm.

    The bare hop is the request itself, read from its topic by this process too. Raises a KafkaError
    of aiokafka; requests without reply are in the account.
    """
    kind = BodyKind(encode_raw(asked.rows), _PLAIN_OK, Rows(asked.results, TOLERANCE))
    broker, clock = options(ground.bootstrap, None), Clock()
    warm_up_s = constant(_WARM_UP_PER_S, _WARM_UP)

    def load(at_s: Times) -> Plan:
        return of_streams([stream("all", topics.requests, at_s, kind)])

    await exchange(load(warm_up_s), broker, [topics.replies], grace_s=_GRACE_S)
    async with _Hop(ground.bootstrap, topics.requests, clock) as hop:
        seen = await exchange(
            load(np.concatenate([warm_up_s, _WARM_UP_S + times_s])),
            broker,
            [topics.replies],
            grace_s=_GRACE_S,
            told=lambda progress: told(max(progress.answered - _WARM_UP, 0)),
            clock=clock,
        )
    measured = slice(_WARM_UP, None)
    rows = seen.records.rows(measured)
    latency_s = rows.latency_s
    told(int(np.count_nonzero(~np.isnan(latency_s))))
    hopped_s = [
        hop.received_s[correlation(seen.run, _WARM_UP + number)] for number in range(len(times_s))
    ]
    return Timed(
        latency_s[~np.isnan(latency_s)],
        np.array(hopped_s) - rows.intended_s,
        seen.account(measured),
    )


async def answered(
    ground: Ground, what: str, contestant: Contestant, asked: Work, *schedules: Times
) -> list[Timed]:
    """Let `contestant` answer one schedule after the other; raises WorkerFailed."""
    topics = Topics(await ground.topic("requests"), await ground.topic("replies"))
    seen = []
    with contestant(topics):
        for times_s in schedules:
            with ground.bar(what, len(times_s)) as told:
                seen.append(await timed(ground, topics, asked, times_s, told=told))
    await ground.remove(*topics)
    return seen


class _Hop:
    """Reads the topic of requests from its end and notes when each came; a context manager.

    `received_s` holds times of the run by correlation id.
    """

    def __init__(self, bootstrap: str, topic: str, clock: Clock) -> None:
        self._partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        self._clock = clock
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=_POLL_MS
        )
        self._reading: asyncio.Task[None] | None = None
        self.received_s: dict[bytes, float] = {}

    async def __aenter__(self) -> Self:
        """Connect and begin to read."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        for partition, end in (await self._consumer.end_offsets(self._partitions)).items():
            self._consumer.seek(partition, end)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
        await self._consumer.stop()

    async def _read(self) -> None:
        while True:
            chunk = await self._consumer.getmany(timeout_ms=_POLL_MS)
            now_s = self._clock.now_s()
            for records in chunk.values():
                for record in records:
                    self.received_s[dict(record.headers)[CORRELATION_ID]] = now_s
