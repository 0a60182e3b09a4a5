"""What happens while Kafka hands out requests but takes no replies."""

import asyncio

from daemon.values.errors import Exit
from loadtest.kafka.proxy import PRODUCE, Proxy
from tests.acceptance.jobs import END_S, events, held, metric, pair, start, until

_MIB = 2**20
_BODY_BYTES = 8 * 2**10
_WAITING_BYTES = 2 * _MIB
_FETCH_BYTES = 2**18
_PARTITIONS = 4
_SMALL = {
    "lanes.l.max_waiting_bytes": "2MiB",
    "lanes.l.max_bytes": "1MiB",
    "lanes.l.max_rows": 4096,
    "kafka.fetch_bytes": "256KiB",
    "limits.request_bytes": "64KiB",
    # A busy machine keeps its session, so that nothing has to be answered twice.
    "kafka.session_timeout": "20s",
    "kafka.rebalance_timeout": "30s",
}


async def test_reading_stops_at_the_budget_and_memory_stays_flat(spare, make_spare_job):
    async with make_spare_job(**_SMALL) as (job, witness), Proxy(spare.ports) as proxy:
        worker = await job.start(**{"kafka.bootstrap_servers": proxy.bootstrap})
        proxy.hold(PRODUCE)
        await witness.publish(pair(n) * (_BODY_BYTES // 8) for n in range(3000))  # 23 MiB
        await until(lambda: proxy.waiting)
        await asyncio.sleep(1.0)  # for what was fetched already

        held_bytes = [await metric(worker, "inflight_bytes")]
        resident_bytes = [await metric(worker, "process_resident_memory_bytes")]
        for _ in range(5):
            await asyncio.sleep(0.2)
            held_bytes.append(await metric(worker, "inflight_bytes"))
            resident_bytes.append(await metric(worker, "process_resident_memory_bytes"))

        assert len(set(held_bytes)) == 1
        assert _WAITING_BYTES <= held_bytes[0] < _WAITING_BYTES + _PARTITIONS * _FETCH_BYTES
        assert max(resident_bytes) - resident_bytes[0] < 4 * _MIB
        assert not witness.log

        proxy.release()
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()


async def test_a_worker_whose_replies_are_never_taken_ends_itself_and_loses_nothing(
    spare, make_spare_job
):
    short = {
        "limits.stall": "3s",
        "limits.bisect": "1s",
        "limits.publish": "1s",
        "models.m.run_limit": "1s",
    }
    async with make_spare_job(**short) as (job, witness):
        await witness.publish(pair(number) for number in range(100))
        async with Proxy(spare.ports) as proxy:
            worker = job.worker(**{"kafka.bootstrap_servers": proxy.bootstrap})
            proxy.hold(PRODUCE)
            await start(worker)
            await held(worker, 100)

            assert await asyncio.to_thread(worker.wait, END_S) == Exit.INTERNAL
            assert events(worker, "worker.stalled")

        await job.start()
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
