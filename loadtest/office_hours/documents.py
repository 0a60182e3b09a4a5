"""Documents to send: this machine's files, as the demo takes them."""

import itertools
import secrets
from collections.abc import Iterator, Sequence

from loadtest.demo import stage
from loadtest.demo.files import gather
from loadtest.office_hours.hours import BadHours
from loadtest.wire import Outgoing

LANES = ("day", "night")
TOPICS = ("office.day", "office.night")
REPLY_TOPICS = ("office.replies", "office.dead")
CONFIG = stage.PROJECT / "loadtest" / "scenarios" / "office-hours" / "tidemill.toml"

_FILES = 240
_SEED = 1
# The model reads the beginning and the end; longer ones only make Kafka work.
_LONGEST_BYTES = 32 * 2**10
# Shorter ones are answered without the model.
_SHORTEST_BYTES = 64


class Documents:
    """Requests in endless supply; `run` in their ids keeps replies of another run apart."""

    def __init__(self) -> None:
        files = gather(stage.PROJECT, _FILES, _SEED)
        bodies = [file.read_bytes() for file in files]
        fitting = [body for body in bodies if _SHORTEST_BYTES <= len(body) <= _LONGEST_BYTES]
        if not fitting:
            raise BadHours("this machine has no files to send")
        self._bodies = itertools.cycle(fitting)
        self._numbers = itertools.count()
        self._run = secrets.token_hex(4)

    def take(self, topics: Sequence[str]) -> list[Outgoing]:
        """Return a request for each of `topics`."""
        return list(self._made(topics))

    def _made(self, topics: Sequence[str]) -> Iterator[Outgoing]:
        for topic, number, body in zip(topics, self._numbers, self._bodies, strict=False):
            yield Outgoing(topic, f"{self._run}-{number}".encode(), body)
