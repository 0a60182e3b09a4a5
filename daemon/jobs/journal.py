"""`job.sqlite`: each item of a job with its end, and how far replies are read.

Ends, the positions behind them and the sizes of the files of results are written in one transaction, so that
whatever ends a process, the next one goes on as if nothing had been.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from daemon.jobs.ends import MISSING, End, Outcome
from daemon.jobs.order import Order
from daemon.values.errors import Exit, Fatal

FILE = "job.sqlite"
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    start INTEGER NOT NULL,
    digest BLOB NOT NULL,
    handed INTEGER NOT NULL DEFAULT 0,
    partition INTEGER,
    offset INTEGER,
    end TEXT,
    said TEXT
);
CREATE INDEX open_items ON items (partition, offset) WHERE end IS NULL AND offset IS NOT NULL;
CREATE TABLE positions (
    topic TEXT, partition INTEGER, offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE letters (id TEXT PRIMARY KEY, code TEXT NOT NULL, detail TEXT NOT NULL) WITHOUT ROWID;
"""
"""`handed`: whether it may be in Kafka; `partition` and `offset`: where it certainly is; `said`: as in Outcome.
`letters`: dead letters of items, which may be their end."""
_ORDER = "order"
_SIZES = "sizes"
_OVER = "over"


class Unsent(NamedTuple):
    """An item that is not certainly in Kafka."""

    number: int
    id: str
    start: int
    digest: bytes


class Journal:
    """The state of one job in its folder; who opens it is the only one."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self.ends: Counter[End] = Counter()
        """How many items ended how."""
        self.total = 0
        self.handed = 0
        """How many may be in Kafka."""
        self.waiting = 0
        """How many of those have no end yet."""

    @classmethod
    def new(cls, file: Path) -> "Journal":
        """Begin one; nothing is ordered yet."""
        journal = cls(file)
        journal._db.executescript(_SCHEMA)
        return journal

    @classmethod
    def resume(cls, file: Path) -> "Journal":
        """Open that of a job that began; raises Fatal."""
        if not file.exists():
            raise Fatal(Exit.USAGE, f"{file.parent} holds no job: there is no {file.name}")
        journal = cls(file)
        try:
            journal._count()
            journal.order()
        except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
            raise Fatal(Exit.USAGE, f"{file} is not that of a job: {error}") from error
        return journal

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done meanwhile valid together, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self._count()
            raise
        self._db.execute("COMMIT")

    # What is asked

    def add(self, item_id: str, name: str, start: int, digest: bytes) -> bool:
        """Take up an item; whether its id is new."""
        added = self._db.execute(
            "INSERT OR IGNORE INTO items (id, name, start, digest) VALUES (?, ?, ?, ?)",
            (item_id, name, start, digest),
        )
        self.total += added.rowcount
        return added.rowcount == 1

    def name_of(self, item_id: str) -> str:
        """Return by what name people see an item."""
        row = self._db.execute("SELECT name FROM items WHERE id = ?", (item_id,)).fetchone()
        return str(row[0])

    def numbers_of(self, item_ids: Iterable[str]) -> list[int]:
        """Return the numbers of items, which are their places in the input."""
        asked = "SELECT number FROM items WHERE id = ?"
        return [self._db.execute(asked, (item_id,)).fetchone()[0] for item_id in item_ids]

    def begin(self, order: Order, positions: Mapping[tuple[str, int], int]) -> None:
        """Note what is ordered, and where its ends will be looked for from; from here on it may be sent."""
        with self.transaction():
            self.move(positions)
            self._note(_ORDER, msgspec.json.encode(order).decode())

    def order(self) -> Order:
        """Return what is ordered; raises Fatal where nothing was yet."""
        text = self._noted(_ORDER)
        if text is None:
            raise Fatal(Exit.USAGE, "nothing of this job was sent yet: submit it anew")
        return msgspec.json.decode(text, type=Order)

    # What is sent

    def unsent(self, behind: int, most: int) -> list[Unsent]:
        """Return the next items behind number `behind` that have no end and are not certainly in Kafka."""
        rows = self._db.execute(
            "SELECT number, id, start, digest FROM items"
            " WHERE number > ? AND offset IS NULL AND end IS NULL ORDER BY number LIMIT ?",
            (behind, most),
        )
        return [Unsent(*row) for row in rows]

    def hand(self, numbers: Sequence[int]) -> None:
        """Note that these items may be in Kafka from here on."""
        with self.transaction():
            handed = self._db.executemany(
                "UPDATE items SET handed = 1 WHERE number = ? AND handed = 0",
                [(number,) for number in numbers],
            ).rowcount
            self.handed += handed
            self.waiting += handed

    def acknowledge(self, places: Iterable[tuple[int, int, int]]) -> None:
        """Note where items are: partition, offset, number."""
        with self.transaction():
            self._db.executemany(
                "UPDATE items SET partition = ?, offset = ? WHERE number = ?", places
            )

    def never_sent(self, most: int) -> list[str]:
        """Return the ids of items that are certainly not in Kafka."""
        rows = self._db.execute(
            "SELECT id FROM items WHERE handed = 0 AND end IS NULL ORDER BY number LIMIT ?", (most,)
        )
        return [item_id for (item_id,) in rows]

    def without_end(self, most: int) -> list[str]:
        """Return the ids of items that have no end yet."""
        rows = self._db.execute(
            "SELECT id FROM items WHERE end IS NULL ORDER BY number LIMIT ?", (most,)
        )
        return [item_id for (item_id,) in rows]

    # What came of it; within a transaction

    def end(self, item_id: str, outcome: Outcome) -> bool:
        """Give an item its end; False where it has one, or is none of this job."""
        ended = self._db.execute(
            "UPDATE items SET end = ?, said = ? WHERE id = ? AND end IS NULL RETURNING handed",
            (outcome.end, outcome.said, item_id),
        ).fetchone()
        if ended is None:
            return False
        self.ends[outcome.end] += 1
        self.waiting -= ended[0]
        return True

    def keep_letter(self, item_id: str, code: str, detail: str) -> None:
        """Note a dead letter of an item."""
        self._db.execute("INSERT OR IGNORE INTO letters VALUES (?, ?, ?)", (item_id, code, detail))

    def unanswered(self, committed: Mapping[int, int], most: int) -> list[tuple[str, Outcome]]:
        """Return items below what is committed of their partitions, and what it means that no reply came."""
        found: list[tuple[str, Outcome]] = []
        for partition, offset in committed.items():
            rows = self._db.execute(
                "SELECT items.id, letters.code, letters.detail FROM items"
                " LEFT JOIN letters ON letters.id = items.id WHERE items.end IS NULL"
                " AND items.offset IS NOT NULL AND items.partition = ? AND items.offset < ? LIMIT ?",
                (partition, offset, most),
            )
            found += [
                (item_id, MISSING if code is None else Outcome(End.DEAD, code, detail))
                for item_id, code, detail in rows
            ]
        return found

    def move(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Note how far what comes back is read."""
        self._db.executemany(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
            [(topic, number, offset) for (topic, number), offset in positions.items()],
        )

    def positions(self) -> dict[tuple[str, int], int]:
        """Return how far what comes back is read, by topic and partition."""
        rows = self._db.execute("SELECT topic, partition, offset FROM positions")
        return {(topic, number): offset for topic, number, offset in rows}

    def note_sizes(self, sizes: Mapping[str, int]) -> None:
        """Note how much of each file of results is valid."""
        self._note(_SIZES, msgspec.json.encode(sizes).decode())

    def sizes(self) -> dict[str, int]:
        """Return how much of each file of results is valid."""
        return msgspec.json.decode(self._noted(_SIZES) or "{}", type=dict[str, int])

    # What is told

    def said(self) -> dict[End, dict[str, int]]:
        """Return how many results whose were, and which codes failures had."""
        told: dict[End, dict[str, int]] = {}
        rows = self._db.execute(
            "SELECT end, said, count(*) FROM items WHERE end IS NOT NULL"
            " GROUP BY end, said ORDER BY end, count(*) DESC, said"
        )
        for end, said, count in rows:
            told.setdefault(End(end), {})[said] = count
        return told

    def over_ms(self, now_ms: float) -> int:
        """Return since when it is known that the job is over: since now, if nobody asked before."""
        self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (_OVER, f"{now_ms:.0f}"))
        return int(self._noted(_OVER) or 0)

    @property
    def left(self) -> int:
        """How many items have no end yet."""
        return self.total - self.ends.total()

    def _count(self) -> None:
        rows = self._db.execute("SELECT end, handed, count(*) FROM items GROUP BY end, handed")
        self.ends.clear()
        self.total = self.handed = self.waiting = 0
        for end, handed, count in rows:
            self.total += count
            self.handed += count * handed
            if end is None:
                self.waiting += count * handed
            else:
                self.ends[End(end)] += count

    def _note(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _noted(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])
