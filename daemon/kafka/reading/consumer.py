"""aiokafka's consumer as this room uses it: every reach into its inside is here or in guards, but
for those of reading itself (fetched.py, lane_fetches.py, tolerant_records.py) and of leaving
(group/leaving.py).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka.client import Options, milliseconds
from daemon.kafka.group.lease import Lease
from daemon.kafka.group.leaving import leave
from daemon.kafka.guards import GuardedCoordinator
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.fetched import Fetched
from daemon.kafka.reading.lane_fetches import LaneFetches
from daemon.kafka.reading.room import Room, response_bytes
from daemon.kafka.silent_brokers import SilenceWatch, answers, doubt
from daemon.kafka.topic_ids import TopicIds, TopicState, topic_ids, topic_states
from daemon.values.errors import Exit, Fatal
from daemon.values.record_columns import FetchedRecord

_FETCH_WAIT_S = 0.5
"""How long the broker holds a fetch that finds nothing. Data is answered at once anyway; shorter
waits cost an idle worker CPU: 24 partitions take 0.3 % of a core at 0.5 s, 1.4 % at 0.05 s."""
_UNTOLD_S = 1.0
"""How late the client sees that it may fetch where nothing told it so: after a broker was silent, say, or a
topic was made anew. All else tells it: answers, what was taken, positions, pauses that end. To look five times
a second, as it does by default, costs an idle worker of 24 partitions 0.07 % of a core."""
_ANSWER_S = 5.0
"""An answer takes milliseconds; behind a fetch that the broker holds, half a second."""


class Consumer:
    """One member of the group. `start` it, then `subscribe`; `leave` ends it for good."""

    def __init__(
        self,
        kafka: Kafka,
        reach: Options,
        batch_reading: BatchReading,
        lease: Lease,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._static = bool(kafka.instance_id)
        self._lease = lease
        self._clock = clock
        self._contact_s = clock()
        self._client = AIOKafkaConsumer(
            **reach,
            group_id=kafka.group,
            group_instance_id=kafka.instance_id or None,
            session_timeout_ms=milliseconds(kafka.session_timeout),
            heartbeat_interval_ms=milliseconds(kafka.heartbeat_interval),
            rebalance_timeout_ms=milliseconds(kafka.rebalance_timeout),
            max_poll_interval_ms=milliseconds(kafka.poll_interval),
            max_partition_fetch_bytes=kafka.fetch_bytes,
            fetch_max_bytes=response_bytes(kafka.fetch_bytes),
            fetch_max_wait_ms=milliseconds(_FETCH_WAIT_S),
            consumer_timeout_ms=milliseconds(_UNTOLD_S),
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            # With k assignors aiokafka joins k+1 times.
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            key_deserializer=batch_reading,
        )
        self._batch_reading = batch_reading
        self._guarded: GuardedCoordinator
        self._fetched: Fetched
        self._silence = SilenceWatch(self.inner, kafka.session_timeout)

    async def start(self) -> None:
        """Connect; joins no group yet. Raises errors.KafkaError."""
        try:
            await self._client.start()
        except BaseException:
            await self._client.stop()
            raise
        self._guarded = GuardedCoordinator(
            self._coordinator, self._lease, static=self._static, clock=self._clock
        )
        self._fetched = Fetched(self._fetcher)

    def subscribe(
        self, lanes: Sequence[Collection[str]], listener: ConsumerRebalanceListener
    ) -> None:
        """Join the group in the background; `lanes` are the topics of each."""
        LaneFetches(self._fetcher, lanes)
        self._client.subscribe([topic for lane in lanes for topic in lane], listener=listener)

    # Membership

    @property
    def generation(self) -> int:
        """The number of the group's present generation; -1 when this worker is not in it."""
        number: int = self._coordinator.generation
        return number

    @property
    def member(self) -> str:
        """This member's id."""
        name: str = self._coordinator.member_id
        return name

    @property
    def led_topics(self) -> Collection[str] | None:
        """The topics of all members when this one leads the group, else None."""
        topics: Collection[str] | None = self._coordinator._group_subscription
        return topics

    @property
    def replaced(self) -> bool:
        """Whether another process took this member's instance id."""
        return self._guarded.replaced

    def abandon_coordinator(self) -> None:
        """Wait no more for the coordinator, which left heartbeats unanswered; find out who it is."""
        node = self._coordinator.coordinator_id
        if node is not None and self._coordinator_owes():
            doubt(self.inner, node)
            self._coordinator.coordinator_dead()

    def _coordinator_owes(self) -> bool:
        key = (self._coordinator.coordinator_id, ConnectionGroup.COORDINATION)
        connection = self.inner._conns.get(key)
        return connection is not None and bool(connection._requests)

    async def doubt_silent_brokers(self) -> None:
        """Give up what is waited for from brokers that turn out to answer nothing."""
        for node in self._silence.silent(self._clock()):
            if await answers(self.inner, node):
                self._silence.believe(node, self._clock())
            else:
                doubt(self.inner, node)

    def rejoin(self) -> None:
        """Ask the group for a new assignment."""
        self._coordinator.request_rejoin()

    async def send(self, request: Any) -> Any:
        """Send `request` to the group's coordinator; raises errors.KafkaError."""
        return await self._guarded.send(request)

    def keep_alive(self) -> None:
        """Tell the client that it is being read from; else it leaves after the poll interval."""
        with self._subscriptions.fetch_context():
            pass

    def check_tasks(self) -> None:
        """Raise Fatal when a background task of the client has died.

        A dead fetch task shows nowhere else: fetches return nothing, heartbeats go on.
        """
        if self._fetcher._fetch_task.done():
            raise Fatal(Exit.INTERNAL, "the Kafka client's fetching has died")
        if self._coordinator._coordination_task.done():
            raise Fatal(Exit.INTERNAL, "the Kafka client's group membership has died")

    def check_errors(self) -> None:
        """Raise the errors.KafkaError that the client met; it does nothing more until this is called."""
        self._coordinator.check_errors()

    @property
    def coordinator_known(self) -> bool:
        """Whether the broker that looks after the group has been found."""
        return self._coordinator.coordinator_id is not None

    # Reading

    @property
    def between_assignments(self) -> bool:
        """Whether a rebalance is under way; a fetch would wait for its end."""
        under_way: bool = self._subscriptions.reassignment_in_progress
        return under_way

    @property
    def assigned(self) -> Collection[TopicPartition]:
        """The partitions that the client believes to have."""
        partitions: Collection[TopicPartition] = self._subscriptions.assigned_partitions()
        return partitions

    def take(
        self, partitions: Collection[TopicPartition], room: Room
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        """Return what has been fetched of `partitions`, as far as `room` has place for it.

        It has an entry also for what was looked into and has no records. Only to be called when not
        `between_assignments`. Raises errors.KafkaError.
        """
        return self._fetched.take(partitions, room)

    def read(
        self, partitions: Collection[TopicPartition], *, besides: Collection[TopicPartition]
    ) -> None:
        """Say what is read at the moment: what is buffered of those `besides` holds up nothing."""
        self._batch_reading.reads(partitions)
        self._fetched.leave(besides)

    def data_waiter(self) -> asyncio.Future[None]:
        """Return a future that is done when something more was fetched, or the client failed."""
        future: asyncio.Future[None] = self._fetcher._create_fetch_waiter()
        return future

    def position(self, partition: TopicPartition) -> int:
        """The offset after what was taken, markers included; `partition` must be assigned."""
        position: int = self._state(partition).position
        return position

    def highwater(self, partition: TopicPartition) -> int | None:
        """The end of the log as the last fetch showed it; None before."""
        state = self._state(partition)
        highwater: int | None = None if state is None else state.highwater
        return highwater

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read `partition` from `offset`; what was fetched of it is dropped."""
        state = self._state(partition)
        if not (state.has_valid_position and state.position == offset):
            self._client.seek(partition, offset)

    def restart(self, partition: TopicPartition, offset: int) -> None:
        """Read `partition`, whose log is another one by now, from `offset`; drop what was fetched."""
        self._client.seek(partition, offset)
        self._state(partition).highwater = None

    def drop_refusal(self, partition: TopicPartition) -> None:
        """Ask for `partition` anew, of which the broker said that it may not be read."""
        self._fetcher._records.pop(partition, None)
        self._fetcher._notify(self._fetcher._wait_consume_future)

    async def topic_ids(self, topics: Collection[str]) -> TopicIds:
        """Return the ids that `topics` have at this moment; raises errors.KafkaError."""
        return await topic_ids(self.inner, topics, timeout_s=_ANSWER_S)

    async def topic_states(self, topics: Collection[str]) -> Mapping[str, TopicState]:
        """Return what there is of `topics` at this moment; raises errors.KafkaError."""
        return await topic_states(self.inner, topics, timeout_s=_ANSWER_S)

    def look_at_topics(self) -> None:
        """Learn anew which partitions there are, which may change the assignment."""
        self.inner.force_metadata_update()

    async def first_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return where the logs start; raises errors.KafkaError."""
        offsets: Mapping[TopicPartition, int] = await self._client.beginning_offsets(partitions)
        return offsets

    async def end_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return where the next committed records will be; raises errors.KafkaError."""
        offsets: Mapping[TopicPartition, int] = await self._client.end_offsets(partitions)
        return offsets

    def partitions_of(self, topic: str) -> Collection[int]:
        """The partitions of `topic` as far as they are known."""
        return self._client.partitions_for_topic(topic) or ()

    # Contact

    @property
    def inner(self) -> AIOKafkaClient:
        """The connections, for requests of one's own."""
        return self._client._client

    @property
    def contact_s(self) -> float:
        """When a broker last answered anything, in monotonic seconds."""
        answers = [connection._last_action for connection in self.inner._conns.values()]
        self._contact_s = max([self._contact_s, *answers])
        return self._contact_s

    async def leave(self) -> None:
        """Leave the group at once, a static member too, and close; bounded in time."""
        await leave(self._client)

    # Inside

    @property
    def _coordinator(self) -> Any:
        return self._client._coordinator

    @property
    def _fetcher(self) -> Any:
        return self._client._fetcher

    @property
    def _subscriptions(self) -> Any:
        return self._client._subscription

    def _state(self, partition: TopicPartition) -> Any:
        assignment = self._subscriptions.subscription.assignment
        return None if assignment is None else assignment.state_value(partition)
