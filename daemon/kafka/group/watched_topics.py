"""The topics that a member reads, as the brokers have them by now: gone, refused, back, or made anew."""

from collections.abc import Callable, Mapping

from aiokafka import errors
from aiokafka.structs import TopicPartition

from daemon.kafka.group.access import Access
from daemon.kafka.group.generation import Generation
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.topic_ids import TopicState
from daemon.values.lane import Lane


class WatchedTopics:
    """Pauses what cannot be read, goes on with what is back; names the logs that are others by now."""

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        consumer: Consumer,
        access: Access,
        *,
        present: Callable[[], Generation | None],
        begun: Callable[[], bool],
        log_changed: Callable[[TopicPartition, int], None],
        changed: Callable[[], None],
    ) -> None:
        """`lanes` names each topic's lane; `present` tells the present generation.

        `begun`: whether this member has read anything. `log_changed` gets partitions whose logs are
        others, and the offset that was to be read next; `changed` is called when there may be more
        to fetch.
        """
        self._lanes = lanes
        self._consumer = consumer
        self._access = access
        self._present = present
        self._begun = begun
        self._log_changed = log_changed
        self._changed = changed

    def refused(self, topic: str) -> None:
        """Read no more of `topic`; a commit does not say which, but the next look at all topics does."""
        if topic not in self._lanes:
            return
        self._access.topic_refused(topic)
        generation = self._present()
        if generation is not None:
            for partition in _open_partitions(generation, topic):
                generation.pause(partition)

    async def compare(self) -> None:
        """Notice topics that are gone, refused or back, and those made anew, which start again.

        Raises Fatal when one is gone for too long.
        """
        generation = self._present()
        ends = self._ends(generation) if generation is not None else {}
        try:
            states = await self._consumer.topic_states(self._lanes)
        except errors.KafkaError:
            return
        self._look(states)
        if generation is None or generation is not self._present():
            return
        topic_ids = {topic: state.topic_id for topic, state in states.items()}
        for partition in generation.compare(topic_ids, ends):
            self._log_changed(partition, generation.ledgers[partition].position)

    def _ends(self, generation: Generation) -> dict[TopicPartition, int]:
        return {
            partition: end
            for partition in generation.partitions
            if partition in generation.ledgers
            and (end := self._consumer.highwater(partition)) is not None
        }

    def _look(self, states: Mapping[str, TopicState]) -> None:
        """Say which topics are gone, and go on with those that are back."""
        before = self._access.away
        if self._begun():
            self._access.look(states)
        generation = self._present()
        for topic in before - self._access.away:
            if generation is not None:
                for partition in _open_partitions(generation, topic):
                    self._consumer.drop_refusal(partition)
                    generation.resume(partition)
            self._consumer.look_at_topics()
            self._changed()


def _open_partitions(generation: Generation, topic: str) -> list[TopicPartition]:
    return [
        each for each in generation.partitions if each.topic == topic and each in generation.ledgers
    ]
