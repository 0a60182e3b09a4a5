"""Giving items their ends: in the journal and in the files of results, together or not at all."""

from collections.abc import Mapping, Sequence

from daemon.answering.dead_letters import CODE, DETAIL
from daemon.jobs.ends import End, Outcome, outcome_of
from daemon.jobs.journal import Journal
from daemon.jobs.results import Results
from daemon.values.messages import Record
from daemon.wire.headers import ITEM_ID, JOB_ID


class Settling:
    """The one place where items end."""

    def __init__(self, journal: Journal, results: Results) -> None:
        self.journal = journal
        self._results = results
        self._order = journal.order()
        self._job_id = self._order.job_id.encode()

    def take(self, records: Sequence[Record], positions: Mapping[tuple[str, int], int]) -> None:
        """Settle what `records` say of this job's items; `positions`: what is to be read next."""
        with self.journal.transaction():
            for record in records:
                headers = dict(record.headers)
                item_id = headers.get(ITEM_ID)
                if headers.get(JOB_ID) == self._job_id and item_id is not None:
                    self._take(item_id.decode("utf-8", "replace"), record)
            self.journal.move(positions)
            self.journal.note_sizes(self._results.settle())

    def fail(self, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        """Settle items that ended without a reply."""
        if not outcomes:
            return
        with self.journal.transaction():
            for item_id, outcome in outcomes:
                if self.journal.end(item_id, outcome):
                    self._results.fail(item_id, outcome)
            self.journal.note_sizes(self._results.settle())

    def _take(self, item_id: str, record: Record) -> None:
        if record.topic == self._order.dead_letter_topic:
            said = {
                name: (value or b"").decode("utf-8", "replace") for name, value in record.headers
            }
            self.journal.keep_letter(item_id, said.get(CODE, ""), said.get(DETAIL, ""))
            return
        outcome = outcome_of(record.headers, record.value or b"")
        if not self.journal.end(item_id, outcome):
            return
        if outcome.end is End.OK:
            self._results.add(item_id, outcome, record)
        else:
            self._results.fail(item_id, outcome)
