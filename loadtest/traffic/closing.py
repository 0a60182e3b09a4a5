"""Connections that are gone when they are closed, whether or not the broker says goodbye.

aiokafka closes a connection and looks no further. By TLS it then lasts until the broker has said
goodbye too, 30 s with one that hangs: whoever closes the client waits for that, and an event loop
that ends meanwhile complains of a transport that is still there.
"""

import asyncio

from aiokafka.conn import AIOKafkaConnection

_say_goodbye = AIOKafkaConnection.close


def install() -> None:
    """Change it for the whole process; to be called before any client."""
    AIOKafkaConnection.close = _close


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
