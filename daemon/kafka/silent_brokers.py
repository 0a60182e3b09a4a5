"""Brokers that take connections and answer nothing: found out in seconds, and gone around.

aiokafka waits for each answer as long as a request may take, 40 s, for the first one on a connection too,
and lets nobody else connect meanwhile. A process that hangs, or whose host does, would hold up all that it
is asked for, though others have taken its place by then.

- A connection is made within seconds or not at all.
- Who may be hanging is asked by a connection of its own first, which holds up no other one.
- Who is asked something that any broker knows is one of those that answer.
"""

import asyncio
import random
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import aiokafka.client
from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.coordination import FindCoordinatorRequest

from daemon.kafka.bootstrap import connect
from daemon.kafka.closing import close_if_cut, connect_unless_closed
from daemon.kafka.credentials import renewed

_CONNECT_S = 5.0
"""Longest wait for a connection, login included; a broker that lives takes milliseconds."""
_LOOKUP_S = 5.0
"""Longest wait to be told a coordinator; it may stand behind a fetch that finds nothing, 0.5 s."""


class _Doubts:
    """Brokers that did not answer one client, by id; and those that are being asked."""

    def __init__(self) -> None:
        self.nodes: set[Any] = set()
        self.asked: set[Any] = set()


_doubts: WeakKeyDictionary[AIOKafkaClient, _Doubts] = WeakKeyDictionary()


def install() -> None:
    """Change it for the whole process; to be called before any client."""
    aiokafka.client.create_conn = _create_conn
    AIOKafkaClient._get_conn = _get_conn
    AIOKafkaClient.get_random_node = _get_random_node
    AIOKafkaClient.coordinator_lookup = _coordinator_lookup


def doubt(client: AIOKafkaClient, node: Any) -> None:
    """Give up all connections to `node`, and what is waited for on them, and ask before there are others."""
    _of(client).nodes.add(node)
    for (connected, _), connection in list(client._conns.items()):
        if connected == node:
            connection.close()
    client.force_metadata_update()


async def answers(client: AIOKafkaClient, node: Any) -> bool:
    """Whether `node` answers on a connection of its own; one that was doubted and does is believed again."""
    doubts = _of(client)
    if node in doubts.asked:
        return False
    doubts.asked.add(node)
    try:
        broker = client.cluster.broker_metadata(node)
        if broker is None:
            return False
        async with asyncio.timeout(_CONNECT_S):
            connection = await connect(client, broker.host, broker.port)
        connection.close()
    except (OSError, errors.KafkaError, TimeoutError):
        return False
    finally:
        doubts.asked.discard(node)
    doubts.nodes.discard(node)
    return True


class _Oldest(NamedTuple):
    correlation: Any
    since_s: float


class SilenceWatch:
    """Which brokers leave a request of one client unanswered; to be asked again and again."""

    def __init__(self, client: AIOKafkaClient, limit_s: float) -> None:
        """`limit_s`: how long an answer may take before one doubts that there will be one."""
        self._client = client
        self._limit_s = limit_s
        self._oldest: dict[AIOKafkaConnection, _Oldest] = {}

    def silent(self, now_s: float) -> set[Any]:
        """Return the ids of brokers whose oldest request is older than the limit."""
        oldest: dict[AIOKafkaConnection, _Oldest] = {}
        silent = set()
        for (node, _), connection in self._client._conns.items():
            if not connection._requests:
                continue
            correlation = connection._requests[0][0]
            before = self._oldest.get(connection)
            known = before is not None and before.correlation == correlation
            oldest[connection] = before if before and known else _Oldest(correlation, now_s)
            if now_s - oldest[connection].since_s > self._limit_s:
                silent.add(node)
        self._oldest = oldest
        return silent

    def believe(self, node: Any, now_s: float) -> None:
        """`node` lives, so what it has not answered it may still answer; doubt it later again."""
        for (asked, _), connection in self._client._conns.items():
            if asked == node and connection in self._oldest:
                self._oldest[connection] = self._oldest[connection]._replace(since_s=now_s)


def _of(client: AIOKafkaClient) -> _Doubts:
    return _doubts.setdefault(client, _Doubts())


async def _create_conn(*where: Any, **how: Any) -> AIOKafkaConnection:
    async with asyncio.timeout(_CONNECT_S):
        return await create_conn(*where, **renewed(how))


async def _get_conn(
    client: AIOKafkaClient,
    node: Any,
    *,
    group: ConnectionGroup = ConnectionGroup.DEFAULT,
    no_hint: bool = False,
) -> AIOKafkaConnection | None:
    connection = client._conns.get((node, group))
    if connection is not None:
        close_if_cut(connection)
        if connection.connected():
            return connection
    if node in _of(client).nodes and not await answers(client, node):
        client.force_metadata_update()
        return None
    connection = await connect_unless_closed(client, node, group=group, no_hint=no_hint)
    if connection is None:
        _of(client).nodes.add(node)
    return connection


def _get_random_node(client: AIOKafkaClient) -> Any:
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    others = [node for node in nodes if node not in _of(client).nodes]
    return random.choice(others or nodes) if nodes else None  # noqa: S311 -- as the client does


async def _coordinator_lookup(client: AIOKafkaClient, kind: Any, key: str) -> Any:
    node = client.get_random_node()
    if node is None:
        raise errors.KafkaConnectionError("no broker is known")
    try:
        async with asyncio.timeout(_LOOKUP_S):
            response = await client.send(node, FindCoordinatorRequest(key, kind))
    except TimeoutError:
        doubt(client, node)
        raise errors.RequestTimedOutError from None
    if response.error_code:
        raise errors.for_code(response.error_code)
    return response.coordinator_id
