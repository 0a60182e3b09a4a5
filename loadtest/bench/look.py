"""How cost grows: the scaler's look at the group and its logs, which a supervisor makes as well."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from loadtest.bench.contestants import LaneSetup, configured
from loadtest.bench.figures import Section, at_most, figure
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.watch import busy_percent, watched
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.kafka.proxy import OFFSET_FETCH, Proxy
from loadtest.processes.worker import Worker, WorkerFailed

_PARTITIONS = (1_000, 10_000)
_QUICK_PARTITIONS = (100, 1_000)
_TOPICS = 10
_ROWS = 64
_LINGER = "1s"
_READY_TIMEOUT_S = 60.0
_SETTLE_S = 5.0
_WATCHED_S = 20
_QUICK_S = 8
_MOST_REQUESTS = 4.0
"""A look: where logs end, commits, members; now and then where logs begin, and metadata."""


class _Looks(NamedTuple):
    """What looks came to."""

    cpu_ms: float
    percent: float
    requests: float


async def look(ground: Ground, scale: Scale) -> Section:
    """Let a scaler look at more and more partitions, all of them committed; raises WorkerFailed."""
    figures = []
    for partitions in scale.pick(_PARTITIONS, _QUICK_PARTITIONS):
        what = f"{partitions:,} partitions"
        looks = await _looks(ground, what, partitions, scale)
        requests = [each.requests for each in looks]
        figures += [
            figure(f"CPU a look, {what}", "ms", [each.cpu_ms for each in looks]),
            figure(f"CPU, {what}", "% of a core", [each.percent for each in looks]),
            figure(f"requests a look, {what}", "", requests, at_most(_MOST_REQUESTS)),
        ]
    return Section(
        f"Growth: the scaler's look once a second, {_TOPICS} topics, one broker", figures
    )


async def _looks(ground: Ground, what: str, partitions: int, scale: Scale) -> list[_Looks]:
    """Watch scalers of a group with so many partitions, one after the other."""
    each = partitions // _TOPICS
    topics = [await ground.topic("seen", each) for _ in range(_TOPICS)]
    group, replies = ground.name("looked-at"), await ground.topic("replies")
    await _commit(ground.bootstrap, group, topics, each)
    model = write(RELAY, ground.folder)
    lanes = {
        f"lane{number}": LaneSetup(topic, model, _ROWS, _LINGER)
        for number, topic in enumerate(topics)
    }
    seconds = scale.pick(_WATCHED_S, _QUICK_S)
    looks = []
    async with Proxy(ground.ports) as proxy:
        for number in range(1, scale.repeat + 1):
            with configured(
                ground, lanes, replies, bootstrap=proxy.bootstrap, group=group, does="scaler"
            ) as scaler:
                told = f"look: {what}, {number} of {scale.repeat}"
                looks.append(await _watched(ground, told, scaler, proxy, seconds))
    await ground.remove(*topics, replies)
    return looks


async def _watched(ground: Ground, what: str, scaler: Worker, proxy: Proxy, seconds: int) -> _Looks:
    scaler.start()
    await asyncio.to_thread(scaler.wait_until_ready, _READY_TIMEOUT_S)
    await asyncio.sleep(_SETTLE_S)
    before = proxy.passed.copy()
    first, last = await watched(ground, what, scaler.pid, seconds)
    passed = proxy.passed - before
    looks = passed[OFFSET_FETCH]
    if not looks:
        raise WorkerFailed(f"the scaler did not look for {seconds} s:\n{scaler.log.read_text()}")
    cpu_ms = (last.cpu_s - first.cpu_s) / looks * 1000
    return _Looks(cpu_ms, busy_percent(first, last), passed.total() / looks)


async def _commit(bootstrap: str, group: str, topics: Sequence[str], partitions: int) -> None:
    """Let `group` have committed something for every partition."""
    everything = [TopicPartition(topic, each) for topic in topics for each in range(partitions)]
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(everything)
        await consumer.commit(dict.fromkeys(everything, 0))
