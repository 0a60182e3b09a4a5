"""A partition of replies takes nothing for a while: what goes elsewhere goes on."""

import asyncio

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.mark.parametrize(
    "others",
    [
        pytest.param(
            1,
            marks=pytest.mark.fault_row(
                "a partition of replies takes nothing",
                "one of the two nodes that must have a copy is stopped",
                promise=2,
            ),
        ),
        pytest.param(
            0,
            marks=pytest.mark.fault_row(
                "a partition of replies takes nothing",
                "the one node that has a copy is stopped",
                promise=2,
            ),
        ),
    ],
)
async def test_a_partition_that_takes_nothing_holds_up_no_other(
    cluster, trial, leaders, fault_row, others
):
    async with trial() as running:
        await running.start(2)
        async with running.load(rate_per_s=60):  # in the end a lane is full of what waits
            stopped = await leaders.coordinator(running.job.topics.group) % len(cluster.nodes) + 1
            kept = [node for node in cluster.nodes if node != stopped][:others]
            await leaders.place(running.names.replies, 0, [*kept, stopped])
            async with running.fault():
                await asyncio.to_thread(cluster.nodes[stopped].stop)
                await running.more_commits(300, [1, 2, 4, 5])  # of six; three of replies
                await asyncio.to_thread(cluster.mend)
        await running.judge(fault_row)
