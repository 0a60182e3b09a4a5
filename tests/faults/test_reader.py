"""The reader sees each commit that a group's log has, in order, and none that was aborted."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.faults.reader import Commit, read_commits

pytestmark = pytest.mark.faults


async def test_commits_are_read_in_order_and_those_that_go_back_too(cluster, cluster_topics):
    names = await cluster_topics(echo=1)
    partition, group = TopicPartition(names.echo, 0), cluster_topics.group

    async with _alone(cluster, group, partition) as consumer:
        for offset in (7, 3):
            await consumer.commit({partition: offset})
    await _in_transaction(cluster, group, {partition: 11}, commit=False)
    await _in_transaction(cluster, group, {partition: 13}, commit=True)
    async with _alone(cluster, f"{group}-other", partition) as consumer:
        await consumer.commit({partition: 99})

    read = await read_commits(cluster.bootstrap, group)
    assert read == [Commit(group, names.echo, 0, offset) for offset in (7, 3, 13)]


def _alone(cluster, group, partition):
    """A consumer of `group` that is no member of it."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap, group_id=group, enable_auto_commit=False
    )
    consumer.assign([partition])
    return consumer


async def _in_transaction(cluster, group, offsets, *, commit):
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=group)
    async with producer:
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction(offsets, group)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
