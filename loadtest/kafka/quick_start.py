"""What lets Kafka start in half the time: its classes, loaded and linked once, kept in a file.

Java's own ahead-of-time cache (JEP 483, JEP 514). A broker started and ended for that purpose
writes it, once per user, and every broker reads it from then on. Java ignores a file that does not
fit its own version, the jars or the options, and starts as it would without.
"""

import subprocess
import tempfile
from pathlib import Path

from rich.console import Console

from loadtest.kafka import jars, java
from loadtest.kafka.broker import Broker

# Writing takes 4 s of one core; a busy machine may take many times that.
_WRITE_TIMEOUT_S = 120.0


def prepare(console: Console) -> None:
    """Have jars and file at hand, and say what takes long; raises KafkaUnavailable."""
    jars.ready()
    file = java.cached_classes()
    if file.exists():
        return
    with jars.exclusive("preparation"):
        if not file.exists():
            console.print("Apache Kafka is prepared for quick starts, once (5 to 20 s) ...")
            _write(file)


def _write(file: Path) -> None:
    with tempfile.TemporaryDirectory(dir=file.parent) as name:
        written = Path(name) / file.name
        try:
            with Broker(options=[f"-XX:AOTCacheOutput={written}"]) as broker:
                broker.stop(_WRITE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return  # too slow a machine: its brokers start without
        if written.exists():
            written.replace(file)
