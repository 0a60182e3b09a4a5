"""What a node of Kafka is told: ports and settings as a server.properties text. Pure."""

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


# Few internal partitions and no rebalance delay make it start fast; sessions of half a second let
# tests see members expire; nothing is ever deleted.
_SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
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


_COPIED = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
_IN_SYNC = (
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.min.isr",
)


def properties(
    cluster: Mapping[int, Ports], node_id: int, data: Path, overrides: Mapping[str, str]
) -> str:
    """Return the text of server.properties for one node of `cluster`, whose logs live in `data`.

    Every node is broker and controller, and has a copy of everything unless a topic says otherwise;
    all but one of the copies must have a record before it counts as written.
    """
    ports = cluster[node_id]
    voters = [f"{number}@{HOST}:{each.controller}" for number, each in cluster.items()]
    of_this = {
        "node.id": str(node_id),
        "listeners": (
            f"CLIENT://{HOST}:{ports.client},PROXIED://{HOST}:{ports.behind},"
            f"CONTROLLER://{HOST}:{ports.controller}"
        ),
        "advertised.listeners": f"CLIENT://{HOST}:{ports.client},PROXIED://{HOST}:{ports.proxy}",
        "controller.quorum.voters": ",".join(voters),
        "log.dirs": str(data),
    }
    copies, in_sync = str(len(cluster)), str(max(1, len(cluster) - 1))
    internal = dict.fromkeys(_COPIED, copies) | dict.fromkeys(_IN_SYNC, in_sync)
    if len(cluster) > 1:
        internal |= {"default.replication.factor": copies, "min.insync.replicas": in_sync}
    settings = _SETTINGS | internal | of_this | dict(overrides)
    return "".join(f"{name}={value}\n" for name, value in settings.items())
