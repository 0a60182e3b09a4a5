"""Documents to send: this machine's files, as the demo takes them."""

from loadtest.demo import stage
from loadtest.demo.files import gather
from loadtest.office_hours.computed.hours import BadHours
from loadtest.plan.bodies import BodyKind
from loadtest.plan.plan import Stream, stream
from loadtest.scenario.rates import Times

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
    """Requests in endless supply: each stream goes on with the document after the last one's."""

    def __init__(self) -> None:
        files = gather(stage.PROJECT, _FILES, _SEED)
        bodies = [file.read_bytes() for file in files]
        fitting = [body for body in bodies if _SHORTEST_BYTES <= len(body) <= _LONGEST_BYTES]
        if not fitting:
            raise BadHours("this machine has no files to send")
        self._bodies = fitting
        self._taken = 0

    def stream(self, topic: str, times_s: Times) -> Stream:
        """Return a document at each of these times."""
        first = self._taken % len(self._bodies)
        self._taken += len(times_s)
        return stream(
            topic, topic, times_s, BodyKind([*self._bodies[first:], *self._bodies[:first]])
        )
