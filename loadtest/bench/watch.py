"""Looks at a process and at the replies it has given, until it has given them all."""

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from loadtest.bench.ground import PARTITIONS, Ground, Told, silent
from loadtest.processes.worker import WorkerFailed

# A look costs the broker one request and the machine next to nothing.
_LOOK_S = 0.1
# Until the first reply is there, so that it is known what had been spent by then.
_FIRST_LOOK_S = 0.02
_PATIENCE_S = 60.0
"""A guess: a worker that is alive answers something in a minute."""
_WARM_SHARE = 0.05
"""Of the replies, the first ones, which are not counted: caches and memory are warm after them."""


class ProcessSample(NamedTuple):
    """What was seen at one moment; `cpu_s` is user and system time since the process began."""

    at_s: float
    replies: int
    cpu_s: float
    rss_bytes: int


def sample(process: psutil.Process, replies: int = 0) -> ProcessSample:
    """Look once; raises WorkerFailed when the process has ended."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                raise WorkerFailed(f"process {process.pid} has ended by itself")
            times = process.cpu_times()
            cpu_s, rss_bytes = times.user + times.system, process.memory_info().rss
    except psutil.NoSuchProcess as error:
        raise WorkerFailed(f"process {process.pid} has ended by itself") from error
    return ProcessSample(time.monotonic(), replies, cpu_s, rss_bytes)


def warm(samples: Sequence[ProcessSample]) -> tuple[ProcessSample, ProcessSample]:
    """Return the samples at the first twentieth of the replies and at the last of them.

    What came before is the start of the process, which a backlog pays once. Raises ValueError when
    all replies came between two samples.
    """
    last = samples[-1]
    first = next(each for each in samples if each.replies >= _WARM_SHARE * last.replies)
    if first.replies == last.replies:
        raise ValueError("all replies came between two samples: the backlog is too small")
    return first, last


def cpu_us_a_reply(samples: Sequence[ProcessSample]) -> float:
    """Return microseconds of CPU a reply while the process is warm, see warm()."""
    first, last = warm(samples)
    return (last.cpu_s - first.cpu_s) / (last.replies - first.replies) * 1e6


def cpu_us_of_all(samples: Sequence[ProcessSample]) -> float:
    """Return microseconds of CPU a reply, from the last look without any to the last reply.

    So it holds what is fetched and read before the first reply, which of a small backlog is much.
    """
    last = samples[-1]
    first = [each for each in samples if not each.replies][-1]
    return (last.cpu_s - first.cpu_s) / last.replies * 1e6


async def watched(
    ground: Ground, what: str, pid: int, seconds: int
) -> tuple[ProcessSample, ProcessSample]:
    """Look at process `pid` now and after `seconds`; raises WorkerFailed when it ends."""
    process = psutil.Process(pid)
    first = sample(process)
    with ground.bar(what, seconds) as told:
        for second in range(1, seconds + 1):
            await asyncio.sleep(1)
            told(second)
    return first, sample(process)


def busy_percent(first: ProcessSample, last: ProcessSample) -> float:
    """Return how much of a core a process took between two looks, in per cent."""
    return (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s) * 100


class Watch:
    """Counts the records of topics of replies; an asynchronous context manager.

    By the ends of its logs, or by reading them: where transactions leave markers, an end says more
    than there is.
    """

    def __init__(self, bootstrap: str, *topics: str, reads: bool = False) -> None:
        self._reads = reads
        self._read = 0
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        self._partitions = [
            TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)
        ]

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._consumer.start()
        if self._reads:
            self._consumer.assign(self._partitions)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        await self._consumer.stop()

    async def count(self) -> int:
        """Return how many records there are."""
        if not self._reads:
            return sum((await self._consumer.end_offsets(self._partitions)).values())
        while some := await self._consumer.getmany(timeout_ms=0):
            self._read += sum(map(len, some.values()))
        return self._read

    async def until(self, replies: int, pid: int, told: Told = silent) -> list[ProcessSample]:
        """Look at process `pid` until there are `replies`; return all that was seen.

        Raises WorkerFailed when the process ends, or when nothing comes for a minute.
        """
        process = psutil.Process(pid)
        samples = [sample(process, await self.count())]
        moved_s = samples[0].at_s
        while samples[-1].replies < replies:
            await asyncio.sleep(_LOOK_S if samples[-1].replies else _FIRST_LOOK_S)
            samples.append(sample(process, await self.count()))
            if samples[-1].replies > samples[-2].replies:
                moved_s = samples[-1].at_s
            elif samples[-1].at_s - moved_s > _PATIENCE_S:
                raise WorkerFailed(
                    f"{samples[-1].replies:,} of {replies:,} replies, and none for {_PATIENCE_S:.0f} s"
                )
            told(samples[-1].replies)
        return samples
