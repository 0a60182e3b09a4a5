"""What aiokafka 0.14.0 gets wrong and this worker cannot live with, put right from outside.

Each guard has a test that fails without it. `RELIED_ON` lists what of aiokafka's inside the guards,
and the rest of this room, depend on; a test fails when one of them changes, and then each use in
this room must be read again beside it.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import aiokafka.client
from aiokafka import errors
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest
from aiokafka.protocol.metadata import MetadataRequest

from daemon.kafka import bootstrap, closing, silent_brokers
from daemon.kafka.group.lease import Lease
from daemon.kafka.offset_requests import FencedOffsetCommit, StableOffsetFetch, commit_codes
from daemon.kafka.reading import tolerant_records

Send: TypeAlias = Callable[[Any], Awaitable[Any]]

REBALANCE_IN_PROGRESS = 27
UNKNOWN_MEMBER_ID = 25
FENCED_INSTANCE_ID = 82
_MOVED = frozenset({15, 16})
"""COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: the group is another broker's by now."""

RELIED_ON = {
    "aiokafka.client:AIOKafkaClient._get_conn": "68ce5d839171",
    "aiokafka.client:AIOKafkaClient._metadata_update": "06dc51ed3e0d",
    "aiokafka.client:AIOKafkaClient.close": "02119d4d618a",
    "aiokafka.client:AIOKafkaClient.coordinator_lookup": "19cc69fb75f8",
    "aiokafka.client:AIOKafkaClient.force_metadata_update": "cb7befef21c8",
    "aiokafka.client:AIOKafkaClient.get_random_node": "0e2daf38b78e",
    "aiokafka.client:AIOKafkaClient.send": "246b277687d7",
    "aiokafka.conn:AIOKafkaConnection._do_version_lookup": "f163772b18ad",
    "aiokafka.conn:AIOKafkaConnection._handle_frame": "46a7d9b8cf7c",
    "aiokafka.conn:AIOKafkaConnection.close": "28f164aa1e4f",
    "aiokafka.conn:create_conn": "673276cbddb4",
    "aiokafka.consumer.consumer:AIOKafkaConsumer.getmany": "bc6d248e42a4",
    "aiokafka.consumer.consumer:AIOKafkaConsumer.seek": "a9430f1f3b9a",
    "aiokafka.consumer.consumer:AIOKafkaConsumer.start": "2f1ba7044332",
    "aiokafka.consumer.consumer:AIOKafkaConsumer.stop": "bc5da9c98595",
    "aiokafka.consumer.fetcher:FetchResult": "d7db13f06de8",
    "aiokafka.consumer.fetcher:Fetcher._create_fetch_waiter": "61d840568746",
    "aiokafka.consumer.fetcher:Fetcher._fetch_requests_routine": "2a8ec5932644",
    "aiokafka.consumer.fetcher:Fetcher._get_actions_per_node": "1dab2cf937d1",
    "aiokafka.consumer.fetcher:Fetcher._proc_fetch_request": "59bf948fff47",
    "aiokafka.consumer.fetcher:Fetcher._select_read_replica": "70f0665e44fc",
    "aiokafka.consumer.fetcher:Fetcher._update_fetch_positions": "d7774d8241dc",
    "aiokafka.consumer.fetcher:Fetcher.fetched_records": "be4348896b9b",
    "aiokafka.consumer.fetcher:Fetcher.seek_to": "f0ba6aba6c22",
    "aiokafka.consumer.fetcher:PartitionRecords": "94aa0da0dbec",
    "aiokafka.consumer.group_coordinator:CoordinatorGroupRebalance": "20ed95eaf623",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._GroupCoordinator__coordination_routine": "f814463c6b44",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._coordination_routine": "75273e127d4a",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._do_heartbeat": "dc1d6632aaa6",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._heartbeat_routine": "61d010289522",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._maybe_leave_group": "016cd88a16e6",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._on_join_complete": "0b0b3d204b40",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._on_join_prepare": "4d9524afc0ee",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._perform_assignment": "a5cf61fa9732",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._push_error_to_user": "743ff515bd7e",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._send_req": "fa4b12e914ce",
    "aiokafka.consumer.group_coordinator:GroupCoordinator.check_errors": "ba6ca51ad348",
    "aiokafka.consumer.group_coordinator:GroupCoordinator.close": "f30d83108945",
    "aiokafka.consumer.group_coordinator:GroupCoordinator.coordinator_dead": "ba1eda0254af",
    "aiokafka.consumer.group_coordinator:GroupCoordinator.ensure_active_group": "33c84c1a9301",
    "aiokafka.consumer.group_coordinator:GroupCoordinator.request_rejoin": "f70a261c91c3",
    "aiokafka.consumer.group_coordinator:GroupCoordinator.reset_generation": "537aa37c531b",
    "aiokafka.consumer.subscription_state:Assignment": "ce6859542c70",
    "aiokafka.consumer.subscription_state:SubscriptionState.fetch_context": "ff2a654dca23",
    "aiokafka.consumer.subscription_state:SubscriptionState.reassignment_in_progress": "6876e75ff981",
    "aiokafka.consumer.subscription_state:TopicPartitionState": "2b83334afadf",
    "aiokafka.producer.message_accumulator:BatchBuilder": "8050802ca751",
    "aiokafka.producer.message_accumulator:MessageAccumulator._pop_batch": "41cc98a298ef",
    "aiokafka.producer.message_accumulator:MessageAccumulator.add_batch": "5ed1c5b1367a",
    "aiokafka.producer.message_accumulator:MessageBatch": "36a7b1dac89d",
    "aiokafka.producer.producer:AIOKafkaProducer.__init__": "fd6f2966fb3d",
    "aiokafka.producer.producer:AIOKafkaProducer.send_batch": "bf42b0f0c5c0",
    "aiokafka.producer.producer:AIOKafkaProducer.start": "bae900a5e83a",
    "aiokafka.producer.producer:AIOKafkaProducer.stop": "43ef97147111",
    "aiokafka.producer.sender:InitPIDHandler": "4f466dcfc4b1",
    "aiokafka.producer.sender:SendProduceReqHandler": "708c9da866ca",
    "aiokafka.producer.sender:Sender._maybe_do_transactional_request": "71227a8a4d9c",
    "aiokafka.producer.sender:Sender._maybe_wait_for_pid": "577189636b56",
    "aiokafka.producer.sender:Sender._sender_routine": "2380dc5e333d",
    "aiokafka.producer.transaction_manager:TransactionManager": "d0932794d69a",
    "aiokafka.protocol.fetch:FetchRequest": "ef21d383f137",
    "aiokafka.protocol.metadata:MetadataRequest": "0a2584162e6d",
    "aiokafka.protocol.produce:ProduceRequest": "c9d2e4599634",
    "aiokafka.protocol.produce:ProduceRequest_v8": "d99f7bf085ff",
    "aiokafka.protocol.produce:ProduceResponse_v8": "1f6cd222911d",
    "aiokafka.protocol.transaction:AddOffsetsToTxnRequest": "2804b262cc4f",
    "aiokafka.protocol.transaction:AddPartitionsToTxnRequest": "8b90c2da63e1",
    "aiokafka.protocol.transaction:EndTxnRequest": "0124b98e1f58",
    "aiokafka.record.memory_records:_MemoryRecordsPy": "795a0314fbca",
}
"""`module:name` and the first 12 hex digits of the sha256 of its source."""


def install() -> None:
    """Change what can only be changed for the whole process; to be called before any client.

    Brokers that nobody finds any more are asked for at the bootstrap servers (see bootstrap.py), a
    closed client or connection is gone (see closing.py), and a broker that hangs is gone around
    (silent_brokers.py).
    Metadata requests of aiokafka ask the broker to create the topics they name, and for all there are
    where they name none: a producer without anything to send would, every METADATA_AGE_S.
    """
    aiokafka.client.MetadataRequest = _metadata_request
    tolerant_records.install()
    bootstrap.install()
    closing.install()
    silent_brokers.install()


def _metadata_request(topics: Sequence[str] | None) -> MetadataRequest:
    return MetadataRequest([*(topics or ())], allow_auto_topic_creation=False)


class GuardedCoordinator:
    """Watches what one member and its group coordinator say to each other."""

    def __init__(
        self,
        coordinator: GroupCoordinator,
        lease: Lease,
        *,
        static: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`static`: the member has an instance id. To be made before it joins."""
        self.replaced = False
        self._coordinator = coordinator
        self._send: Send = coordinator._send_req
        self._lease = lease
        self._static = static
        self._clock = clock
        coordinator._send_req = self.send

    async def send(self, request: Any) -> Any:
        """Send `request` to the coordinator; raises errors.KafkaError."""
        if self.replaced and isinstance(request, JoinGroupRequest):
            raise errors.KafkaError("another process has this member's instance id")
        sent_s = self._clock()
        response = await self._send(request)
        codes = _codes(request, response)
        if codes & _MOVED:
            self._coordinator.coordinator_dead()
        if not isinstance(request, FencedOffsetCommit):  # its member may be one of before
            self._watch_member(codes)
        if _proves_membership(request, codes):
            self._lease.renew(sent_s)
        if isinstance(request, OffsetFetchRequest | StableOffsetFetch):
            self._refuse_silent_failure(response)
        return response

    def _watch_member(self, codes: set[int]) -> None:
        """See a second process under the same instance id.

        The broker gives the slot to the newcomer and forgets the first one's member id. aiokafka
        would then join anew without it and push the newcomer out, and so on for ever.
        """
        if UNKNOWN_MEMBER_ID in codes:
            if self._static and self._lease.valid(self._clock()):
                self.replaced = True
            self._lease.end()
        if FENCED_INSTANCE_ID in codes:
            self.replaced = True

    def _refuse_silent_failure(self, response: Any) -> None:
        """Raise what an OffsetFetch failed with as a whole.

        aiokafka looks only at each partition's code, and there are no partitions in a failed
        answer: it takes that for a group without commits and resets every position.
        """
        code = getattr(response, "error_code", 0)
        if code:
            raise errors.for_code(code)(self._coordinator.group_id)


def _codes(request: Any, response: Any) -> set[int]:
    if isinstance(request, FencedOffsetCommit):
        return set(commit_codes(response).values())
    if isinstance(request, OffsetCommitRequest):
        return {code for _, partitions in response.topics for _, code in partitions}
    return {getattr(response, "error_code", 0)}


def _proves_membership(request: Any, codes: set[int]) -> bool:
    if isinstance(request, HeartbeatRequest):
        return codes <= {0, REBALANCE_IN_PROGRESS}
    return isinstance(request, SyncGroupRequest | OffsetCommitRequest) and codes == {0}
