"""What all benches stand on: one embedded broker, fresh topics, a folder for models and settings."""

import itertools
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from rich.console import Console

from loadtest.bench.progress import Told, bar
from loadtest.kafka.broker import Broker

# Unlike in tests the broker works for minutes: let Java's second compiler make it as fast as it
# can be, so that it is not the broker that limits whoever is measured.
_OPTIONS = ("-Xmx1g", "-XX:TieredStopAtLevel=4")
PARTITIONS = 4
"""Of every topic that is not said to have another number."""
_BROKER_TIME = {"message.timestamp.type": "LogAppendTime"}


class Ground:
    """Topics and files of one run of benches; made by `new_ground`."""

    def __init__(
        self, broker: Broker, admin: AIOKafkaAdminClient, folder: Path, console: Console
    ) -> None:
        self.ports = broker.ports
        self.bootstrap = broker.bootstrap
        self.folder = folder
        self._console = console
        self._admin = admin
        self._numbers = itertools.count(1)
        self.dead_letters = ""
        """A topic that stays empty."""

    def name(self, what: str) -> str:
        """Return a name that no other topic or group has."""
        return f"{what}-{next(self._numbers)}"

    async def topic(
        self, what: str, partitions: int = PARTITIONS, settings: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic of its own and return its name; its timestamps are the broker's."""
        name = self.name(what)
        answer = await self._admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=_BROKER_TIME | dict(settings or {}))]
        )
        for _, code, *message in answer.topic_errors:
            if code:
                raise for_code(code)(*message)
        return name

    def bar(self, what: str, total: int) -> AbstractContextManager[Told]:
        """Show whoever waits how far `what` is."""
        return bar(self._console, what, total)

    async def remove(self, *topics: str) -> None:
        """Give the disk space of topics back."""
        await self._admin.delete_topics(list(topics))


@asynccontextmanager
async def new_ground(console: Console) -> AsyncIterator[Ground]:
    """Start a broker; it and all files are gone afterwards. Raises KafkaUnavailable."""
    with (
        tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder,
        Broker(options=_OPTIONS) as broker,
    ):
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        try:
            ground = Ground(broker, admin, Path(folder), console)
            ground.dead_letters = await ground.topic("dead", 1)
            yield ground
        finally:
            await admin.close()
