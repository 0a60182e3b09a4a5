"""Commits of one generation: only what is settled, only what changed, never for ever."""

import asyncio
from collections.abc import Callable

from aiokafka import errors

from config.settings import Kafka
from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log

_RETRY_S = 0.2
"""As assign.py has it: it is the same coordinator that is asked."""

_STALE = (
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
)


class StaleGeneration(Exception):
    """The group has moved on: the partitions may be another worker's."""


class GroupCommits:
    """Commits, one request at a time."""

    def __init__(
        self,
        kafka: Kafka,
        group: CommittedOffsets,
        *,
        refused: Callable[[errors.KafkaError], bool],
    ) -> None:
        """`refused` returns whether an error is a missing right, which it sees to."""
        self._kafka = kafka
        self._group = group
        self._refused = refused
        self._turn = asyncio.Lock()

    async def commit(self, generation: Generation) -> None:
        """Commit what is settled and not yet committed.

        Tries for as long as a session lasts; after that the generation is over anyway.
        Raises: StaleGeneration; Fatal when this client may not commit for too long.
        """
        try:
            async with asyncio.timeout(self._kafka.session_timeout), self._turn:
                await self._persist(generation)
        except TimeoutError:
            log(Event.COMMIT_FAILED, reason="the coordinator did not answer in time")

    async def _persist(self, generation: Generation) -> None:
        while commits := generation.uncommitted():
            if generation.lost:  # another of the same number may have gone on from before
                raise StaleGeneration
            try:
                await self._group.commit(
                    commits, number=generation.number, member=generation.member
                )
            except _STALE as error:
                log(Event.COMMIT_FAILED, reason=str(error))
                raise StaleGeneration from error
            except errors.KafkaError as error:
                if self._refused(error) or not error.retriable:
                    log(Event.COMMIT_FAILED, reason=str(error))
                    return
                await asyncio.sleep(_RETRY_S)
            else:
                generation.committed(commits)
                return
