"""The command `broker`: an embedded Kafka in the foreground, of one node or of several."""

import signal

from loadtest.kafka.broker import Broker
from loadtest.kafka.cluster import Cluster


def serve(port: int, nodes: int) -> None:
    """Run a broker, or a cluster on free ports, until SIGINT or SIGTERM; raises KafkaUnavailable."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if nodes == 1:
            _serve_one(port)
        else:
            _serve_several(nodes)
    except KeyboardInterrupt:
        print("Ended; its data is gone.")


def _serve_one(port: int) -> None:
    with Broker(port=port) as broker:
        print(
            f"Apache Kafka on {broker.bootstrap} (process {broker.pid}); Ctrl-C ends it.",
            flush=True,
        )
        broker.wait()


def _serve_several(nodes: int) -> None:
    with Cluster(nodes) as cluster:
        print(f"Apache Kafka on {cluster.bootstrap}; Ctrl-C ends it. Its nodes, to kill or stop:")
        for node_id, node in cluster.nodes.items():
            print(f"  {node_id}: {node.bootstrap} (process {node.pid})", flush=True)
        while True:
            signal.pause()
