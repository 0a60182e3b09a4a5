"""Requests on their way out: what is asked meanwhile becomes a partition's next batch.

Whole batches cost a fifth of the CPU of single sends. A request that waits here was certainly not
sent; one that was handed to the Kafka client may have been, whatever comes of it, and is sent again
under its old correlation while it has time: a repeat of it does no harm.
"""

import asyncio
from collections import deque
from collections.abc import Collection

from aiokafka import errors
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from tidemill_client.connection import TROUBLE, Options
from tidemill_client.errors import NotSent
from tidemill_client.outgoing import Outgoing, Place
from tidemill_client.producer import Producer, Producers
from tidemill_client.refusals import REFUSALS

_BATCH_REQUESTS = 500
"""2 ms of work: replies must be read meanwhile."""
_AGAIN_S = 0.2
"""Between two tries where a topic is not known, or no producer could be made; a guess."""


class Outbox:
    """Sends requests, each once it is put in; never waits for who puts in."""

    def __init__(self, reach: Options, known_topic: str) -> None:
        """`known_topic` exists: a producer that was told of none asks brokers for all there are."""
        self.producers = Producers(reach, known_topic)
        self._topics: dict[str, _Topic] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect; raises what is TROUBLE."""
        await self.producers.current()

    async def close(self) -> None:
        """Hang up; what waits is not sent any more."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.producers.close()

    def put(self, request: Outgoing) -> None:
        """Send `request` soon; it is told what comes of it."""
        topic = self._topics.get(request.topic)
        if topic is None:
            topic = self._topics[request.topic] = _Topic(request.topic, self)
        topic.put(request)

    def forget(self, topic: str) -> None:
        """Look for `topic` anew when something is put in for it again."""
        self._topics.pop(topic, None)

    def start(self, task: "asyncio.Task[None]") -> None:
        """Keep `task` until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Topic:
    """What waits for one topic, by partition."""

    def __init__(self, name: str, outbox: Outbox) -> None:
        self.name = name
        self._outbox = outbox
        self._unplaced: deque[Outgoing] = deque()
        """What waits until the partitions are known."""
        self._partitions: list[_Partition] = []
        self._turn = 0
        outbox.start(asyncio.create_task(self._begin()))

    def put(self, request: Outgoing) -> None:
        if not self._partitions:
            self._unplaced.append(request)
        elif request.key is not None:
            self._partitions[murmur2(request.key) % 2**31 % len(self._partitions)].put(request)
        else:
            self._next().put(request)

    def _next(self) -> "_Partition":
        """Return the partition whose turn it is, unless its last batch has been under way for long."""
        for _ in self._partitions:
            self._turn = (self._turn + 1) % len(self._partitions)
            if not self._partitions[self._turn].is_stuck:
                break
        return self._partitions[self._turn]

    def grow(self, numbers: Collection[int]) -> None:
        """Send to all of these partitions; there are more than there were, or as many."""
        known = len(self._partitions)
        self._partitions += [
            _Partition(self.name, number, self, self._outbox) for number in sorted(numbers)[known:]
        ]

    async def _begin(self) -> None:
        try:
            await self._learn()
        finally:
            if not self._partitions:
                self._outbox.forget(self.name)

    async def _learn(self) -> None:
        """Find the partitions out, and place what waits; without a broker, for as long as anybody does."""
        while not self._partitions:
            self._unplaced = deque(each for each in self._unplaced if not each.future.done())
            if not self._unplaced:
                return
            try:
                self.grow(await self._outbox.producers.partitions_of(self.name))
            except NotSent as error:
                self._refuse(error)
            except TROUBLE:
                await asyncio.sleep(_AGAIN_S)
        while self._unplaced:
            self.put(self._unplaced.popleft())

    def _refuse(self, error: NotSent) -> None:
        for request in self._unplaced:
            request.refuse(NotSent(error.code, error.detail))


class _Partition:
    """What waits for one partition; one batch of it is under way at a time."""

    _STUCK_S = 1.0
    """A broker that lives takes milliseconds for a batch."""

    def __init__(self, name: str, number: int, topic: _Topic, outbox: Outbox) -> None:
        self._name = name
        self._topic = topic
        self._number = number
        self._outbox = outbox
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Outgoing] = deque()
        self._most = _BATCH_REQUESTS
        self._since_s: float | None = None
        """When its batch began its way."""
        self._is_sending = False

    @property
    def is_stuck(self) -> bool:
        """Whether its batch has been under way for so long that others had better go elsewhere."""
        return self._since_s is not None and self._loop.time() - self._since_s > self._STUCK_S

    def put(self, request: Outgoing) -> None:
        self._waiting.append(request)
        if not self._is_sending:
            self._is_sending = True
            self._outbox.start(asyncio.create_task(self._send()))

    async def _send(self) -> None:
        """Send what waits, a batch at a time, until nothing does."""
        try:
            while self._waiting:
                await self._send_next()
        finally:
            self._is_sending = False

    async def _send_next(self) -> None:
        try:
            producer = await self._outbox.producers.current()
        except TROUBLE:  # who waits hears of it at the end of its time
            await asyncio.sleep(_AGAIN_S)
            self._waiting = deque(each for each in self._waiting if not each.future.done())
            return
        batch = producer.create_batch()
        requests = self._fill(batch)
        batch.close()
        if not requests:
            return
        self._since_s = self._loop.time()
        try:
            first = await producer.send(batch, self._name, self._number)
        except (*TROUBLE, AssertionError) as error:
            await self._fail(requests, error, producer)
        else:
            self._most = min(self._most + self._most // 8 + 1, _BATCH_REQUESTS)
            for index, request in enumerate(requests):
                request.taken(Place(self._name, self._number, first + index))
            self._topic.grow(producer.known_partitions_of(self._name))
        finally:
            self._since_s = None

    def _fill(self, batch: BatchBuilder) -> list[Outgoing]:
        """Move what waits into `batch`, as far as it has place; what nobody wants is left out."""
        now_s = self._loop.time()
        requests: list[Outgoing] = []
        while self._waiting and len(requests) < self._most:
            request = self._waiting[0]
            is_over = request.latest_s < now_s
            if is_over and not request.may_be_in_kafka:
                request.refuse(
                    NotSent("unsent", f"its time was over before it left for {self._name}")
                )
            if not is_over and not request.future.done():
                if not _append(batch, request):
                    break
                request.is_handed = True
                requests.append(request)
            self._waiting.popleft()
        return requests

    async def _fail(self, requests: list[Outgoing], error: Exception, producer: Producer) -> None:
        """Cut, refuse or send again what the broker did not take."""
        for request in requests:
            request.is_handed = False
        refusal = REFUSALS.get(type(error))
        if refusal is None:
            await self._try_again(requests, error, producer)
        elif refusal.is_of_records and len(requests) > 1:
            self._most = (len(requests) + 1) // 2
            self._waiting.extendleft(reversed(requests))
        else:
            for request in requests:
                if not request.is_doubtful:
                    request.refuse(NotSent(refusal.code, f"{self._name}: {refusal.why}"))

    async def _try_again(
        self, requests: list[Outgoing], error: Exception, producer: Producer
    ) -> None:
        """Send again what may or may not have got there."""
        for request in requests:
            request.is_doubtful = True
        if isinstance(error, (errors.UnknownTopicOrPartitionError, AssertionError)):
            self._outbox.forget(self._name)  # its partitions are others by now
        elif not isinstance(error, errors.BrokerResponseError) or isinstance(
            error, errors.RequestTimedOutError
        ):
            await self._outbox.producers.replace(producer)
        await asyncio.sleep(_AGAIN_S)
        for request in requests:
            if not request.future.done():
                self._outbox.put(request)


def _append(batch: BatchBuilder, request: Outgoing) -> bool:
    """Whether `batch` had place for `request`."""
    added = batch.append(
        timestamp=request.wall_ms, key=request.key, value=request.body, headers=request.headers
    )
    return added is not None
