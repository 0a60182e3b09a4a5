"""Brokers found again by way of the bootstrap servers, by every client of this process.

aiokafka asks the bootstrap servers once and then only the addresses that it was told: brokers that
come back under others (a new pod, a new advertised listener) would never be found again. Here each
refresh of the metadata that no known address answers goes on to the bootstrap servers, whose names
are looked up anew. Source: KIP-899, which Kafka's own clients do since 4.0.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

import aiokafka.client
from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, create_conn

from daemon.kafka.client import reason_of_contact
from daemon.kafka.credentials import renewed

_KNOWN_S = 10.0
"""Longest wait for the known addresses, all together: those that drop packets take longest."""
_EACH_S = 5.0
"""Longest wait for one bootstrap server, so that a silent one does not hide the next."""

_update_from_known = AIOKafkaClient._metadata_update
_problems: WeakKeyDictionary[AIOKafkaClient, str] = WeakKeyDictionary()


def install() -> None:
    """Change it for the whole process; to be called before any client."""
    AIOKafkaClient._metadata_update = _update


def problem_of(client: AIOKafkaClient) -> str:
    """Return why no broker answered at the last refresh, as "ADDRESS: CAUSE"; empty when one did."""
    return _problems.get(client, "")


async def _update(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
    """Do what the method does that this one replaces, and more when no known broker answers."""
    updated = False
    try:
        async with asyncio.timeout(_KNOWN_S):
            updated = await _update_from_known(client, cluster, topics)
    except TimeoutError:
        pass
    updated = updated or await _update_from_bootstrap(client, cluster, topics)
    if updated:
        _problems.pop(client, None)
    return updated


async def _update_from_bootstrap(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
    for host, port, _ in client.hosts:
        try:
            async with asyncio.timeout(_EACH_S):
                metadata = await _ask(client, host, port, topics)
        except (OSError, errors.KafkaError, TimeoutError) as error:
            _problems[client] = (
                f"{host}:{port}: {reason_of_contact(error, client._security_protocol)}"
            )
            continue
        if metadata.brokers:
            cluster.update_metadata(metadata)
            return True
    return False


async def connect(client: AIOKafkaClient, host: str, port: int) -> AIOKafkaConnection:
    """Return a connection as `client` makes them, which is the caller's to close.

    Raises: OSError, errors.KafkaError, TimeoutError.
    """
    how = {
        "client_id": client._client_id,
        "request_timeout_ms": client._request_timeout_ms,
        "ssl_context": client._ssl_context,
        "security_protocol": client._security_protocol,
        "sasl_mechanism": client._sasl_mechanism,
        "sasl_plain_username": client._sasl_plain_username,
        "sasl_plain_password": client._sasl_plain_password,
    }
    return await create_conn(host, port, **renewed(how))


async def _ask(client: AIOKafkaClient, host: str, port: int, topics: Any) -> Any:
    """Return the metadata as the server has it, on a connection of its own."""
    connection = await connect(client, host, port)
    try:
        return await connection.send(
            aiokafka.client.MetadataRequest(list(topics) if topics else None)
        )
    finally:
        connection.close()
