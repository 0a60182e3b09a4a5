"""What one node of Kafka is told: ports and settings as a server.properties text. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"


class Ports(NamedTuple):
    """Where a broker listens, and where its second listener says it can be reached.

    `behind` is open to a proxy only: clients that come through the proxy are told `proxy`.
    """

    client: int
    controller: int
    behind: int
    proxy: int


# One node keeps one copy of everything; few internal partitions and no rebalance delay make it
# start fast; sessions of half a second let tests see members expire; nothing is ever deleted.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "log.retention.ms": "-1",
    "log.retention.bytes": "-1",
    "offsets.retention.minutes": "10080",
    "log.cleaner.dedupe.buffer.size": "4194304",
    # After SIGKILL a broker may register again only when its old session is over (default 9 s).
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


def properties(ports: Ports, data: Path, overrides: Mapping[str, str]) -> str:
    """Return the text of server.properties for a broker whose logs live in `data`."""
    listeners = {
        "listeners": (
            f"CLIENT://{HOST}:{ports.client},PROXIED://{HOST}:{ports.behind},"
            f"CONTROLLER://{HOST}:{ports.controller}"
        ),
        "advertised.listeners": f"CLIENT://{HOST}:{ports.client},PROXIED://{HOST}:{ports.proxy}",
        "controller.quorum.voters": f"1@{HOST}:{ports.controller}",
        "log.dirs": str(data),
    }
    settings = _SETTINGS | listeners | dict(overrides)
    return "".join(f"{name}={value}\n" for name, value in settings.items())
