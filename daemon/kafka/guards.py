"""What aiokafka 0.14.0 gets wrong and this worker cannot live with, put right from outside.

Each guard has a test that fails without it. `RELIED_ON` lists what of aiokafka's inside the guards,
and the rest of this room, depend on; a test fails when one of them changes, and then each use in
this room must be read again beside it.
"""

import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import aiokafka.client
from aiokafka import errors
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest
from aiokafka.protocol.metadata import MetadataRequest

from daemon.kafka import isolation
from daemon.kafka.lease import Lease

Send: TypeAlias = Callable[[Any], Awaitable[Any]]

REBALANCE_IN_PROGRESS = 27
UNKNOWN_MEMBER_ID = 25
FENCED_INSTANCE_ID = 82

RELIED_ON: dict[str, str] = {}


def install() -> None:
    """Change what can only be changed for the whole process; to be called before any client.

    Metadata requests of aiokafka ask the broker to create the topics they name.
    """
    aiokafka.client.MetadataRequest = functools.partial(
        MetadataRequest, allow_auto_topic_creation=False
    )
    isolation.install()


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
        self._watch_member(codes)
        if _proves_membership(request, codes):
            self._lease.renew(sent_s)
        if isinstance(request, OffsetFetchRequest):
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
        if not code:
            return
        error = errors.for_code(code)
        if error in {
            errors.GroupCoordinatorNotAvailableError,
            errors.NotCoordinatorForGroupError,
        }:
            self._coordinator.coordinator_dead()
        raise error(self._coordinator.group_id)


def _codes(request: Any, response: Any) -> set[int]:
    if isinstance(request, OffsetCommitRequest):
        return {code for _, partitions in response.topics for _, code in partitions}
    return {getattr(response, "error_code", 0)}


def _proves_membership(request: Any, codes: set[int]) -> bool:
    if isinstance(request, HeartbeatRequest):
        return codes <= {0, REBALANCE_IN_PROGRESS}
    return isinstance(request, SyncGroupRequest | OffsetCommitRequest) and codes == {0}
