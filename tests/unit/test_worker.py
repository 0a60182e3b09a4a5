"""A worker's life between two fakes: what it says of itself, what ends it, and in which order."""

import asyncio
import contextlib
import signal

import numpy as np
import pytest

from config.settings import Settings
from daemon import worker
from daemon.line import assembly
from daemon.line.lanes import make_lanes
from daemon.process.memory import MemoryLimit
from daemon.process.notify import Notifier
from daemon.telemetry.events import Event
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.status import About
from daemon.values.errors import Exit, Fatal
from daemon.worker import Worker
from tests import models
from tests.fakes import FakeDelivery, FakeSink, FakeSource
from tests.otlp_receiver import Receiver
from tests.pipeline.line import Idle

ROW = np.ones(2, "<f4").tobytes()
PATIENCE_S = 20.0


class Source(FakeSource):
    """Takes a group's partitions when it starts, unless it is held."""

    def __init__(self, lanes):
        super().__init__(lanes)
        self.may_join = asyncio.Event()
        self.may_join.set()

    async def start(self, drain):
        await self.may_join.wait()
        await super().start(drain)
        self.assign(("requests", 0))


class World:
    """A worker on a plain loop, and the ends of its line."""

    def __init__(self, folder, *, otel=None, **limits):
        path = models.save(models.identity(), folder)
        self.settings = Settings(
            kafka={"group": "g", "commit_interval": "50ms"},
            models={"m": {"path": path}},
            lanes={
                "standard": {
                    "topics": ["requests"],
                    "models": ["m"],
                    "linger": "10ms",
                    "content_type": "application/octet-stream",
                }
            },
            replies={"topic": "replies"},
            dead_letters={"topic": "dead"},
            http={"port": 0},
            otel=otel or {},
            limits=limits,
        )
        self.folder = folder
        self.sink = FakeSink({"replies": 1, "dead": 1})
        self.closed = []
        self.slow_to_join = False
        self.source = self.tasks = None
        self.opened = asyncio.Event()
        self.worker = Worker(
            self.settings,
            folder,
            lambda: self.settings,
            About.of(self.settings, role="worker", process="", version="", configuration=""),
            Notifier.claim({}),
            Metrics(),
            open_line=self._open_line,
        )

    @contextlib.asynccontextmanager
    async def _open_line(
        self, settings, base, served, metrics, tasks, *, moved, isolating, by_clock, tracing
    ):
        lanes = make_lanes(settings, served, by_clock=by_clock)
        self.source, self.tasks = Source(lanes), tasks
        if self.slow_to_join:
            self.source.may_join.clear()
        line = assembly.assemble(
            settings,
            served,
            metrics,
            tasks,
            lanes,
            source=self.source,
            delivery=FakeDelivery(self.sink, self.source),
            gc_policy=Idle(),
            moved=moved,
            isolating=isolating,
            tracing=tracing,
        )
        self.opened.set()
        try:
            yield self.source, line
        finally:
            line.close()
            self.closed.append("line")

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._raise_failure()
                await asyncio.sleep(0.01)

    def _raise_failure(self):
        if self.life.done():
            self.life.result()

    async def __aenter__(self):
        self.life = asyncio.get_running_loop().create_task(self.worker.run())
        await asyncio.wait_for(self.opened.wait(), PATIENCE_S)
        return self

    async def __aexit__(self, *_):
        if not self.life.done():
            self.life.cancel()
            await asyncio.wait([self.life])

    @property
    def ready(self):
        return self.worker.ready()[0]

    async def how_it_ends(self):
        async with asyncio.timeout(PATIENCE_S):
            return await self.life


def on_a_plain_loop(scenario):
    asyncio.run(scenario)


def test_it_is_ready_once_its_group_is_joined_and_answers(tmp_path):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)
            world.source.push("requests", 0, ROW, ROW)
            await world.until(lambda: len(world.sink.published) == 2)

            assert {record.value for record in world.sink.published} == {ROW}

    on_a_plain_loop(scenario())


def test_it_tells_a_receiver_of_opentelemetry_what_it_does(tmp_path):
    trace = b"00-%032x-%016x-01" % (1, 1)

    async def scenario(otel):
        async with World(tmp_path, otel=otel) as world:
            await world.until(lambda: world.ready)
            world.source.push("requests", 0, ROW, headers=[("traceparent", trace)])
            await world.until(lambda: receiver.metrics() and len(world.sink.published) == 1)
            signal.raise_signal(signal.SIGTERM)
            assert await world.how_it_ends() is Exit.CLEAN

    with Receiver() as receiver:
        on_a_plain_loop(scenario({"endpoint": receiver.endpoint, "interval": "100ms"}))

        assert sorted(span.name for span, _ in receiver.spans()) == ["process requests", "run m"]
        assert "tidemill_records_total" in receiver.metrics()


@pytest.mark.parametrize("limit_bytes", [2**28, 2**50])
def test_it_warns_of_a_limit_below_what_it_may_come_to_use(tmp_path, monkeypatch, limit_bytes):
    told = []
    monkeypatch.setattr(worker, "log", lambda event, **fields: told.append((event, fields)))
    monkeypatch.setattr(worker, "memory_limit", lambda: MemoryLimit(limit_bytes, "cgroup"))

    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)

    on_a_plain_loop(scenario())
    scarce = [fields for event, fields in told if event is Event.MEMORY_OVERBOOKED]
    assert [each["limit_bytes"] for each in scarce] == [limit_bytes] * (limit_bytes == 2**28)


def test_it_is_not_ready_while_no_answer_can_leave_and_says_why(tmp_path):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)
            world.sink.trouble = "this host's clock is wrong"

            assert world.worker.ready() == (
                False,
                "no answer can leave: this host's clock is wrong",
            )

            world.sink.trouble = ""
            assert world.ready

    on_a_plain_loop(scenario())


@pytest.mark.parametrize(
    ("attribute", "because"),
    [("joined", "the group is not joined"), ("reachable", "no broker answers")],
)
def test_it_is_not_ready_without(tmp_path, attribute, because):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)

            setattr(world.source, attribute, False)

            assert world.worker.ready() == (False, because)

    on_a_plain_loop(scenario())


def test_without_a_broker_it_says_so_and_not_what_follows_from_that(tmp_path):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)

            world.source.joined = world.source.reachable = False

            assert world.worker.ready() == (False, "no broker answers")

    on_a_plain_loop(scenario())


def test_a_side_task_that_fails_ends_it_with_its_reason(tmp_path):
    async def broken():
        raise Fatal(Exit.DENIED, "the side task's reason")

    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)

            world.tasks.start(broken(), name="side")

            with pytest.raises(Fatal, match="the side task's reason"):
                await world.how_it_ends()

    on_a_plain_loop(scenario())


def test_however_it_ends_the_group_was_left_and_the_line_closed_before(tmp_path):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)
            world.source.leave_s = 0.2

            world.tasks.fail(Fatal(Exit.INTERNAL, "stalled"))
            with pytest.raises(Fatal, match="stalled"):
                await world.how_it_ends()

            assert (world.source.left, world.closed) == (True, ["line"])

    on_a_plain_loop(scenario())


def test_what_is_settled_is_committed_when_another_part_fails(tmp_path):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)
            world.source.push("requests", 0, ROW)
            await world.until(lambda: world.sink.published)

            world.tasks.fail(Fatal(Exit.INTERNAL, "stalled"))
            with pytest.raises(Fatal):
                await world.how_it_ends()

            assert world.source.committed == {("requests", 0): 1}

    on_a_plain_loop(scenario())


def test_sigterm_drains_and_the_end_is_clean(tmp_path):
    async def scenario():
        async with World(tmp_path) as world:
            await world.until(lambda: world.ready)
            world.source.push("requests", 0, ROW)

            signal.raise_signal(signal.SIGTERM)

            assert await world.how_it_ends() is Exit.CLEAN
            assert world.source.left

    on_a_plain_loop(scenario())


def test_sigterm_while_the_group_is_not_joined_yet_ends_it_at_once(tmp_path):
    async def scenario():
        world = World(tmp_path)
        world.slow_to_join = True
        async with world:
            assert world.worker.ready()[0] is False

            signal.raise_signal(signal.SIGTERM)

            assert await world.how_it_ends() is Exit.CLEAN
            assert world.closed == ["line"]

    on_a_plain_loop(scenario())


def test_work_that_stands_still_ends_it_and_answers_nothing_more(tmp_path):
    async def scenario():
        async with World(tmp_path, stall="3s") as world:
            await world.until(lambda: world.ready)
            world.sink.hold()
            world.source.push("requests", 0, ROW)

            with pytest.raises(Fatal, match="stalled"):
                await world.how_it_ends()

            assert world.sink.published == []
            assert world.source.committed == {}

    on_a_plain_loop(scenario())
