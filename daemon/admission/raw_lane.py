"""The plainest records of a lane, admitted in one tight loop.

Nothing here decides anything of its own: what is not plain goes to the examiner, which would treat
a plain record the same (a test compares the two).
"""

from collections.abc import Sequence

from config.settings import Limits
from daemon.admission.deadlines import NEVER_S
from daemon.admission.model_rules import ModelRules
from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket, Form, Header, Record, Request
from daemon.wire.headers import CORRELATION, LONGEST_CORRELATION


class RawLane:
    """A lane whose requests are raw rows for its first model, without a deadline, unless they differ."""

    def __init__(self, lane: str, model: ModelRules, limits: Limits, topic: str) -> None:
        self.model = model
        self._bucket = Bucket(lane, model.name)
        self._row_bytes = model.raw_row_bytes or 1
        self._most_bytes = min(limits.request_bytes, limits.request_rows * self._row_bytes)
        longest_name = max(len(name) for name in CORRELATION)
        self._longest = min(LONGEST_CORRELATION, limits.header_bytes - longest_name)
        self._topic = topic

    def take(
        self, records: Sequence[Record], ledger: Ledger, now_s: float
    ) -> tuple[list[Request], list[Record]]:
        """Return requests of plain records, their values not yet looked at, and the other records.

        A plain record is whole rows, with a correlation header or none. 0.2 us a record, most of it
        the Request: names are local and the Request is made by position for that.
        """
        bucket, topic, longest = self._bucket, self._topic, self._longest
        row_bytes, most_bytes = self._row_bytes, self._most_bytes
        names, raw, never_s = frozenset(CORRELATION), Form.RAW, NEVER_S
        taken: list[Request] = []
        others: list[Record] = []
        for record in records:
            headers = record.headers
            body = record.value
            correlation: Header | None = None
            cost_bytes = 0
            if body is None or len(headers) > 1:
                others.append(record)
                continue
            if headers:
                name, value = headers[0]
                if name not in names or value is None or len(value) > longest:
                    others.append(record)
                    continue
                correlation = name, value
                cost_bytes = len(name) + len(value)
            size_bytes = len(body)
            rows = size_bytes // row_bytes
            if rows * row_bytes != size_bytes or not 0 < size_bytes <= most_bytes:
                others.append(record)
                continue
            key = record.key
            if key is not None:
                cost_bytes += len(key)
            taken.append(
                Request(
                    record,
                    ledger,
                    bucket,
                    raw,
                    body,
                    rows,
                    size_bytes + cost_bytes,
                    now_s,
                    never_s,
                    topic,
                    None,
                    correlation,
                )
            )
        return taken, others
