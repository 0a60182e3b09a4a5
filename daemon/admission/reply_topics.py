"""Where a reply may go: a requester must not make the daemon write wherever it has the right to.

The "confused deputy": Spring's default of writing to any `kafka_replyTopic` is the known
example (spring-projects/spring-kafka issue 544).
"""

import re
from collections.abc import Iterable

from config.settings import Settings

_LEGAL = re.compile(rb"[a-zA-Z0-9._-]{1,249}")
"""org.apache.kafka.common.internals.Topic."""
_MOST_REMEMBERED = 1_024
"""Decisions kept; names beyond that are decided anew, so that requesters cannot fill memory."""


class ReplyTopics:
    """Decides on reply topics, and remembers what it decided."""

    def __init__(self, settings: Settings) -> None:
        inputs = {topic for lane in settings.lanes.values() for topic in lane.topics}
        self._never = frozenset({*inputs, settings.dead_letters.topic})
        self._exact, self._prefixes = _split([settings.replies.topic, *settings.replies.allow])
        self.default = settings.replies.topic
        self._decided: dict[bytes, str | None] = {}

    def allowed(self, asked: bytes | None) -> str | None:
        """Return the topic a request asks for, the default for None; None when it is denied."""
        if asked is None:
            return self.default
        if asked in self._decided:
            return self._decided[asked]
        topic = self._decide(asked)
        if len(self._decided) < _MOST_REMEMBERED and (topic is not None or _LEGAL.fullmatch(asked)):
            self._decided[asked] = topic
        return topic

    def _decide(self, asked: bytes) -> str | None:
        if _LEGAL.fullmatch(asked) is None or asked in {b".", b".."}:
            return None
        topic = asked.decode()
        if topic in self._never or topic.startswith("__"):
            return None
        if topic in self._exact or topic.startswith(self._prefixes):
            return topic
        return None


def _split(allow: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    exact = frozenset(entry for entry in allow if not entry.endswith("*"))
    return exact, tuple(entry[:-1] for entry in allow if entry.endswith("*"))
