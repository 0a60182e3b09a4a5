"""A real Kafka of several nodes on loopback, each a process: to kill, pause, restart one by one."""

from collections.abc import Mapping
from contextlib import ExitStack

from loadtest.kafka.broker import Broker, free_ports
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.kafka.properties import Ports
from loadtest.processes.scoped import Scoped

NODES = 3
"""The fewest that lose one and go on, with every record on two of them."""


class Cluster(Scoped):
    """Brokers that are controllers as well; a context manager that leaves nothing behind.

    Every topic has a copy on each node unless it says otherwise, and a record counts as written
    when all copies but one have it. All methods block. Who leads what: loadtest.kafka.leaders.
    """

    def __init__(self, nodes: int = NODES, *, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a cluster; nothing runs yet. `settings` are Kafka's own, of every node."""
        ports = _distinct_ports(nodes)
        self.nodes = {
            node_id: Broker(settings=settings, node_id=node_id, cluster=ports) for node_id in ports
        }
        """By the id by which Kafka knows them, from 1."""

    @property
    def bootstrap(self) -> str:
        """Where clients connect: all nodes, as host:port,host:port."""
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self) -> None:
        """Start all nodes; return when each knows of all; raises KafkaUnavailable."""
        for node in self.nodes.values():
            node.spawn()
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Return when every node serves and knows of all others; raises KafkaUnavailable."""
        for node_id, node in self.nodes.items():
            if not node.serves_once_up(brokers=len(self.nodes)):
                raise KafkaUnavailable(f"Node {node_id} of Kafka ended:\n{node.log_end()}")

    def mend(self) -> None:
        """Let every node run again, whatever was done to it; return when the cluster is whole."""
        for node in self.nodes.values():
            if not node.is_up:
                node.spawn()
            node.resume()
        self.wait_until_whole()

    def close(self) -> None:
        """End all nodes and remove their data; does nothing when there is nothing left."""
        with ExitStack() as stack:
            for node in self.nodes.values():
                stack.callback(node.close)


def _distinct_ports(nodes: int) -> Mapping[int, Ports]:
    while True:
        found = {node_id: free_ports() for node_id in range(1, nodes + 1)}
        if len({port for ports in found.values() for port in ports}) == nodes * len(Ports._fields):
            return found
