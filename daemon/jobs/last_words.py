"""What the topic of jobs says of each of them: the last that was said. Pure."""

from collections.abc import Iterable

import msgspec

from daemon.jobs.ends import State
from daemon.jobs.pace import Standing
from daemon.values.messages import Record
from daemon.wire.cloud_events import JOB_TYPE, TYPE


class LastWord(msgspec.Struct, frozen=True):
    """How a job stood at `as_of`, as far as its summary tells others. Moments are in ISO 8601, UTC.

    `rate_per_s` and `remaining_s` are those of a Standing, where it was under way.
    """

    job_id: str
    state: State
    lane: str
    items: int
    left: int
    ended: dict[str, int]
    began: str
    deadline: str | None
    as_of: str
    host: str
    folder: str
    sent: int = 0
    rate_per_s: float | None = None
    remaining_s: tuple[float, float] | None = None

    @property
    def standing(self) -> Standing:
        """How it got on."""
        return Standing(self.rate_per_s or 0.0, self.remaining_s)


class LastWords:
    """Hears records in their order; what is no event of a job is passed over."""

    def __init__(self) -> None:
        self._by_job: dict[str, LastWord] = {}

    def hear(self, records: Iterable[Record]) -> None:
        """Take note of what is said, each job's later word for its earlier one."""
        for record in records:
            if (dict(record.headers).get(TYPE) or b"").startswith(JOB_TYPE.encode()):
                try:
                    word = msgspec.json.decode(record.value or b"", type=LastWord)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue  # anybody may write to a topic
                self._by_job[word.job_id] = word

    def all(self) -> list[LastWord]:
        """Return them: jobs under way behind those that are over, the one that began last at the end."""
        return sorted(
            self._by_job.values(), key=lambda each: (each.left > 0, each.began, each.job_id)
        )
