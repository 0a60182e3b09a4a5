"""The two ends of the line without Kafka, in virtual time.

Both pass the contract suite in tests/contract/, the same that the real ends pass. What a test
wants of the world is said on the fake: push records, take partitions away, hold or refuse sends.
"""

import asyncio
import contextlib
import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from daemon.isolation.note import NO_NOTE, Note, accused
from daemon.isolation.quarantine import Quarantine, died_in_flight
from daemon.isolation.suspect_range import in_flight
from daemon.values.lane import Lane, by_topic
from daemon.values.ledger import Ledger
from daemon.values.messages import Chunk, Header, Unreadable
from daemon.values.outgoing import Outgoing, OutgoingRecord, RecordRun
from daemon.values.ports import (
    Drain,
    Probe,
    RecordInvalid,
    RecordTooLarge,
    SendBlocked,
    SendDenied,
    SendError,
    SendFailed,
    Suspected,
)
from daemon.windows.ready_by import Opening
from tests.ledgers import make_lane

Partition = tuple[str, int]
_incarnations = itertools.count(1)


class FakeRecord(NamedTuple):
    """A fetched record; meets daemon.values.messages.Record."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = b""
    headers: Sequence[Header] = ()


class Published(NamedTuple):
    """A record that the sink took at `at_s`, in the loop's time."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]
    at_s: float

    def header(self, name: str) -> bytes | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name), None)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def drained(ledgers: Collection[Ledger]) -> None:
    """What a test gets that does not care about revocations."""


def _size_bytes(record: FakeRecord) -> int:
    return len(record.key or b"") + len(record.value or b"")


def _fitting(
    entries: Sequence[FakeRecord | Unreadable | None], max_bytes: float
) -> Sequence[FakeRecord | Unreadable | None]:
    """The first of `entries` up to the record that fills `max_bytes`."""
    for count, entry in enumerate(entries, 1):
        if isinstance(entry, FakeRecord):
            max_bytes -= _size_bytes(entry)
        if max_bytes <= 0:
            return entries[:count]
    return entries


class FakeSource:
    """Partitions as lists. A partition is read once it is assigned."""

    def __init__(
        self,
        lanes: Iterable[Lane] = (),
        *,
        revoke_s: float = 10.0,
        max_uncommitted: int = 100_000,
    ) -> None:
        """A drain gets `revoke_s`; a partition is read at most `max_uncommitted` past its commit.

        Topics of no lane get one of their own.
        """
        self.log: dict[Partition, list[FakeRecord | Unreadable | None]] = defaultdict(list)
        self.committed: dict[Partition, int] = {}
        self.notes: dict[Partition, Note] = {}  # what commits say beside their offsets
        self.opened: dict[Partition, Opening] = {}
        self.remembered: Collection[str] = ()
        self._openings: dict[Partition, Opening] = {}
        self._incarnation = f"{next(_incarnations):x}"
        self._quarantine = Quarantine(self._incarnation, self._gives_results)
        self.commits: list[dict[Partition, int]] = []
        self.joined = False
        self.left = False
        self.fatal: Exception | None = None  # raised by the next fetch
        self.lease = True
        self.reachable = True
        self.tells_log_ends = True
        self.leave_s = 0.0
        self.commits_held = False  # as when the broker does not answer a commit
        self._drain: Drain = drained
        self._lanes = by_topic(lanes)
        self._revoke_s = revoke_s
        self._max_uncommitted = max_uncommitted
        self._ledgers: dict[Partition, Ledger] = {}
        self._closed: dict[Partition, list[Ledger]] = defaultdict(list)
        self._news = asyncio.Event()

    # What a test does to the world

    def push(self, topic: str, number: int, *values: bytes | None, **fields: object) -> list[int]:
        """Append one record per value; `fields` (timestamp, key, headers) are those of each."""
        return [self._append(topic, number, value, fields) for value in values]

    def push_unreadable(self, topic: str, number: int, reason: str = "bad header key") -> int:
        """Append a record that the client cannot decode."""
        offset = self.end(topic, number)
        self.log[topic, number].append(Unreadable(offset, reason))
        self._news.set()
        return offset

    def skip(self, topic: str, number: int, offsets: int = 1) -> None:
        """Leave a gap, as compaction and transaction markers do."""
        self.log[topic, number].extend([None] * offsets)
        self._news.set()

    def cut(self, topic: str, number: int, before: int) -> None:
        """Delete what lies below `before`, as retention does; it is read no more."""
        ledger = self._ledgers[topic, number]
        unread = range(ledger.position, before)
        self.log[topic, number][unread.start : unread.stop] = [None] * len(unread)
        if unread:
            ledger.closed = True
            self._closed[topic, number].append(ledger)
            self._set_free((topic, number))
            self._ledgers[topic, number] = Ledger(topic, number, before, ledger.lane)
        self._news.set()

    def end(self, topic: str, number: int) -> int:
        """The offset of the next record."""
        return len(self.log[topic, number])

    def assign(self, *partitions: Partition) -> None:
        """Give partitions to this worker; each is read from its commit, else from the start."""
        self.joined = True
        for topic, number in partitions:
            position = self.committed.get((topic, number), 0)
            lane = self._lanes.setdefault(topic, make_lane(topic))
            self._ledgers[topic, number] = Ledger(topic, number, position, lane)
        self._openings |= {each: self.opened[each] for each in partitions if each in self.opened}
        self._take_up(partitions)
        self._news.set()

    def _take_up(self, partitions: Collection[Partition]) -> None:
        others = accused(self.notes.values())
        for partition in partitions:
            note = self.notes.get(partition, NO_NOTE)
            suspects = in_flight(
                self.committed.get(partition, 0),
                self.end(*partition),
                most_ahead=self._max_uncommitted,
                now_s=0,
            )
            died = died_in_flight(note, self._incarnation, others)
            self._quarantine.take_up(partition, note, suspects if died else None)
        for partition in partitions:
            self.notes[partition] = self._quarantine.note(partition)

    async def revoke(self, *partitions: Partition) -> None:
        """Take partitions away as a rebalance does: drain, commit, lost."""
        ledgers = {partition: self._ledgers.pop(partition) for partition in partitions}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._revoke_s):
                await self._drain([*ledgers.values(), *self._closed_of(partitions)])
        self._record_commit(ledgers)
        for partition in partitions:
            self.notes[partition] = self.notes[partition]._replace(held="", alone=None)
            self._set_free(partition)
        for partition, ledger in ledgers.items():
            for each in (ledger, *self._closed.pop(partition, ())):
                each.lost = True

    def lose(self, *partitions: Partition) -> None:
        """Take partitions away unasked, as when the session expired: no drain, no commit."""
        for partition in partitions:
            self._set_free(partition)
            for ledger in (self._ledgers.pop(partition), *self._closed.pop(partition, ())):
                ledger.lost = True

    # daemon.values.ports.Source

    @property
    def ledgers(self) -> Mapping[Partition, Ledger]:
        return self._ledgers

    @property
    def partitions(self) -> int:
        return len(self.log)

    def lag_records(self) -> Mapping[str, int]:
        lag = defaultdict(int)
        for partition, ledger in self._ledgers.items():
            lag[partition[0]] += self.end(*partition) - ledger.committable
        return lag

    def lag_seconds(self) -> Mapping[str, float]:
        return {topic: 1.0 if records else 0.0 for topic, records in self.lag_records().items()}

    @property
    def trouble(self) -> str:
        if not self.reachable:
            return "no broker answers"
        return "" if self.joined else "the group is not joined"

    def lease_valid(self) -> bool:
        if not self.lease:
            self.lose(*list(self._ledgers))
        return self.lease

    async def start(self, drain: Drain) -> None:
        self._drain = drain
        self.joined = True

    async def fetch(
        self,
        topics: Collection[str],
        *,
        beside: Collection[str] = (),
        max_records: int,
        max_bytes: float = math.inf,
        timeout_s: float,
    ) -> Sequence[Chunk]:
        if self.fatal is not None:
            raise self.fatal
        chunks = self._take(topics, max_records, max_bytes)
        if chunks or not topics or timeout_s <= 0:
            return chunks
        self._news.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return ()
        if self.fatal is not None:
            raise self.fatal
        return self._take(topics, max_records, max_bytes)

    def wake(self) -> None:
        self._news.set()

    async def log_ends(
        self, partitions: Collection[Partition], *, as_of_s: float | None = None
    ) -> Mapping[Partition, int]:
        if not self.reachable or not self.tells_log_ends:
            return {}
        as_of_ms = math.inf if as_of_s is None else as_of_s * 1000
        return {partition: self._end_at(partition, as_of_ms) for partition in partitions}

    def _end_at(self, partition: Partition, as_of_ms: float) -> int:
        records = [each for each in self.log[partition] if isinstance(each, FakeRecord)]
        later = (each.offset for each in records if each.timestamp >= as_of_ms)
        return next(later, self.end(*partition))

    @property
    def openings(self) -> Mapping[Partition, Opening]:
        return self._openings

    def note_opening(self, partitions: Collection[Partition], opening: Opening) -> None:
        self._openings.update(dict.fromkeys(partitions, opening))

    async def commit(self) -> None:
        if not self.commits_held:
            self._record_commit(self._ledgers)

    def suspected(self) -> Mapping[Partition, Suspected]:
        return {
            partition: Suspected(
                suspects.end - self._ledgers[partition].committable, suspects.deaths
            )
            for partition, suspects in self._quarantine.suspects.items()
            if partition in self._ledgers
        }

    def next_probe(self, topics: Collection[str]) -> Probe | None:
        if self._quarantine.probe is not None:
            return None
        self._quarantine.learn(self._committable)
        return self._quarantine.next(topics, self._committable)

    async def begin_probe(self, probe: Probe) -> bool:
        if self.commits_held or probe.partition not in self._quarantine.suspects:
            return False
        self._quarantine.begin(probe)
        self._record_commit(self._ledgers)
        return True

    async def end_probe(self, probe: Probe, reached: int) -> bool:
        if self._quarantine.probe in (probe, None) and probe.partition in self._ledgers:
            self._quarantine.end(reached)
            self._quarantine.learn(self._committable)
            self._record_commit(self._ledgers)
        return True

    def release(self) -> None:
        self._quarantine.learn(self._committable)
        self._quarantine.release()

    async def leave(self) -> None:
        self.lose(*list(self._ledgers))
        await asyncio.sleep(self.leave_s)
        self.left = True
        self.joined = False

    # Inside

    def _gives_results(self, partition: Partition) -> bool:
        lane = self._lanes[partition[0]]
        return any(each.has_result for each in self._ledgers.values() if each.lane is lane)

    def _committable(self, partition: Partition) -> int:
        ledger = self._ledgers.get(partition)  # none while it is drained
        return self.committed.get(partition, 0) if ledger is None else ledger.committable

    def _set_free(self, partition: Partition) -> None:
        """Nothing of `partition` is suspect any more, or it is another worker's."""
        probe = self._quarantine.probe
        if probe is not None and probe.partition == partition:
            self._quarantine.end(probe.first)
        self._quarantine.forget(partition)

    def _append(
        self, topic: str, number: int, value: bytes | None, fields: Mapping[str, object]
    ) -> int:
        offset = self.end(topic, number)
        self.log[topic, number].append(FakeRecord(topic, number, offset, value=value, **fields))
        self._news.set()
        return offset

    def _take(self, topics: Collection[str], max_records: int, max_bytes: float) -> list[Chunk]:
        chunks = []
        probe = self._quarantine.probe
        for (topic, number), ledger in self._ledgers.items():
            if topic not in topics or max_records <= 0 or max_bytes <= 0:
                continue
            first = ledger.position
            if probe is None:
                note = self.notes.get((topic, number), NO_NOTE)
                if (topic, number) in self._quarantine.suspects or note.suspects is not None:
                    continue
                furthest = self._furthest(topic, number, ledger)
            else:
                furthest = probe.end if probe.partition == (topic, number) else first
            end = min(first + max_records, furthest)
            entries = _fitting(self.log[topic, number][first:end], max_bytes)
            if not entries:
                continue
            records = [e for e in entries if isinstance(e, FakeRecord)]
            max_bytes -= sum(_size_bytes(record) for record in records)
            unreadable = [e for e in entries if isinstance(e, Unreadable)]
            offsets = sorted(e.offset for e in (*records, *unreadable))
            ledger.start(offsets, position=first + len(entries))
            max_records -= len(entries)
            if offsets:
                chunks.append(Chunk(ledger, records, unreadable))
        return chunks

    def _furthest(self, topic: str, number: int, ledger: Ledger) -> int:
        """The offset that is not read before more is committed; what can be is, at the limit."""
        furthest = self.committed.get((topic, number), 0) + self._max_uncommitted
        if ledger.position < furthest or self.commits_held:
            return furthest
        self._record_commit({(topic, number): ledger})
        return self.committed.get((topic, number), 0) + self._max_uncommitted

    def _closed_of(self, partitions: Collection[Partition]) -> list[Ledger]:
        return [each for partition in partitions for each in self._closed.get(partition, ())]

    def _owed(self, partition: Partition) -> list[int]:
        """The first unanswered offsets of ledgers that were closed."""
        return [each.committable for each in self._closed.get(partition, ()) if each.span]

    def _record_commit(self, ledgers: Mapping[Partition, Ledger]) -> None:
        offsets = {
            partition: min([ledger.committable, *self._owed(partition)])
            for partition, ledger in ledgers.items()
        }
        changed = {
            partition: offset
            for partition, offset in offsets.items()
            if offset != self.committed.get(partition, 0)
        }
        if changed:
            self.commits.append(changed)
            self.committed.update(changed)
        self.notes.update({partition: self._quarantine.note(partition) for partition in ledgers})
        self.opened |= {each: self._openings[each] for each in ledgers if each in self._openings}


class FakeSink:
    """Topics by name with their number of partitions; whatever is sent is kept in `published`."""

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self.topics = dict(topics or {})
        self.published: list[Published] = []
        self.denied: set[str] = set()
        self.hidden: set[str] = set()  # topics that this client may not see
        self.largest_bytes: dict[str, int] = {}  # of key, value and headers together, by topic
        self.takes_before: dict[str, int] = {}  # records a topic still takes before it is denied
        self.keyed: set[str] = set()  # topics that refuse records without a key
        self.blocked: set[str] = set()  # topics that refuse everything for now
        self.trouble = ""
        self.outage = ""
        self.failures: list[SendError] = []  # raised by the next sends, first one first
        self.answers_metadata = True
        self.waiting = 0  # sends that are held
        self._lost_acks = 0
        self._open = asyncio.Event()
        self._open.set()

    # What a test does to the world

    def hold(self) -> None:
        """Let no send finish until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let held sends finish."""
        self._open.set()

    def fail(self, *failures: SendError) -> None:
        """Raise these from the next sends."""
        self.failures.extend(failures)

    def lose_acks(self, count: int) -> None:
        """Take what the next sends bring, and say that nobody knows."""
        self._lost_acks += count

    def sent_to(self, topic: str) -> list[Published]:
        """What was published to `topic`, in order."""
        return [record for record in self.published if record.topic == topic]

    # What daemon.kafka.writing.sink.KafkaSink does

    async def partition_count(self, topic: str) -> int | None:
        await asyncio.sleep(0)
        if not self.answers_metadata:
            raise SendFailed("the broker does not answer")
        if topic in self.hidden:
            raise SendDenied(f"not allowed to see {topic}")
        return self.topics.get(topic)

    async def send(self, topic: str, partition: int, outgoing: Sequence[Outgoing]) -> None:
        records = [record for each in outgoing for record in _apart(each)]
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        if partition >= self.topics.get(topic, 0):
            raise SendFailed(f"{topic} has no partition {partition}")
        if topic in self.blocked:
            raise SendBlocked(f"{topic} refuses everything")
        every = range(len(records))
        denied = every[self._allowed(topic, len(records)) :]
        invalid = [i for i in every if topic in self.keyed and records[i][0] is None]
        large = [i for i in every if self._is_too_large(topic, records[i])]
        unsent = {*denied, *invalid, *large}
        for key, value, headers in (records[i] for i in every if i not in unsent):
            self.published.append(Published(topic, partition, key, value, list(headers), _now_s()))
        if denied:
            raise SendDenied(f"not allowed to write to {topic}", unsent=unsent)
        if invalid:
            raise RecordInvalid(f"{topic}: no key", refused=invalid, unsent=unsent)
        if large:
            raise RecordTooLarge(f"larger than {topic} takes", refused=large)
        if self._lost_acks:
            self._lost_acks -= 1
            raise SendFailed("the acknowledgement got lost")

    def _allowed(self, topic: str, count: int) -> int:
        """How many of `count` records `topic` takes before this client is denied."""
        if topic in self.denied:
            return 0
        if topic not in self.takes_before:
            return count
        taken = min(count, self.takes_before[topic])
        self.takes_before[topic] -= taken
        return taken

    def _is_too_large(self, topic: str, record: OutgoingRecord) -> bool:
        key, value, headers = record
        size = len(key or b"") + len(value or b"")
        size += sum(len(name) + len(text or b"") for name, text in headers)
        return size > self.largest_bytes.get(topic, size)


def _apart(outgoing: Outgoing) -> Iterable[OutgoingRecord]:
    return outgoing.apart() if isinstance(outgoing, RecordRun) else [outgoing]


class FakeDelivery:
    """The sink and the source's commits as one; meets daemon.values.ports.Delivery."""

    def __init__(self, sink: FakeSink, source: FakeSource) -> None:
        self._sink = sink
        self._source = source

    @property
    def trouble(self) -> str:
        return self._sink.trouble

    @property
    def outage(self) -> str:
        return self._sink.outage

    async def partition_count(self, topic: str) -> int | None:
        return await self._sink.partition_count(topic)

    async def deliver(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        await self._sink.send(topic, partition, records)

    async def commit(self) -> None:
        await self._source.commit()
