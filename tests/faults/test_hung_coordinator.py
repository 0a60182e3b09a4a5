"""A broker that takes connections and answers nothing costs a session, whatever it looks after."""

import time

import pytest
from aiokafka import AIOKafkaProducer

from loadtest.kafka.leaders import Leaders
from tests.contract.test_kafka_outages import Reader
from tests.contract.worlds import settings_for

pytestmark = pytest.mark.faults

LONG_S = 120.0


@pytest.mark.fault_row(
    "a coordinator hangs", "SIGSTOP of the group's coordinator, one of three brokers", promise=1
)
async def test_a_coordinator_that_hangs_costs_no_more_than_the_session(
    cluster, cluster_topics, fault_row
):
    names = await cluster_topics(requests=2, replies=1, dead=1)
    # As long as an answer may take, nothing here would go on before the test has given up.
    settings = settings_for(
        cluster.bootstrap, cluster_topics, session_timeout="6s", request_timeout="10min"
    )
    async with (
        Reader(settings, cluster_topics) as reader,
        AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all") as producer,
    ):
        async with Leaders(cluster.bootstrap) as leaders:
            hung = await leaders.coordinator(cluster_topics.group)
            for partition in (0, 1):
                await leaders.lead(names.requests, partition, hung % len(cluster.nodes) + 1)
        await producer.send_and_wait(names.requests, b"before", partition=0)
        await reader.until(lambda: reader.values == [b"before"])
        await reader.until(lambda: not _owed(reader.source))

        cluster.nodes[hung].pause()
        try:
            await reader.until(lambda: not reader.source.joined, LONG_S)
            lost_s = time.monotonic()
            await producer.send_and_wait(names.requests, b"meanwhile", partition=0)
            await reader.until(lambda: b"meanwhile" in reader.values, LONG_S)
            await reader.until(lambda: not _owed(reader.source), LONG_S)
        finally:
            cluster.nodes[hung].resume()
        assert reader.values == [b"before", b"meanwhile"]
        fault_row(lost=0, repeated=0, recovery_s=time.monotonic() - lost_s)


def _owed(source):
    """Whether something that was read is not committed."""
    generation = source._membership.generation
    return generation is None or bool(generation.uncommitted()) or not source.lease_valid()
