"""Exactly once, where a transaction is most easily torn: readers see each answer once."""

import asyncio
import signal
import time

import pytest

from loadtest.kafka.proxy import END_TXN, TXN_OFFSET_COMMIT
from tests import fault_table
from tests.acceptance.conftest import job_maker
from tests.acceptance.jobs import events, metric, pair, terminate, until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("delivery"),
]

EXACTLY_ONCE = {"kafka.delivery": "exactly-once", "kafka.transaction_interval": "300ms"}
"""Long, so that a transaction is nearly always open."""
SESSION_S = 2.0


@pytest.fixture
def make_job(kafka, topics, tmp_path):
    return job_maker(kafka, topics, tmp_path)


@pytest.fixture
def make_lone_job(broker, private_topics, tmp_path):
    return job_maker(broker.bootstrap, private_topics, tmp_path)


@pytest.fixture(params=[fault_table.EXACTLY_ONCE])
def delivery(request):
    return request.param


def _slot(number):
    return {"kafka.instance_id": f"slot-{number}"}


async def _judge(fault_row, witness, *workers, recovery_s=None):
    await witness.until_all_answered()
    for worker in workers:
        assert await terminate(worker) == 0
    await witness.catch_up()
    verdict = witness.verdict()
    fault_row(lost=len(verdict.lost), repeated=verdict.repeated.total(), recovery_s=recovery_s)
    assert verdict.exactly_once, verdict


@pytest.mark.fault_row(
    "a worker stands still", "SIGSTOP past its session with a transaction open, twice", promise=2
)
async def test_a_worker_that_was_stopped_past_its_session_repeats_nothing(make_job, fault_row):
    async with make_job(**EXACTLY_ONCE) as (job, witness):
        stopped = await job.start()
        other = await job.start()
        async with witness.load(300, pair):
            for answered in (300, 900):
                await witness.until_answered(answered)
                stopped.send(signal.SIGSTOP)
                await until(lambda: len(events(other, "partitions.assigned")) > 1)
                await asyncio.sleep(2 * SESSION_S)
                stopped.send(signal.SIGCONT)
            await witness.until_answered(len(witness.answered) + 300)

        await _judge(fault_row, witness, stopped, other)


@pytest.mark.fault_row(
    "the group is rebalanced",
    "transactions are open in six rebalances, a worker is killed in one",
    promise=2,
)
async def test_rebalances_with_transactions_open_repeat_nothing(make_job, fault_row):
    async with make_job(**EXACTLY_ONCE) as (job, witness):
        first = await job.start(**_slot(0))
        async with witness.load(300, pair):
            for number in range(3):
                second = await job.start(**_slot(1))
                await witness.until_answered(len(witness.answered) + 200)
                if number == 1:
                    await asyncio.to_thread(second.kill)
                else:
                    assert await terminate(second) == 0
                await witness.until_answered(len(witness.answered) + 200)

        await _judge(fault_row, witness, first)


@pytest.mark.fault_row(
    "two workers have one name", "the second one takes transactions and partitions over", promise=2
)
async def test_of_two_workers_with_one_instance_one_ends_and_nothing_is_repeated(
    make_job, fault_row
):
    async with make_job(**EXACTLY_ONCE, **_slot(0)) as (job, witness):
        first = await job.start()
        async with witness.load(300, pair):
            await witness.until_answered(200)
            second = await job.start()
            assert await asyncio.to_thread(first.wait, 60) == 75
            await witness.until_answered(len(witness.answered) + 300)

        assert "kafka.instance_id" in events(first, "worker.failed")[0]["reason"]
        await _judge(fault_row, witness, second)


@pytest.mark.parametrize(
    ("lost", "hang_up"),
    [
        pytest.param(
            END_TXN,
            True,
            marks=pytest.mark.fault_row(
                "answers get lost",
                "to the end of a transaction, connection cut, three times",
                promise=2,
            ),
        ),
        pytest.param(
            END_TXN,
            False,
            marks=pytest.mark.fault_row(
                "answers get lost",
                "to the end of a transaction, in silence, three times",
                promise=2,
            ),
        ),
        pytest.param(
            TXN_OFFSET_COMMIT,
            True,
            marks=pytest.mark.fault_row(
                "answers get lost",
                "to the commit in a transaction, connection cut, three times",
                promise=2,
            ),
        ),
        pytest.param(
            TXN_OFFSET_COMMIT,
            False,
            marks=pytest.mark.fault_row(
                "answers get lost",
                "to the commit in a transaction, in silence, three times",
                promise=2,
            ),
        ),
    ],
)
async def test_answers_of_the_broker_that_get_lost_repeat_nothing(
    make_lone_job, proxy, fault_row, lost, hang_up
):
    # As long as an answer may take, nothing here would go on before the test has given up.
    through = {"kafka.bootstrap_servers": proxy.bootstrap, "kafka.request_timeout": "10min"}
    recovery_s = 0.0
    async with make_lone_job(**EXACTLY_ONCE, **_slot(0)) as (job, witness):
        worker = await job.start(**through)
        async with witness.load(300, pair):
            for _ in range(3):
                await witness.until_answered(len(witness.answered) + 200)
                before = proxy.swallowed
                proxy.swallow(lost, hang_up=hang_up)
                await until(lambda: proxy.swallowed > before)  # noqa: B023 - awaited in its own round
                proxy.release()
                lost_s = time.monotonic()
                await witness.until_answered(len(witness.answered) + 200)
                recovery_s = max(recovery_s, time.monotonic() - lost_s)
            await witness.until_answered(len(witness.answered) + 200)

        assert await metric(worker, "requests_total") > 0
        assert events(worker, "transaction.aborted")
        await _judge(fault_row, witness, worker, recovery_s=recovery_s)
