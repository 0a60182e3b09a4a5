"""Which dead letters are sent again, and as what. Pure.

Rule 1: only to a topic of a lane, whatever the letter says: anybody may have written it.
Rule 2: only what is whole: a request that was cut or lost its headers is another request.
Rule 3: the requester's headers go along as they were; of ours only the count of attempts.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple, cast

from daemon.answering import dead_letters as names
from daemon.values.errors import Code
from daemon.values.messages import Header, Record
from daemon.wire.headers import deadline_of


class Skip(StrEnum):
    """Why a dead letter cannot be sent again."""

    NO_DEAD_LETTER = "no_dead_letter"
    NOT_A_LANE = "not_a_lane"
    TRUNCATED = "truncated"
    DROPPED = "dropped"
    TOMBSTONE = "tombstone"
    UNDECODABLE = "undecodable"


class Letter(NamedTuple):
    """What a dead letter says of the request in it; texts are empty where it says nothing."""

    topic: str
    partition: int
    offset: int
    code: str
    attempts: int
    deadline_ms: int | None

    def is_past_deadline(self, wall_ms: float) -> bool:
        """Return whether the request would be answered with deadline_exceeded for its deadline."""
        return self.deadline_ms is not None and self.deadline_ms <= wall_ms

    @property
    def request_id(self) -> str:
        """The request's, as its replies would have carried it."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Replay(NamedTuple):
    """A request to be sent again; `partition` is where it was."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: list[Header]


class Selection(NamedTuple):
    """Which letters are looked at: all conditions hold, an empty or missing one always does.

    Times are milliseconds since 1970 and are the dead letter's own, not the request's.
    """

    request_ids: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    since_ms: float | None = None
    until_ms: float | None = None
    most_attempts: int | None = None

    def takes(self, record: Record, letter: Letter) -> bool:
        """Return whether `record`, which says `letter`, is one of them."""
        return (
            (not self.request_ids or letter.request_id in self.request_ids)
            and (not self.codes or letter.code in self.codes)
            and (self.since_ms is None or record.timestamp >= self.since_ms)
            and (self.until_ms is None or record.timestamp < self.until_ms)
            and (self.most_attempts is None or letter.attempts <= self.most_attempts)
        )


def letter_of(record: Record) -> Letter:
    """Return what `record` says; of a header that is there twice the last one, which is ours."""
    said = {name: value for name, value in record.headers if value is not None}
    return Letter(
        _text(said, names.TOPIC),
        _number(said, names.PARTITION),
        _number(said, names.OFFSET),
        _text(said, names.CODE),
        names.attempts_of(record.headers),
        deadline_of(record.headers),
    )


def replay_of(record: Record, letter: Letter, topics: Collection[str]) -> Replay | Skip:
    """Return what is sent again for `record`, or why nothing is; `topics` are the lanes'."""
    if record.value is None:
        return Skip.TOMBSTONE
    if why := _unfit(record, letter, topics):
        return why
    kept = [header for header in record.headers if header[0] not in names.OURS]
    attempts = (names.ATTEMPTS, b"%d" % letter.attempts)
    # Null header values are passed on as they came, which the client's builder allows.
    headers = cast("list[Header]", [*kept, attempts])
    return Replay(letter.topic, letter.partition, record.key, record.value, headers)


def _unfit(record: Record, letter: Letter, topics: Collection[str]) -> Skip | None:
    said = {name for name, _ in record.headers}
    complete = letter.topic and letter.code and letter.partition >= 0 and letter.offset >= 0
    reasons = {
        Skip.NO_DEAD_LETTER: not complete,
        Skip.UNDECODABLE: letter.code == Code.UNDECODABLE_RECORD,
        Skip.TOMBSTONE: names.TOMBSTONE in said,
        Skip.DROPPED: names.DROPPED in said,
        Skip.TRUNCATED: names.TRUNCATED in said,
        Skip.NOT_A_LANE: letter.topic not in topics,
    }
    return next((why for why, holds in reasons.items() if holds), None)


def _text(said: Mapping[str, bytes], name: str) -> str:
    """Anybody may write to a topic: what is no printable text is none."""
    text = said.get(name, b"").decode("utf-8", "replace")
    return text if text.isprintable() else ""


def _number(said: Mapping[str, bytes], name: str) -> int:
    text = said.get(name, b"")
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else -1


_MOST_DIGITS = 19
"""An offset is a signed 64-bit number."""
