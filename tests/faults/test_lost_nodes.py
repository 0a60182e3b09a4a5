"""Nodes of a cluster of three die, stand still, restart, or hand on what they lead, under load."""

import asyncio
import itertools

import pytest

from loadtest.kafka.leaders import Leaders

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

_TWO_DOWN_S = 40
_STANDS_STILL_S = 25


async def _leads(trial, leaders, what):
    """The node that leads the input, coordinates the group, or leads a reply topic."""
    if what == "coordinator":
        return await leaders.coordinator(trial.job.topics.group)
    topic = trial.names.requests if what == "input" else trial.names.replies
    return await leaders.leader(topic)


async def _until_in_sync(cluster):
    async with Leaders(cluster.bootstrap) as leaders, asyncio.timeout(120):
        while not await leaders.in_sync():  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(
            "input",
            marks=pytest.mark.fault_row("a node of three dies", "the input's leader", promise=2),
        ),
        pytest.param(
            "coordinator",
            marks=pytest.mark.fault_row("a node of three dies", "the coordinator", promise=2),
        ),
        pytest.param(
            "replies",
            marks=pytest.mark.fault_row("a node of three dies", "the replies' leader", promise=2),
        ),
    ],
)
async def test_a_node_dies(trial, cluster, leaders, fault_row, what):
    async with trial() as running:
        await running.start(2)
        async with running.load():
            node = cluster.nodes[await _leads(running, leaders, what)]
            async with running.fault():
                node.kill()
            await asyncio.to_thread(cluster.mend)
            await running.more_answers(100)
        await running.judge(fault_row)


@pytest.mark.fault_row("two nodes of three die", "both away for 40 s", promise=6)
async def test_two_nodes_are_away(trial, cluster, fault_row):
    async with trial() as running:
        await running.start(2)
        async with running.load():
            async with running.fault():
                cluster.nodes[1].kill()
                cluster.nodes[2].kill()
                await asyncio.sleep(_TWO_DOWN_S)
                await asyncio.to_thread(cluster.mend)
            await running.more_answers(100)
        await running.judge(fault_row)


@pytest.mark.fault_row("nodes restart one by one", "SIGTERM, three in a row", promise=2)
async def test_a_rolling_restart(trial, cluster, fault_row):
    async with trial() as running:
        await running.start(2)
        async with running.load():
            for node in cluster.nodes.values():
                async with running.fault():
                    await asyncio.to_thread(node.stop)
                    await asyncio.to_thread(node.start)
                    await _until_in_sync(cluster)
        await running.judge(fault_row)


@pytest.mark.fault_row("a node stands still", "SIGSTOP of the coordinator, 25 s", promise=6)
async def test_the_coordinator_stands_still(trial, cluster, leaders, fault_row):
    async with trial() as running:
        await running.start(2)
        async with running.load():
            node = cluster.nodes[await _leads(running, leaders, "coordinator")]
            async with running.fault():
                node.pause()
                await asyncio.sleep(_STANDS_STILL_S)
                node.resume()
            await running.more_answers(100)
        await running.judge(fault_row)


@pytest.mark.fault_row("leaders move", "of input and replies, twice round", promise=2)
async def test_leaders_move(trial, cluster, leaders, fault_row):
    async with trial() as running:
        await running.start(2)
        topics = (running.names.requests, running.names.replies)
        async with running.load():
            for node_id in (1, 2, 3, 1, 2, 3):
                async with running.fault():
                    for topic, number in itertools.product(topics, range(3)):
                        await leaders.lead(topic, number, node_id)
        await running.judge(fault_row)


@pytest.mark.fault_row("the coordinator moves", "six times", promise=2)
async def test_the_coordinator_moves(trial, cluster, leaders, fault_row):
    async with trial() as running:
        await running.start(2)
        async with running.load():
            for node_id in (1, 2, 3, 1, 2, 3):
                async with running.fault():
                    await leaders.move_coordinator(running.job.topics.group, node_id)
        await running.judge(fault_row)
