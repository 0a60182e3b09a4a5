"""Clients and connections that are gone when they are closed, whether or not the broker says goodbye.

aiokafka closes a connection and looks no further. By TLS it then lasts until the broker has said
goodbye too, 30 s with one that hangs: whoever closes the client waits for that, and an event loop
that ends meanwhile complains of a transport that is still there.

A client that it has closed still connects for whoever asks by it, and keeps what it was connecting
at that moment. Nobody ever closes such a connection, and uvloop hangs at its close over one.

A connection that was cut looks sound until its reader has noticed. uvloop raises an error of another
kind than the client expects from whoever writes to one, and its tasks end by that without a word.
"""

import asyncio
from typing import Any
from weakref import WeakSet

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason

_say_goodbye = AIOKafkaConnection.close
_close_connections = AIOKafkaClient.close
_connect = AIOKafkaClient._get_conn

_closed: WeakSet[AIOKafkaClient] = WeakSet()


def install() -> None:
    """Change it for the whole process; to be called before any client."""
    AIOKafkaConnection.close = _close
    AIOKafkaClient.close = _close_client


async def connect_unless_closed(
    client: AIOKafkaClient,
    node: Any,
    *,
    group: ConnectionGroup = ConnectionGroup.DEFAULT,
    no_hint: bool = False,
) -> AIOKafkaConnection | None:
    """Do what the client's own `_get_conn` does; None, as without a connection, once it is closed."""
    if client in _closed:
        return None
    connection: AIOKafkaConnection | None = await _connect(
        client, node, group=group, no_hint=no_hint
    )
    if connection is not None and client in _closed:
        connection.close()
        return None
    return connection


def close_if_cut(connection: AIOKafkaConnection) -> None:
    """Close `connection` where its socket is gone, so that nobody writes to it."""
    writer: asyncio.StreamWriter | None = connection._writer
    if writer is not None and writer.transport.is_closing():
        connection.close(reason=CloseReason.CONNECTION_BROKEN)


async def _close_client(client: AIOKafkaClient) -> None:
    _closed.add(client)
    await _close_connections(client)


def _close(
    connection: AIOKafkaConnection, reason: object = None, exc: BaseException | None = None
) -> asyncio.Future[None]:
    """Say goodbye and do not wait for one; what is closed has no request that is waited for."""
    writer: asyncio.StreamWriter | None = getattr(connection, "_writer", None)
    closed: asyncio.Future[None] = _say_goodbye(connection, reason, exc)
    if writer is not None:
        # The goodbye leaves at the end of this turn of the loop.
        asyncio.get_running_loop().call_soon(writer.transport.abort)
    return closed
