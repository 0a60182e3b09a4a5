"""What the topic of jobs says of each of them: the last that was said. Pure.

Anybody may write to a topic: what is no word of a job, or larger than one can be, is passed over.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, NamedTuple

import msgspec

from daemon.jobs.ends import State
from daemon.jobs.pace import Standing
from daemon.values.messages import Record
from daemon.wire.cloud_events import JOB_TYPE, TYPE

_MOST_BYTES = 64 * 2**10
"""A word takes about one KiB, and more for hundreds of models and codes."""
_MOST = 2**53
"""What every reader of JSON keeps exact."""
_Text = Annotated[str, msgspec.Meta(max_length=4_096)]
"""As long as a path may be on Linux."""
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=_MOST)]


class LastWord(msgspec.Struct, frozen=True):
    """How a job stood at `as_of`, as far as its summary tells others. Moments are in ISO 8601, UTC.

    `rate_per_s` and `remaining_s` are those of a Standing, where it was under way.
    """

    job_id: _Text
    state: State
    lane: _Text
    items: _Count
    left: _Count
    ended: dict[_Text, _Count]
    began: _Text
    deadline: _Text | None
    as_of: _Text
    host: _Text
    folder: _Text
    sent: _Count = 0
    rate_per_s: _Number | None = None
    remaining_s: tuple[_Number, _Number] | None = None

    @property
    def standing(self) -> Standing:
        """How it got on."""
        return Standing(self.rate_per_s or 0.0, self.remaining_s)


class LastWords:
    """Hears records in their order."""

    def __init__(self) -> None:
        self._by_job: dict[str, LastWord] = {}

    def hear(self, records: Iterable[Record]) -> None:
        """Take note of what is said, each job's later word for its earlier one."""
        for word in _words(records):
            self._by_job[word.job_id] = word

    def all(self) -> list[LastWord]:
        """Return them: jobs under way behind those that are over, the one that began last at the end."""
        return sorted(self._by_job.values(), key=lambda each: (each.left > 0, *_beginning(each)))


class JobsHeard(NamedTuple):
    """Jobs under way in the order in which they began.

    `words` is None while that is not known, for the reason `trouble` if there is one; `more` are not among them.
    """

    words: list[LastWord] | None
    more: int = 0
    trouble: str = ""


class UnderWay:
    """Hears records in their order, and keeps in mind the jobs that are not over: those heard of last."""

    def __init__(self, *, most: int = 1_000, most_shown: int = 20) -> None:
        """`most`: beyond that, who was not heard of for the longest is forgotten; `most_shown` at a time."""
        self._most = most
        self._most_shown = most_shown
        self._by_job: dict[str, LastWord] = {}

    def hear(self, records: Iterable[Record]) -> None:
        """Take note of what is said."""
        for word in _words(records):
            self._by_job.pop(word.job_id, None)
            if word.left:
                self._by_job[word.job_id] = word
            if len(self._by_job) > self._most:
                del self._by_job[next(iter(self._by_job))]

    def heard(self) -> JobsHeard:
        """Return those that were heard of last."""
        last = list(self._by_job.values())[-self._most_shown :]
        return JobsHeard(sorted(last, key=_beginning), more=len(self._by_job) - len(last))


def _words(records: Iterable[Record]) -> Iterator[LastWord]:
    for record in records:
        value = record.value or b""
        is_word = (dict(record.headers).get(TYPE) or b"").startswith(JOB_TYPE.encode())
        if not is_word or len(value) > _MOST_BYTES:
            continue
        try:
            yield msgspec.json.decode(value, type=LastWord)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue


def _beginning(word: LastWord) -> tuple[str, str]:
    return word.began, word.job_id
