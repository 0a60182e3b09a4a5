"""The cluster that faults are done to: it loses one node and goes on, and its leaders can be moved."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from loadtest.kafka.leaders import Leaders

pytestmark = pytest.mark.faults


async def _publish(cluster, topic, value):
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def test_it_goes_on_without_one_node_and_takes_it_back(cluster, cluster_topics):
    names = await cluster_topics(echo=1)
    async with Leaders(cluster.bootstrap) as leaders:
        leader = await leaders.leader(names.echo)

    cluster.nodes[leader].kill()
    await _publish(cluster, names.echo, b"kept by two")
    await asyncio.to_thread(cluster.mend)

    async with Leaders(cluster.nodes[leader].bootstrap) as leaders, asyncio.timeout(60):
        while not await leaders.in_sync():  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(0.1)


async def test_a_leader_is_moved_to_each_node(cluster, cluster_topics):
    names = await cluster_topics(echo=2)
    async with Leaders(cluster.bootstrap) as leaders:
        for node_id in cluster.nodes:
            await leaders.lead(names.echo, 1, node_id)
            assert await leaders.leader(names.echo, 1) == node_id


async def test_a_coordinator_is_moved_to_each_node(cluster, cluster_topics):
    names = await cluster_topics(echo=1)
    consumer = AIOKafkaConsumer(
        names.echo, bootstrap_servers=cluster.bootstrap, group_id=cluster_topics.group
    )
    async with consumer:
        pass  # Kafka makes its topic of groups for the first of them
    async with Leaders(cluster.bootstrap) as leaders:
        for node_id in cluster.nodes:
            await leaders.move_coordinator(cluster_topics.group, node_id)
            assert await leaders.coordinator(cluster_topics.group) == node_id
