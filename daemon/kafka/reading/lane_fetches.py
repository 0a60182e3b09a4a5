"""Each lane's partitions are fetched on their own: no fetch waits for what another lane has, or lacks.

The client has one fetch under way to each broker, for all partitions that the broker leads, and asks it
for nothing while records of one of them lie untaken for less than 100 ms. So an urgent record would wait
while another lane is read. Nor would it help to ask at once: the broker holds a fetch that finds
nothing, and the lane that is read would run dry meanwhile.

So the client is told that lanes are led by brokers of their own. They are the same ones; but a broker
answers the requests of one connection one after the other, so there is one for each lane.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.fetch_sessions import FetchSession

_NO_LEADER = frozenset({None, -1})


class _Way(NamedTuple):
    """A broker's id, and which connection to it; stands where the client has the id alone."""

    node: int
    connection: int


class LaneFetches:
    """Changes one consumer's fetcher; to be made before it is given partitions."""

    def __init__(self, fetcher: Fetcher, lanes: Sequence[Collection[str]]) -> None:
        """`lanes` are the topics of each; those of the first are fetched as the client would."""
        first = max(ConnectionGroup) + 1
        self._connections: Mapping[str, int] = {
            topic: number for number, topics in enumerate(lanes[1:], first) for topic in topics
        }
        self._subscriptions = fetcher._subscriptions
        self._node_of = fetcher._select_read_replica
        fetcher._select_read_replica = self._way_to
        fetcher._client = _Ways(fetcher._client)

    def _way_to(self, partition: TopicPartition) -> Any:
        node = self._node_of(partition)
        connection = self._connections.get(partition.topic)
        if connection is None or node in _NO_LEADER or not self._is_read(partition):
            return node
        return _Way(node, connection)

    def _is_read(self, partition: TopicPartition) -> bool:
        """Whether it is known where `partition` is read, so that it is nothing but fetched."""
        assignment = self._subscriptions.subscription.assignment
        return bool(assignment.state_value(partition).has_valid_position)


class _Ways:
    """The client, asked by its fetcher: what goes to a `_Way` takes the connection of that.

    Fetches name what changed since the last one that went the same way; see fetch_sessions.py.
    """

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._sessions: defaultdict[Any, FetchSession] = defaultdict(FetchSession)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, to: Any, request: Any) -> Any:
        if not isinstance(request, FetchRequest):
            return await self._send(to, request)
        session = self._sessions[to]
        try:
            response = await self._send(to, session.ask(request))
        except BaseException:  # cancelled too: nobody knows what the broker has got
            session.end()
            raise
        session.answered(response)
        return response

    async def _send(self, to: Any, request: Any) -> Any:
        if isinstance(to, _Way):
            return await self._client.send(to.node, request, group=to.connection)
        return await self._client.send(to, request)
