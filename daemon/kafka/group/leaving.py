"""Leaving the group at once, a static member too, and though its coordinator may not answer."""

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, errors
from aiokafka.protocol.group import LeaveGroupRequest

_LEAVE_S = 3.0
"""A leave takes 0.1 s; longer, and the broker hangs or is in the midst of a rebalance."""


async def leave(client: AIOKafkaConsumer) -> None:
    """Let `client` leave its group, if it is in one, and close it; takes twice _LEAVE_S at most."""
    coordinator = client._coordinator
    if coordinator is None:
        await client.stop()
        return
    member, node = coordinator.member_id, coordinator.coordinator_id
    # aiokafka sends no LeaveGroup for static members: their partitions would stand still for
    # the whole session. It sends one, at the right moment, to a member without instance id.
    coordinator._group_instance_id = None
    try:
        async with asyncio.timeout(_LEAVE_S):
            await client.stop()
    except (errors.KafkaError, TimeoutError):
        await _leave_hard(client, member, node)
    except asyncio.CancelledError:
        # aiokafka cancels its fetches, waits for them, and lets out what they end with.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        await _leave_hard(client, member, node)


async def _leave_hard(client: AIOKafkaConsumer, member: str, node: int | None) -> None:
    """Leave although the coordinator's connection is blocked by a join or does not answer."""
    with suppress(errors.KafkaError, TimeoutError):
        async with asyncio.timeout(_LEAVE_S):
            if node is not None and member:
                request = LeaveGroupRequest(client._coordinator.group_id, member)
                await client._client.send(node, request)
    tasks = [task for task in _tasks(client) if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client._client.close()


def _tasks(client: AIOKafkaConsumer) -> list[asyncio.Task[Any] | None]:
    coordinator, fetcher = client._coordinator, client._fetcher
    return [
        coordinator._coordination_task,
        coordinator._heartbeat_task,
        coordinator._commit_refresh_task,
        fetcher._fetch_task,
        *fetcher._pending_tasks,
    ]
