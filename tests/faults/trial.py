"""A job under load while something is broken, and what an independent reader finds afterwards."""

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from daemon.values.errors import Exit
from tests.acceptance import jobs
from tests.acceptance.witness import Witness
from tests.fault_table import AT_LEAST_ONCE, EXACTLY_ONCE
from tests.faults.reader import read_commits, read_log

PARTITIONS = {"requests": 6, "replies": 3, "dead": 1}
MAX_UNCOMMITTED = 2_000
SETTINGS = {
    # Long enough that a busy machine keeps its session, short enough to see one end.
    "kafka.session_timeout": "6s",
    "kafka.heartbeat_interval": "1s",
    "kafka.rebalance_timeout": "12s",
    "kafka.max_uncommitted": MAX_UNCOMMITTED,
    # Long against the commits, so that a fault meets requests at every stage.
    "lanes.l.linger": "100ms",
    "lanes.l.max_rows": 64,
}
_PATIENCE_S = 120.0
"""The machine may be busy."""
_LONGEST_S = 300.0
"""How long a trial may take; pytest's own timeout may hit any task of the loop instead."""
_LOOK_S = 0.2
_RESTART_S = 0.5
_LEFT_ENDED = {Exit.DENIED, Exit.SETTINGS, Exit.USAGE}
"""Exit codes after which a service manager does not start a worker again."""


class Ended(NamedTuple):
    """A worker that ended by itself, or was killed by a failpoint."""

    worker: object
    exit_code: int


class Trial:
    """One job: its workers, started again when they end; its witness; its commits."""

    def __init__(self, bootstrap, job, names, delivery, *, answer=jobs.same):
        self.job = job
        self.names = names
        self.delivery = delivery
        self.witness = Witness(
            bootstrap,
            names.requests,
            [names.replies, names.dead],
            answer=answer,
        )
        self.ended = []
        """Ended, in order."""
        self.patience_s = _PATIENCE_S
        """How long after a fault everything may take to be answered."""
        self.faults = 0
        """How often something was broken; each may repeat what was not committed."""
        self.recovery_s = 0.0
        """The longest time from the end of a fault until all was answered that waited."""
        self.forgiven = set()
        """Requests that a fault itself took away."""
        self._bootstrap = bootstrap
        self._workers = []
        self._kept = None

    async def __aenter__(self):
        await self.witness.__aenter__()
        self._kept = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_):
        self._kept.cancel()
        await asyncio.gather(self._kept, return_exceptions=True)
        for worker in self._workers:
            await asyncio.to_thread(worker.close)
        await self.witness.__aexit__()

    # Workers

    async def start(self, count=1, **settings):
        """Start workers, which are kept up; return when all are ready."""
        workers = [self.worker(**settings) for _ in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            await asyncio.to_thread(worker.wait_until_ready, jobs.READY_S)
            self._workers.append(worker)
        return workers

    def worker(self, **settings):
        """A worker that is neither started nor kept up."""
        return self.job.worker(**settings)

    def keep_up(self, worker):
        """Start `worker` again whenever it ends, as a service manager would."""
        self._workers.append(worker)

    async def _keep(self):
        while True:
            for worker in self._workers:
                with suppress(RuntimeError):  # somebody else ended it, on purpose
                    if worker.has_ended() is not None:
                        await self._start_again(worker)
            await asyncio.sleep(_LOOK_S)

    async def _start_again(self, worker):
        code = await asyncio.to_thread(worker.wait, 1)
        self.ended.append(Ended(worker, code))
        if code not in _LEFT_ENDED:
            await asyncio.sleep(_RESTART_S)
            worker.start()

    # Load and faults

    @asynccontextmanager
    async def load(self, rate_per_s=150):
        """Publish numbered pairs within the context, once the first of them are answered."""
        async with self.witness.load(rate_per_s, jobs.pair):
            await self.more_answers(rate_per_s // 2)
            yield

    async def more_answers(self, count):
        """Return when so many more requests are answered."""
        enough = len(self.witness.answered) + count
        async with asyncio.timeout(_PATIENCE_S):
            while len(self.witness.answered) < enough:  # noqa: ASYNC110 - it has no end to wait for
                await asyncio.sleep(_LOOK_S / 4)

    @asynccontextmanager
    async def fault(self):
        """What is done within breaks something; return when all that waited by its end is answered."""
        self.faults += 1
        yield
        await self.recovered()

    async def recovered(self):
        """Return when all is answered that was asked until now, and say how long that took."""
        began_s, asked = time.monotonic(), self.witness.published - self.forgiven
        with suppress(TimeoutError):  # what is not answered is found by the reader
            async with asyncio.timeout(self.patience_s):
                while not asked <= self.witness.answered:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(_LOOK_S / 4)
        self.recovery_s = max(self.recovery_s, time.monotonic() - began_s)

    # Commits

    async def more_commits(self, count, partitions):
        """Return when so many more requests of `partitions` are committed."""
        async with self._admin() as admin:
            enough = count + await self._committed(admin, partitions)
            await self._until_committed(admin, enough, partitions)

    async def all_committed(self):
        """Return when all that was asked is committed."""
        async with self._admin() as admin:
            every = range(PARTITIONS["requests"])
            await self._until_committed(admin, len(self.witness.published), every)

    @asynccontextmanager
    async def _admin(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def _until_committed(self, admin, enough, partitions):
        async with asyncio.timeout(_PATIENCE_S):
            while await self._committed(admin, partitions) < enough:  # noqa: ASYNC110 - as above
                await asyncio.sleep(_LOOK_S)

    async def _committed(self, admin, partitions):
        offsets = await admin.list_consumer_group_offsets(self.job.topics.group)
        wanted = [TopicPartition(self.names.requests, each) for each in partitions]
        return sum(offsets[each].offset for each in wanted if each in offsets)

    async def _went_back(self):
        """Commits below an earlier one, as (partition, before, after)."""
        latest, back = {}, []
        for each in await read_commits(self._bootstrap, self.job.topics.group):
            if each.topic == self.names.requests:
                before = latest.get(each.partition, 0)
                if each.offset < before:
                    back.append((each.partition, before, each.offset))
                latest[each.partition] = each.offset
        return back

    # What came of it

    async def judge(self, fault_row, *, codes=frozenset(), lives=True):
        """Let another client read everything and decide.

        codes: of error replies that a fault may cause. lives: whether commits had to go on where
        they were, and not begin anew.
        """
        await self.recovered()
        verdict = self.witness.verdict(
            await read_log(self._bootstrap, [self.names.replies, self.names.dead])
        )
        lost = set(verdict.lost) - self.forgiven
        repeated = verdict.repeated.total()
        fault_row(lost=len(lost), repeated=repeated, recovery_s=self.recovery_s)
        assert not lost, f"{len(lost)} of {verdict.sent} were never answered"
        assert [verdict.wrong, verdict.moved, verdict.unknown] == [[], [], []]
        assert set(verdict.codes) <= set(codes), verdict.codes
        assert repeated <= self._most_repeats(), f"{repeated} repeats"
        assert not (lives and (back := await self._went_back())), back
        assert verdict.sent, "nothing was asked"

    def _most_repeats(self):
        if self.delivery == EXACTLY_ONCE:
            return 0
        times = self.faults + len(self.ended)
        return times * PARTITIONS["requests"] * MAX_UNCOMMITTED


def trial_maker(bootstrap, topics, folder, delivery):
    """Return what makes trials, as contexts; settings by dotted name."""

    @asynccontextmanager
    async def make(model=None, *, answer=jobs.same, partitions=None, through=None, **settings):
        names = await topics(**{**PARTITIONS, **(partitions or {})})
        settings = SETTINGS | settings
        if delivery != AT_LEAST_ONCE:
            settings["kafka.delivery"] = delivery
        job = jobs.Job(through or bootstrap, topics, names, folder, model, **settings)
        trial = Trial(bootstrap, job, names, delivery, answer=answer)
        async with asyncio.timeout(_LONGEST_S), job, trial:
            yield trial

    return make
