"""The whole line between two fakes, in virtual time, with all that can be known of it afterwards."""

import asyncio
import contextlib
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from unittest import mock

from prometheus_client import generate_latest

from config.settings import Settings
from daemon.admission.admission import Admission
from daemon.batching.ladder import ladder_of
from daemon.line import assembly
from daemon.line.lanes import make_lanes
from daemon.loop.tasks import Tasks
from daemon.telemetry.metrics import Metrics
from loadtest.processes.metrics import Metrics as Scrape
from runtime import Model
from runtime.conversion import Conversion
from tests.fake_threads import FakeRunner, FakeTransformThreads
from tests.fakes import FakeDelivery, FakeSink, FakeSource
from tests.pipeline.doubling import Doubling, FakeModels, row
from tests.record_columns import columns_of

EPOCH_S = 1_700_000_000.0
"""The wall clock when virtual time is 0."""
RAW = "application/octet-stream"
REPLIES, DEAD = "replies", "dead"
MODEL = "double"
LEAST_ALIKE = 2
"""Requests, and replies, that are one value where they are alike."""
BY_COLUMNS = True
"""Whether records that are alike come by columns."""


def now_s():
    """The virtual time."""
    return asyncio.get_running_loop().time()


def busy(seconds):
    """Keep the loop for so long: nothing else happens there meanwhile."""
    asyncio.get_running_loop()._selector.clock.advance(seconds)


@contextlib.contextmanager
def slow_admission(record_s):
    """Admission that keeps the loop for so long a record."""
    admit = Admission.admit

    def admit_slowly(self, lane, chunk, **moment):
        busy(record_s * len(chunk.records))
        return admit(self, lane, chunk, **moment)

    with mock.patch.object(Admission, "admit", admit_slowly):
        yield


def learn(line):
    """Let `line` know what rows take, as warm-up would."""
    for rows in (1, 2, 4, 8, 16, 32, 64):
        run_s = line.session.base_s + line.session.row_s * rows
        line.models.run_times.observe(MODEL, rows, run_s)


class Idle:
    """Stands for daemon.process.gc_policy.GcPolicy, which belongs to a process."""

    def collect(self, *, idle):
        pass


def _by_columns(chunk):
    offsets = [record.offset for record in chunk.records]
    if offsets and offsets == [*range(offsets[0], offsets[-1] + 1)]:
        return chunk._replace(records=columns_of(chunk.records) or chunk.records)
    return chunk


class WatchedSource(FakeSource):
    """Tells the line of each commit before it counts."""

    def __init__(self, line, lanes, **options):
        super().__init__(lanes, **options)
        self._line = line

    async def fetch(self, topics, **options):
        chunks = await super().fetch(topics, **options)
        return [*map(_by_columns, chunks)] if BY_COLUMNS else chunks

    def _record_commit(self, ledgers):
        before = dict(self.committed)
        super()._record_commit(ledgers)
        for partition in ledgers:
            first, end = before.get(partition, 0), self.committed.get(partition, 0)
            self._line.on_commit(partition, first, end)


LANES = {
    "standard": {"topics": ["standard"], "max_rows": 8, "linger": 1.0},
    "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02, "weight": 8},
}


def settings_for(lanes, models, *, kafka=None, limits=None, scaling=None, transform_limit=30.0):
    """Settings of lanes that take raw rows for MODEL unless they say otherwise."""
    return Settings(
        kafka={"group": "g"} | (kafka or {}),
        models={
            name: {
                "path": "model.onnx",
                "transform": "transform.py:T" if model.transform else "",
                "transform_limit": transform_limit,
            }
            for name, model in models.items()
        },
        lanes={
            name: {"models": [MODEL], "content_type": RAW} | dict(lane)
            for name, lane in lanes.items()
        },
        replies={"topic": REPLIES, "allow": ["replies.*"]},
        dead_letters={"topic": DEAD},
        limits=limits or {},
        scaling=scaling or {},
    )


put_together = assembly.assemble
"""What makes a line; a mutant's in its place shows that tests notice it."""


def _model(session, transform):
    return Model(session, transform and Conversion(transform, session.signature))


class Line:
    """A running line. `async with Line(...) as line:` assigns `partitions` of each topic.

    `commits` are (partition, from, to) in order; a commit past an offset without an end is kept in
    `premature`.
    """

    def __init__(
        self,
        lanes: Mapping = LANES,
        *,
        partitions=1,
        transform=None,
        transform_s=lambda value: 0.01,
        others=None,
        kafka=None,
        limits=None,
        scaling=None,
        transform_limit=30.0,
        on_cpu=True,
        tracing=None,
    ):
        """`others` are transforms, or None, of further models by name; each takes `transform_s`
        for a value, which is a request before the model and outputs after it. Not `on_cpu`: models
        are what they are on a GPU.
        """
        self.session = Doubling()
        self._transform_s = transform_s
        self._tracing = tracing
        models = {MODEL: _model(self.session, transform)}
        for name, theirs in (others or {}).items():
            models[name] = _model(Doubling(), theirs)
        for model in models.values():
            model.session.on_cpu = on_cpu
        self.settings = settings_for(
            lanes,
            models,
            kafka=kafka,
            limits=limits,
            scaling=scaling,
            transform_limit=transform_limit,
        )
        self.models = FakeModels(models)
        for name, model in models.items():
            self.models.run_times.ladders[name] = ladder_of(name, model.session, self.settings)
        self.commits, self.premature = [], []
        self.isolating = []  # what a service manager is told of it
        self.clock_step_s = 0.0
        """By how much somebody has set the host's wall clock."""
        self.sink = FakeSink({REPLIES: 4, DEAD: 1})
        self.source = self.line = self.task = None
        self._partitions = partitions
        self._stack = contextlib.ExitStack()

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self._stack.enter_context(mock.patch.multiple(time, monotonic=loop.time, time=self._wall_s))
        # So that small batches are answered in both forms: a reply alone, and those that are alike.
        for place in ("admission.raw_lane", "admission.json_columns", "answering.batch_replies"):
            self._stack.enter_context(mock.patch(f"daemon.{place}.LEAST_ALIKE", LEAST_ALIKE))
        self.lanes = make_lanes(self.settings, self.models)
        self.source = self._make_source()
        await self._start()
        return self

    def _wall_s(self):
        return EPOCH_S + self.clock_step_s + now_s()

    async def __aexit__(self, *_):
        try:
            if not self.task.done():
                self.task.cancel()
                await asyncio.wait([self.task])
            self.line.close()
            await asyncio.sleep(0)
        finally:
            self._stack.close()

    def _make_source(self):
        return WatchedSource(
            self,
            self.lanes,
            revoke_s=self.settings.limits.revoke,
            max_uncommitted=self.settings.kafka.max_uncommitted,
        )

    async def _start(self):
        self.stop, self.tasks = asyncio.Event(), Tasks()
        self._hands_back = False
        self.metrics = Metrics()
        self.line = put_together(
            self.settings,
            self.models,
            self.metrics,
            self.tasks,
            self.lanes,
            source=self.source,
            delivery=FakeDelivery(self.sink, self.source),
            gc_policy=Idle(),
            moved=lambda: None,
            isolating=self._note_isolation,
            tracing=self._tracing,
            runner_kind=FakeRunner,
            threads_kind=partial(FakeTransformThreads, seconds=self._seconds),
        )
        await self.line.start()
        self.source.assign(*self.partitions)
        self.task = asyncio.get_running_loop().create_task(
            self.line.run(self.stop, hands_back=lambda: self._hands_back)
        )

    def _seconds(self, value):
        """How long a transform takes for a request, or for a request and its outputs."""
        return self._transform_s(value[1] if isinstance(value, tuple) else value)

    def _note_isolation(self, *, on):
        self.isolating.append(on)

    async def restart(self):
        """Let the next worker take over what this one leaves."""
        self.line.close()
        self.lanes = make_lanes(self.settings, self.models)
        before, self.source = self.source, self._make_source()
        self.source.log, self.source.committed = before.log, before.committed
        self.source.notes, self.source.opened = before.notes, before.opened
        await self._start()

    @property
    def partitions(self):
        """All there are, of all lanes."""
        topics = [topic for lane in self.settings.lanes.values() for topic in lane.topics]
        return [(topic, number) for topic in topics for number in range(self._partitions)]

    # What a test does

    def push(self, topic, *values, partition=0, **fields):
        """Publish requests of one row each now; return their request-ids."""
        fields.setdefault("timestamp", math.floor(time.time() * 1000))
        bodies = [row(each) if isinstance(each, int | float) else each for each in values]
        offsets = self.source.push(topic, partition, *bodies, **fields)
        return [f"{topic}/{partition}/{offset}" for offset in offsets]

    async def quiet(self, within_s=60.0):
        """Wait until everything that is assigned is read, answered and committed."""
        async with asyncio.timeout(within_s):
            while not self.is_quiet:
                self._raise_failure()
                await asyncio.sleep(0.01)

    @property
    def is_quiet(self):
        """Whether nothing is left to do."""
        return self.line.in_flight_requests == 0 and all(
            self.source.committed.get(partition, 0) == self.source.end(*partition)
            for partition in self.source.ledgers
        )

    def _raise_failure(self):
        if self.task.done():
            self.task.result()
            raise AssertionError("the line has ended")

    async def end(self, *, hands_back=False):
        """Tell it to stop; return its exit code."""
        self._hands_back = hands_back
        self.stop.set()
        return await self.task

    # What a test sees

    def ends(self):
        """All that was published, by the request it answers."""
        found = defaultdict(list)
        for record in self.sink.published:
            found[_answered(record)].append(record)
        return found

    def end_of(self, request_id):
        """The only end of a request."""
        (end,) = self.ends()[request_id]
        return end

    def on_commit(self, partition, first, end):
        """A commit moves from `first` to `end`."""
        if first == end:
            return
        self.commits.append((partition, first, end))
        ended = self.ends()
        topic, number = partition
        log = self.source.log[partition]
        self.premature += [
            (partition, offset)
            for offset in range(first, end)
            if log[offset] is not None and f"{topic}/{number}/{offset}" not in ended
        ]

    def waited_s(self, request_id):
        """How long a request waited from its fetch till its run began."""
        stages = self.end_of(request_id).header("stages").decode()
        (wait_us,) = (part[5:] for part in stages.split(";") if part.startswith("wait="))
        return int(wait_us) / 1e6

    def scrape(self):
        """The metrics of this moment."""
        return Scrape(generate_latest(self.metrics.registry).decode())


def _answered(record):
    headers = dict(record.headers)
    if "dlq-code" not in headers:
        return headers["request-id"].decode()
    return "/".join(headers[f"dlq-{it}"].decode() for it in ("topic", "partition", "offset"))
