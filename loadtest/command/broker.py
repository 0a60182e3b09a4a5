"""The command `broker`: one embedded Kafka in the foreground."""

import signal

from loadtest.kafka.broker import Broker


def serve(port: int) -> None:
    """Run a broker until SIGINT or SIGTERM; raises KafkaUnavailable."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Broker(port=port) as broker:
            print(
                f"Apache Kafka on {broker.bootstrap} (process {broker.pid}); Ctrl-C ends it.",
                flush=True,
            )
            broker.wait()
    except KeyboardInterrupt:
        print("Ended; its data is gone.")
