"""Sending the items of a job: a chunk at a time, no further ahead than it may be."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence

from daemon.jobs.ends import UNSENT, End, Outcome
from daemon.jobs.inputs import Body, Input
from daemon.jobs.journal import Unsent
from daemon.jobs.order import Addressing
from daemon.jobs.settling import Settling
from daemon.kafka.writing.publisher import Letter, Publisher, until_taken

_MOST_ITEMS = 1_000
"""30 ms of work for small files: what comes back is read meanwhile."""
_MOST_BYTES = 16 * 2**20
"""Held at a time where items are large: sixteen of the largest that a broker takes by default (1 MiB)."""
_WAIT_S = 0.2
"""Between two looks whether there is room; a guess: five a second cost nothing, and people see no pause."""


class Publishing:
    """Sends what is not certainly in Kafka; what may be there already too, since repeats do no harm."""

    def __init__(
        self,
        settling: Settling,
        source: Input,
        publisher: Publisher,
        *,
        most_ahead: int,
        is_past_deadline: Callable[[], bool],
        told: Callable[[str], None],
    ) -> None:
        """`most_ahead`: how many items may wait in Kafka; `told` hears of trouble."""
        self._settling = settling
        self._journal = settling.journal
        self._source = source
        self._publisher = publisher
        self._order = self._journal.order()
        self._addressing = Addressing(self._order)
        self._most_ahead = most_ahead
        self._is_past_deadline = is_past_deadline
        self._told = told

    async def run(self) -> None:
        """Send all; return when nothing is left to be sent. Raises Fatal, OSError, sqlite3.Error."""
        behind = 0
        while True:
            if self._is_past_deadline():
                self._expire()
            room = self._most_ahead - self._journal.waiting
            if room <= 0:
                await asyncio.sleep(_WAIT_S)
                continue
            items = self._journal.unsent(behind, min(room, _MOST_ITEMS))
            if not items:
                return
            behind = await self._send(items)

    def _expire(self) -> None:
        """End what was never sent: it would be answered as expired."""
        while never_sent := self._journal.never_sent(_MOST_ITEMS):
            self._settling.fail([(item_id, UNSENT) for item_id in never_sent])

    async def _send(self, items: Sequence[Unsent]) -> int:
        """Send `items`, as far as a chunk goes; return the number of the last one."""
        letters: defaultdict[int, list[Letter]] = defaultdict(list)
        failed: list[tuple[str, Outcome]] = []
        last = size_bytes = 0
        for item in items:
            last = item.number
            try:
                body = self._body(item)
            except (OSError, ValueError) as error:
                failed.append((item.id, Outcome(End.ERROR, "input_changed", str(error))))
                continue
            form = self._order.content_type or body.form
            partition, headers = self._addressing.of(item.id, form)
            letters[partition].append(Letter(item.number, body.content, headers))
            size_bytes += len(body.content)
            if size_bytes >= _MOST_BYTES:
                break
        self._settling.fail(failed)
        self._journal.hand([each.number for its in letters.values() for each in its])
        places = await until_taken(
            lambda: self._publisher.publish(letters), "the broker", self._told
        )
        self._journal.acknowledge(places)
        return last

    def _body(self, item: Unsent) -> Body:
        body = self._source.body(item.id, item.start)
        if digest_of(body.content) != item.digest:
            raise ValueError("it is not what it was when the job began")
        return body


def digest_of(body: bytes) -> bytes:
    """Return the SHA-256 of a body."""
    return hashlib.sha256(body).digest()
