"""One-shot runs: `tidemill run --until-caught-up` as a scheduler runs it."""

import asyncio
import json
import signal
import time
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from daemon.values.errors import Exit
from tests.acceptance.jobs import pair, terminate, until

_PATIENCE_S = 60.0
"""How long a run may take; the machine may be busy."""
_LINGERING = {"lanes.l.linger": "10min"}
_FAST_LOOKS = {"scaling.interval": "100ms"}
_SLOWLY = """
import time
import numpy as np

class Slowly:
    def preprocess(self, body, headers):
        time.sleep(0.05)
        return {"x": np.frombuffer(body, "<f4").reshape(1, 2)}

    def postprocess(self, outputs):
        return "application/octet-stream", outputs["y"].tobytes()
"""
"""A transform that answers 40 requests a second, however busy the machine is."""
_SLOW = (
    _LINGERING
    | _FAST_LOOKS
    | {
        "models.m.transform": "slowly.py:Slowly",
        "lanes.l.content_type": "application/json",  # the default: the transform takes every body
        "lanes.l.max_waiting": 32,
        "lanes.l.max_rows": 8,
    }
)


@pytest.fixture
def make_slow_job(make_job, tmp_path):
    """Returns a context of a job whose workers take their time, and its witness."""
    (tmp_path / "slowly.py").write_text(_SLOWLY)
    return lambda: make_job(**_SLOW)


class Run:
    """One process of `tidemill run --until-caught-up`."""

    def __init__(self, process):
        self.process = process
        self._output = asyncio.create_task(process.communicate())

    async def end(self):
        """Return the exit code and the summary; a killed one has none."""
        async with asyncio.timeout(_PATIENCE_S):
            out, self.log = await self._output
        self.summary = json.loads(out) if out else None
        return self.process.returncode, self.summary

    def send(self, number):
        self.process.send_signal(number)

    def events(self, name):
        """The log events of that name; known once it has ended."""
        events = [json.loads(line) for line in self.log.splitlines() if line.startswith(b"{")]
        return [event for event in events if event["event"] == name]

    async def close(self):
        if self.process.returncode is None:
            self.process.kill()
        await asyncio.gather(self._output, return_exceptions=True)


@asynccontextmanager
async def running(job, *options, **settings):
    """A run that has been started, and leaves nothing behind."""
    command = [*job.worker(**settings).command, "--until-caught-up", *options]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    run = Run(process)
    try:
        yield run
    finally:
        await run.close()


async def once(job, *options, **settings):
    """Run to the end; return exit code and summary."""
    async with running(job, *options, **settings) as run:
        return await run.end()


async def test_it_answers_what_is_there_without_waiting_for_the_linger(make_job):
    async with make_job(**_LINGERING) as (job, witness):
        await witness.publish(pair(number) for number in range(1_000))

        code, told = await once(job)

        assert code == 0, told
        assert told["wall_s"] < 30
        await witness.catch_up()
        assert witness.verdict().exactly_once, witness.verdict()
        assert (told["due"], told["left"], told["results"]) == (1_000, 0, 1_000)
        assert told["mean_fill"] > 0.9
        assert 0 < told["p99_s"] < 60


async def test_the_summary_adds_up(make_job):
    async with make_job(**_LINGERING) as (job, witness):
        await witness.publish(pair(number) for number in range(100))
        await witness.publish([b"odd"] * 20)
        await witness.publish([pair(1)] * 10, headers=[("reply-to", b"somebody.elses")])

        code, told = await once(job, "--json")

        assert code == told["exit_code"] == 0
        assert told["reason"] == "caught up"
        assert told["requests"] == told["due"] == 130
        assert told["results"] == 100
        assert told["errors"] == {"invalid_shape": 20}
        assert told["dead_letters"] == 10
        assert told["batches"] >= 100 / 32
        assert 0 <= told["busy_s"] <= told["wall_s"]


async def test_a_lane_that_goes_on_to_another_is_answered_to_the_end_of_the_row(make_job):
    async with make_job(partitions={"next": 3}, **_LINGERING, **_FAST_LOOKS) as (job, witness):
        await witness.publish(pair(number) for number in range(200))

        code, told = await once(
            job,
            **{
                "lanes.l.then": "next",
                "lanes.next.topics": [job.names.next],
                "lanes.next.models": ["m"],
                "lanes.next.content_type": "application/octet-stream",
                "lanes.next.linger": "10min",
            },
        )

        assert (code, told["due"], told["left"], told["results"]) == (0, 400, 0, 400), told
        await witness.catch_up()
        assert witness.verdict().exactly_once, witness.verdict()


async def test_with_nothing_due_it_ends_at_once_and_loads_no_model(make_job):
    async with make_job(**_LINGERING) as (job, witness):
        await witness.publish([pair(1)])
        assert (await once(job))[0] == 0
        (job.folder / "model.onnx").unlink()
        began_s = time.monotonic()

        async with running(job) as run:
            code, told = await run.end()

            assert code == 0
            assert time.monotonic() - began_s < 20
            assert (told["due"], told["requests"]) == (0, 0)
            assert told["reason"] == "nothing was due"
            assert not run.events("group.joined")


async def test_killed_in_the_middle_the_next_run_finishes_the_rest(make_slow_job):
    async with make_slow_job() as (job, witness):
        await witness.publish(pair(number) for number in range(160))
        async with running(job) as run:
            await witness.until_answered(8)
            await until(lambda: _some_committed(job))
            run.send(signal.SIGKILL)
            assert (await run.end())[1] is None
        await witness.catch_up()
        assert witness.unanswered

        code, told = await once(job)

        assert code == 0, told
        await witness.catch_up()
        assert witness.verdict().at_least_once, witness.verdict()
        assert not witness.unanswered
        assert 0 < told["due"] < 160


async def _some_committed(job):
    return sum((await job.committed()).values()) > 0


async def test_two_at_once_share_the_work_and_both_end_clean(make_slow_job):
    async with make_slow_job() as (job, witness):
        await witness.publish(pair(number) for number in range(400))
        async with running(job) as first, running(job) as second:
            ends = await asyncio.gather(first.end(), second.end())

        assert [code for code, _ in ends] == [0, 0]
        assert all(told["left"] == 0 and told["reason"] == "caught up" for _, told in ends)
        assert all(told["requests"] > 0 for _, told in ends)
        await witness.catch_up()
        assert witness.verdict().at_least_once, witness.verdict()
        assert sum(told["requests"] for _, told in ends) == len(witness.log)


async def test_after_its_longest_duration_it_says_what_is_left(make_slow_job):
    async with make_slow_job() as (job, witness):
        await witness.publish(pair(number) for number in range(2_000))

        code, told = await once(job, "--max-duration", "6s")

        assert code == told["exit_code"] == Exit.WORK_LEFT
        assert told["reason"] == "--max-duration was over"
        assert told["left"] == told["due"] - told["requests"] > 0
        await witness.catch_up()
        assert len(witness.answered) == told["requests"] > 0


async def test_sigterm_in_the_middle_says_what_is_left(make_slow_job):
    async with make_slow_job() as (job, witness):
        await witness.publish(pair(number) for number in range(2_000))
        async with running(job) as run:
            await witness.until_answered(20)
            run.send(signal.SIGTERM)
            code, told = await run.end()

        assert code == Exit.WORK_LEFT
        assert told["reason"] == "told to stop"
        assert told["left"] == told["due"] - told["requests"] > 0


async def test_a_worker_that_serves_anyway_may_do_the_work(make_job):
    async with make_job(**_FAST_LOOKS | {"lanes.l.linger": "3s"}) as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(20))

        code, told = await once(job)

        assert (code, told["left"]) == (0, 0)
        await witness.catch_up()
        assert witness.verdict().at_least_once, witness.verdict()
        assert await terminate(worker) == 0


async def test_transactions_at_the_ends_of_the_logs_do_not_keep_it(make_job, kafka):
    async with make_job(**_LINGERING) as (job, witness):
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=job.topics.group)
        await producer.start()
        try:
            await witness.publish([pair(1)], partition=0)
            for partition, end in enumerate(
                [producer.commit_transaction, producer.abort_transaction, None]
            ):
                await producer.begin_transaction()
                for number in range(5):
                    await producer.send_and_wait(
                        job.names.requests, pair(number), partition=partition
                    )
                if end is not None:
                    await end()

            code, told = await once(job)

            assert (code, told["left"]) == (0, 0), told
            assert told["results"] == 1 + 5
            await producer.abort_transaction()
        finally:
            await producer.stop()

        code, told = await once(job)  # nothing but the aborted records and their marker are due

        assert (code, told["left"], told["requests"]) == (0, 0, 0)
        assert told["due"] == 5 + 1


@pytest.mark.long
async def test_a_new_group_that_starts_at_the_end_is_settled_by_its_first_run(make_job):
    async with make_job(**_LINGERING | {"kafka.start": "latest"}) as (job, witness):
        await witness.publish(pair(number) for number in range(5))
        code, told = await once(job)
        assert (code, told["left"], told["requests"]) == (0, 0, 0)
        await witness.publish(pair(number) for number in range(3))

        code, told = await once(job)

        assert (code, told["due"], told["results"]) == (0, 3, 3)


@pytest.mark.long
async def test_what_kafka_deleted_before_the_run_was_not_due(make_job):
    async with make_job(**_LINGERING) as (job, witness):
        await witness.publish([pair(1)] * 5, partition=0)
        assert (await once(job))[0] == 0
        await witness.publish([pair(1)] * 20, partition=0)
        first = TopicPartition(job.names.requests, 0)
        await job.topics.admin.delete_records({first: RecordsToDelete(before_offset=15)})

        async with running(job) as run:
            code, told = await run.end()

        assert (code, told["due"], told["results"], told["lost"]) == (0, 10, 10, 0)
        assert [event["count"] for event in run.events("requests.lost")] == [10]


async def test_lanes_with_one_request_each_end_too(make_job):
    settings = _LINGERING | {
        "models.m.path": "model.onnx",
        "lanes.other.models": ["m"],
        "lanes.other.content_type": "application/octet-stream",
        "lanes.other.linger": "10min",
    }
    async with make_job() as (job, witness):
        other = await job.topics.create("other", 2)
        await witness.publish([pair(1)])
        await witness.publish([pair(2)], topic=other)

        code, told = await once(job, **settings, **{"lanes.other.topics": [other]})

        assert (code, told["results"], told["batches"]) == (0, 2, 2)


async def test_a_broker_that_is_away_is_told_as_json_too(make_job):
    async with make_job(**{"kafka.start_timeout": "1s"}) as (job, _):
        code, told = await once(job, **{"kafka.bootstrap_servers": "127.0.0.1:1"})

        assert code == told["exit_code"] == Exit.BROKER_UNAVAILABLE
        assert "no broker" in told["reason"]
        assert told["due"] is told["left"] is None
