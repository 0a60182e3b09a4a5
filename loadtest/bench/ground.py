"""What all benches stand on: one broker, fresh topics, a folder; how much is measured, and by turns."""

import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.kafka.broker import Broker

# Unlike in tests the broker works for minutes: let Java's second compiler make it as fast as it
# can be, so that it is not the broker that limits whoever is measured.
_OPTIONS = ("-Xmx1g", "-XX:TieredStopAtLevel=4")
PARTITIONS = 4
"""Of every topic that is not said to have another number."""
_BROKER_TIME = {"message.timestamp.type": "LogAppendTime"}
# What was removed keeps its files for a minute by default, and a broker has only so many.
_SETTINGS = {"log.segment.delete.delay.ms": "1000"}
_TOPICS_AT_ONCE = 500
"""In one request, which the broker answers within seconds."""
_CREATE_MS = 60_000
"""A guess: ten thousand topics are files to make."""
Told: TypeAlias = Callable[[int], None]
"""Takes how many are done by now."""
_Result = TypeVar("_Result")
_Size = TypeVar("_Size")


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
        await self._create([name], partitions, _BROKER_TIME | dict(settings or {}))
        return name

    async def topics(self, what: str, count: int) -> list[str]:
        """Create many topics of one partition and return their names."""
        names = [self.name(what) for _ in range(count)]
        with self.bar(f"{what}: topics", count) as told:
            for done in range(0, count, _TOPICS_AT_ONCE):
                some = names[done : done + _TOPICS_AT_ONCE]
                await self._create(some, 1, {})
                told(done + len(some))
        return names

    async def _create(
        self, names: Sequence[str], partitions: int, settings: Mapping[str, str]
    ) -> None:
        wanted = [NewTopic(name, partitions, 1, topic_configs=dict(settings)) for name in names]
        answer = await self._admin.create_topics(wanted, timeout_ms=_CREATE_MS)
        for _, code, *message in answer.topic_errors:
            if code:
                raise for_code(code)(*message)

    def bar(self, what: str, total: int) -> AbstractContextManager[Told]:
        """Show whoever waits how far `what` is."""
        return bar(self._console, what, total)

    async def remove(self, *topics: str) -> None:
        """Give the disk space of topics back."""
        for some in range(0, len(topics), _TOPICS_AT_ONCE):
            await self._admin.delete_topics(list(topics[some : some + _TOPICS_AT_ONCE]))


@asynccontextmanager
async def new_ground(console: Console) -> AsyncIterator[Ground]:
    """Start a broker; it and all files are gone afterwards. Raises KafkaUnavailable."""
    with (
        tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder,
        Broker(options=_OPTIONS, settings=_SETTINGS) as broker,
    ):
        admin = AIOKafkaAdminClient(
            bootstrap_servers=broker.bootstrap, request_timeout_ms=_CREATE_MS
        )
        await admin.start()
        try:
            ground = Ground(broker, admin, Path(folder), console)
            ground.dead_letters = await ground.topic("dead", 1)
            yield ground
        finally:
            await admin.close()


class Scale(NamedTuple):
    """Repetitions, and how much is measured.

    `quick`: a first look is enough; `long`: the largest sizes of growth as well; `stacks`: a folder
    for what stations saw in whole.
    """

    repeat: int
    quick: bool = False
    long: bool = False
    stacks: Path | None = None

    def pick(self, whole: _Size, quick: _Size) -> _Size:
        """Return the size of a measurement."""
        return quick if self.quick else whole


def silent(_done: int) -> None:
    """Tell nobody."""


@contextmanager
def bar(console: Console, what: str, total: int) -> Iterator[Told]:
    """Show a bar on a terminal; elsewhere one line at the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=console.is_terminal) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)


async def by_turns(
    repeat: int, measures: Mapping[str, Callable[[str], Awaitable[_Result]]]
) -> dict[str, list[_Result]]:
    """Call each of `measures` once in each repetition, and return what they gave, by their names.

    Each is told what to call itself. Who goes first takes turns too: a machine that slows down
    favours nobody.
    """
    results: dict[str, list[_Result]] = {name: [] for name in measures}
    for number in range(1, repeat + 1):
        for name in measures if number % 2 else list(measures)[::-1]:
            results[name].append(await measures[name](f"{name} {number} of {repeat}"))
    return results
