"""Requests to the group's coordinator by one who is no member."""

import asyncio
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.protocol.admin import DescribeGroupsRequest

_MOVED = (
    errors.GroupCoordinatorNotAvailableError,
    errors.NotCoordinatorForGroupError,
    errors.KafkaConnectionError,
    errors.NodeNotReadyError,
    errors.RequestTimedOutError,
)
"""What tells that another broker may have to be asked."""
_APART = ConnectionGroup.COORDINATION
"""A connection of its own: a broker answers each connection's requests one after the other."""


class Coordinator:
    """Finds the broker that looks after `group` and sends to it; finds it anew when it moves."""

    def __init__(self, inner: AIOKafkaClient, group: str) -> None:
        self.group = group
        self._inner = inner
        self._node: int | None = None
        self._finding = asyncio.Lock()

    async def send(self, request: Any) -> Any:
        """Send `request`; raises errors.KafkaError, also for what it failed with as a whole."""
        node = await self._find()
        try:
            response = await self._inner.send(node, request, group=_APART)
            if code := getattr(response, "error_code", 0):
                raise errors.for_code(code)(f"{self.group}: code {code}")
        except _MOVED:
            self._lose(node)
            raise
        return response

    async def members(self) -> int:
        """Return how many members the group has; raises errors.KafkaError."""
        response = await self.send(DescribeGroupsRequest([self.group]))
        for code, group, _state, _type, _protocol, members, *_ in response.groups:
            if group != self.group:
                continue
            if code:
                error = errors.for_code(code)(f"{self.group}: code {code}")
                if isinstance(error, _MOVED):
                    self._node = None
                raise error
            return len(members)
        raise errors.KafkaError("the coordinator did not answer for the group")

    async def _find(self) -> int:
        async with self._finding:
            if self._node is None:
                if self._inner.get_random_node() is None:
                    raise errors.KafkaConnectionError("no broker is known")
                self._node = await self._inner.coordinator_lookup(
                    CoordinationType.GROUP, self.group
                )
            return self._node

    def _lose(self, node: int) -> None:
        if self._node == node:
            self._node = None
