"""One-shot runs: the line ends by itself when all is answered that was there when it began."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from daemon.one_shot.one_shot import OneShot
from daemon.scaling.observation import NO_COMMIT, Observation, Offsets
from daemon.values.errors import Exit, Fatal
from tests.pipeline.doubling import Ones
from tests.pipeline.line import Line, now_s

LANES = {"standard": {"topics": ["standard"], "max_rows": 8, "linger": 3600.0}}
SOON_S = 1.5
"""The time between two looks, and between two commits."""


class Outside:
    """Sees the group as an observer does; a test may hide or change what is seen."""

    def __init__(self, line):
        self._line = line
        self.starts = {}
        self.committed = {}
        """What other workers commit."""
        self.unknown = set()
        self.failure = None
        self.looks = 0

    async def look(self):
        self.looks += 1
        if self.failure is not None:
            raise self.failure
        return Observation(now_s(), {each: self._offsets(each) for each in self.all()}, 1)

    def all(self):
        return {*self._line.partitions, *self.committed}

    def _offsets(self, partition):
        if partition in self.unknown:
            return Offsets(None, None, None)
        source = self._line.source
        committed = max(
            source.committed.get(partition, NO_COMMIT), self.committed.get(partition, NO_COMMIT)
        )
        return Offsets(self.starts.get(partition, 0), source.end(*partition), committed)


class Shown:
    """A view that keeps what it was told."""

    def __init__(self):
        self.standings = []
        self.closed = False

    def told(self, standing, now):
        self.standings.append(standing)

    def close(self):
        self.closed = True


class Run:
    """A line with a one-shot run on it; `async with` starts the line, `end` the run."""

    def __init__(self, *arguments, longest_s=None, **options):
        self.line = Line(*arguments, **options)
        self.longest_s = longest_s
        self.worked = False
        self.away_s = 0.0
        """How long nobody answers at first."""
        self.view = Shown()

    async def __aenter__(self):
        await self.line.__aenter__()
        self.outside = Outside(self.line)
        self.one_shot = OneShot(
            self.line.settings, self.view, longest_s=self.longest_s, clock=now_s
        )
        return self

    async def __aexit__(self, *error):
        await self.line.__aexit__(*error)

    def begin(self):
        return asyncio.get_running_loop().create_task(self.end())

    async def end(self):
        metrics = self.line.metrics
        return await self.one_shot.run(self._observing(), metrics, self.line.stop, self._work)

    @asynccontextmanager
    async def _observing(self):
        await asyncio.sleep(self.away_s)
        yield self.outside

    async def _work(self):
        self.worked = True
        async with self.one_shot.following(
            self.line.source, self.line.line, self.line.stop, self.line.tasks
        ):
            return await self.line.task

    def summary(self, code=Exit.CLEAN):
        return self.one_shot.summary(code)

    def batches(self):
        return [len(rows) for rows in self.line.session.runs]


async def test_the_tail_does_not_wait_for_its_linger():
    async with Run(LANES) as run:
        requests = run.line.push("standard", *range(20))

        assert await run.end() is Exit.CLEAN
        assert now_s() < SOON_S
        assert all(run.line.end_of(each) for each in requests)
        assert run.batches() == [8, 8, 4]
        assert run.line.scrape().by("cause", "flushes_total") == {"full": 2, "drain": 1}


async def test_a_tail_that_a_transform_prepares_does_not_wait_either():
    async with Run(LANES, transform=Ones()) as run:
        run.line.push("standard", *[b"a"] * 20)

        assert await run.end() is Exit.CLEAN
        assert now_s() < SOON_S
        assert sum(run.batches()) == 20


async def test_a_lane_that_is_too_full_to_read_on_waits_for_nothing():
    full = {"standard": LANES["standard"] | {"max_rows": 1_000, "max_waiting": 10}}
    async with Run(full) as run:
        run.line.push("standard", *range(30))

        assert await run.end() is Exit.CLEAN
        assert now_s() < SOON_S


async def test_gaps_and_transaction_markers_are_reached_like_records():
    async with Run(LANES) as run:
        run.line.push("standard", 1)
        run.line.source.skip("standard", 0, 3)

        assert await run.end() is Exit.CLEAN
        assert run.summary().due == 4
        assert run.summary().requests == 1


async def test_what_comes_later_is_not_waited_for():
    async with Run(LANES) as run:
        run.line.session.base_s = 1.0
        run.line.push("standard", *range(8))
        end = run.begin()
        await asyncio.sleep(0.5)
        run.line.push("standard", *range(3))

        assert await end is Exit.CLEAN
        assert now_s() < 1.0 + 1.0 + SOON_S


async def test_what_comes_later_gathers_while_others_are_still_at_work():
    async with Run(LANES) as run:
        run.outside.committed["standard", 1] = 0
        run.line.source.push("standard", 1, b"another worker's")
        run.line.push("standard", 1, 2)
        end = run.begin()
        await asyncio.sleep(SOON_S)
        for value in (3, 4, 5):
            run.line.push("standard", value)
            await asyncio.sleep(5)
        assert run.batches() == [2]
        run.outside.committed["standard", 1] = 1

        assert await end is Exit.CLEAN
        assert run.batches() == [2, 3]  # flushed by the drain


async def test_another_worker_s_commits_count():
    async with Run(LANES) as run:
        run.line.source.push("standard", 1, b"a", b"b")
        run.outside.committed["standard", 1] = 0
        end = run.begin()
        await asyncio.sleep(100)
        assert not end.done()
        run.outside.committed["standard", 1] = 2

        assert await end is Exit.CLEAN
        assert run.summary().requests == 0
        assert (run.summary().due, run.summary().left) == (2, 0)


async def test_without_anything_due_no_work_begins():
    async with Run(LANES) as run:
        run.line.push("standard", 1)
        run.outside.committed["standard", 0] = 1

        assert await run.end() is Exit.CLEAN
        assert not run.worked
        assert run.summary().reason == "nothing was due"


@pytest.mark.parametrize(("start", "worked"), [("earliest", False), ("latest", True)])
async def test_a_new_group_on_empty_topics_is_started_when_that_decides_where(start, worked):
    async with Run(LANES, kafka={"start": start}) as run:
        assert await run.end() is Exit.CLEAN
        assert run.worked == worked


async def test_it_does_not_end_on_what_is_unknown():
    async with Run(LANES) as run:
        run.line.push("standard", 1)
        end = run.begin()
        await asyncio.sleep(0.1)  # it has aimed
        run.outside.unknown.add(("standard", 0))
        await asyncio.sleep(100)
        assert not end.done()
        run.outside.unknown.clear()

        assert await end is Exit.CLEAN


async def test_it_finds_its_target_once_everything_is_known():
    async with Run(LANES) as run:
        run.outside.unknown.add(("standard", 0))
        end = run.begin()
        await asyncio.sleep(5)
        run.line.push("standard", 1)
        run.outside.unknown.clear()

        assert await end is Exit.CLEAN
        assert run.summary().due == 1


async def test_what_stays_unknown_ends_the_run_at_the_start_up_deadline():
    async with Run(LANES) as run:
        run.outside.unknown.add(("standard", 0))

        with pytest.raises(Fatal) as failure:
            await run.end()

        assert failure.value.exit_code is Exit.BROKER_UNAVAILABLE
        assert now_s() == pytest.approx(run.line.settings.kafka.start_timeout, abs=1)
        assert run.summary(Exit.BROKER_UNAVAILABLE).due is None


async def test_being_told_to_stop_leaves_the_rest():
    async with Run(LANES) as run:
        run.line.session.base_s = 1.0
        run.line.push("standard", *range(5_000))
        end = run.begin()
        await asyncio.sleep(10)
        run.line.stop.set()

        assert await end is Exit.WORK_LEFT
        made = run.summary(Exit.WORK_LEFT)
        assert made.left > 0
        assert made.left + run.line.source.committed["standard", 0] == made.due == 5_000
        assert made.reason == "told to stop"


async def test_being_told_to_stop_is_clean_when_the_drain_reaches_the_target():
    async with Run(LANES) as run:
        run.line.session.base_s = 10.0
        run.line.push("standard", *range(8))
        end = run.begin()
        await asyncio.sleep(5)
        run.line.stop.set()

        assert await end is Exit.CLEAN
        assert run.summary().reason == "caught up"


async def test_being_told_to_stop_before_the_target_is_known_is_not_clean():
    async with Run(LANES) as run:
        run.outside.unknown.add(("standard", 0))
        end = run.begin()
        await asyncio.sleep(5)
        run.line.stop.set()

        assert await end is Exit.WORK_LEFT
        assert not run.worked


async def test_the_longest_duration_ends_it_with_work_left():
    async with Run(LANES, longest_s=30.0) as run:
        run.line.session.base_s = 1.0
        run.line.push("standard", *range(20_000))

        assert await run.end() is Exit.WORK_LEFT
        made = run.summary(Exit.WORK_LEFT)
        assert made.reason == "--max-duration was over"
        assert made.left > 0
        assert made.requests == made.due - made.left
        assert now_s() < 30.0 + run.line.settings.limits.drain + 5


@pytest.mark.parametrize("told", [True, False], ids=["told to stop", "longest duration"])
async def test_it_ends_in_time_while_no_broker_answers_at_the_start(told):
    async with Run(LANES, longest_s=None if told else 20.0) as run:
        run.away_s = 60.0
        began_s, end = now_s(), run.begin()
        if told:
            await asyncio.sleep(20)
            run.line.stop.set()

        assert await end is Exit.WORK_LEFT
        assert now_s() - began_s == pytest.approx(20)
        assert not run.worked
        assert run.summary().due is None


async def test_newer_requests_that_the_drain_cannot_answer_are_not_its_fault():
    async with Run(LANES, limits={"drain": 2.0}) as run:
        run.outside.committed["standard", 1] = 0
        run.line.source.push("standard", 1, b"another worker's")
        run.line.push("standard", 1)
        end = run.begin()
        await asyncio.sleep(SOON_S)
        run.line.sink.hold()
        run.line.push("standard", 2)
        run.outside.committed["standard", 1] = 1

        assert await end is Exit.CLEAN
        made = run.summary()
        assert made.left == 0
        assert "newer requests" in made.reason


async def test_due_requests_that_kafka_deleted_are_told_and_not_clean():
    async with Run(LANES) as run:
        run.outside.committed["standard", 0] = 0
        run.line.push("standard", 1, 2, 3)
        run.line.metrics.lost(2)

        assert await run.end() is Exit.WORK_LEFT
        made = run.summary(Exit.WORK_LEFT)
        assert (made.lost, made.left) == (2, 0)
        assert "deleted 2 requests" in made.reason


async def test_due_requests_that_kafka_deleted_before_another_worker_read_them_are_told():
    async with Run(LANES) as run:
        run.outside.committed["standard", 1] = 0
        run.line.push("standard", 1, 2, 3, partition=1)
        end = run.begin()
        await asyncio.sleep(0.1)  # it has aimed
        run.outside.starts["standard", 1] = 3

        assert await end is Exit.WORK_LEFT
        assert (run.summary().lost, run.summary().left) == (3, 0)


async def test_what_was_deleted_before_the_run_was_not_due():
    async with Run(LANES) as run:
        run.line.source.skip("standard", 0, 2)
        run.line.push("standard", 3)
        run.outside.starts["standard", 0] = 2
        run.outside.committed["standard", 0] = 0
        run.line.metrics.lost(2)

        assert await run.end() is Exit.CLEAN
        assert (run.summary().due, run.summary().lost) == (1, 0)


async def test_a_look_that_is_denied_ends_the_line():
    async with Run(LANES) as run:
        run.outside.committed["standard", 1] = 0
        run.line.source.push("standard", 1, b"another worker's")
        end = run.begin()
        await asyncio.sleep(SOON_S)
        run.outside.failure = Fatal(Exit.DENIED, "no more")

        with pytest.raises(Fatal, match="no more"):
            await end
        assert run.view.closed


async def test_progress_is_that_of_the_group():
    async with Run(LANES) as run:
        run.line.session.base_s = 2.0
        run.line.push("standard", *range(32))

        await run.end()

        assert [each.answered for each in run.view.standings] == sorted(
            each.answered for each in run.view.standings
        )
        assert run.view.standings[0].left == 32
        assert run.view.standings[-1].left == 0
        assert len(run.view.standings) > 5
        assert run.view.closed


async def test_the_summary_adds_up():
    async with Run(LANES) as run:
        run.line.push("standard", *range(10))
        run.line.push("standard", b"odd", b"bad")
        run.line.push("standard", 1, headers=[("reply-to", b"somebody.elses")])

        await run.end()

        made = run.summary()
        assert (made.requests, made.results, made.dead_letters) == (13, 10, 1)
        assert made.errors == {"invalid_shape": 2}
        assert made.batches == 2
