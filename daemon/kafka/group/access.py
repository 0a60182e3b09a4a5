"""Rights and topics that a member lost after it had begun to read: said, waited for, seen to be back."""

from collections import Counter
from collections.abc import Callable, Mapping

from daemon.kafka import client
from daemon.kafka.topic_ids import TopicState
from daemon.loop.trouble import Trouble
from daemon.telemetry.events import Event
from daemon.values.errors import Exit, Fatal

_GROUP = "group"
_MOST_MISSES = 1
"""Looks in a row that a topic may be missing in: a broker that has just begun learns of topics first."""


class Access:
    """What keeps this member from reading, by topic, and for the group as a whole."""

    def __init__(self, limit_s: float, *, clock: Callable[[], float]) -> None:
        """`limit_s`: limits.unavailable."""
        self._trouble = Trouble(
            limit_s, begun=Event.READING_BLOCKED, over=Event.READING_RESUMED, clock=clock
        )
        self._misses: Counter[str] = Counter()
        self._away: set[str] = set()

    @property
    def trouble(self) -> str:
        """Why something cannot be read at the moment, and what to do; empty when all can."""
        return self._trouble.reason

    @property
    def away(self) -> frozenset[str]:
        """The topics that cannot be read at the moment."""
        return frozenset(self._away)

    def group_refused(self, refusal: Fatal) -> None:
        """The group refuses this client; raises Fatal when it has for too long."""
        self._trouble.meet(_GROUP, str(refusal), str(refusal), exit_code=refusal.exit_code)

    def group_taken_up(self) -> None:
        """This client is a member again."""
        self._trouble.end(_GROUP)

    def topic_refused(self, topic: str) -> None:
        """This client may not read `topic`; raises Fatal when that is so for too long."""
        self._away.add(topic)
        reason = f"topic {topic}: {client.MAY_NOT_READ}"
        self._trouble.meet(topic, Exit.DENIED, reason, exit_code=Exit.DENIED)

    def look(self, states: Mapping[str, TopicState]) -> None:
        """Compare what is there with what should be; raises Fatal when something is away for too long."""
        for topic, state in states.items():
            if not state.may_read:
                self.topic_refused(topic)
            elif state.absent:
                self._missed(topic)
            else:
                self._misses.pop(topic, None)
                self._away.discard(topic)
                self._trouble.end(topic)

    def _missed(self, topic: str) -> None:
        self._misses[topic] += 1
        if self._misses[topic] > _MOST_MISSES:
            self._away.add(topic)
            reason = f"topic {topic}: does not exist; create it"
            self._trouble.meet(topic, Exit.SETTINGS, reason, exit_code=Exit.SETTINGS)
