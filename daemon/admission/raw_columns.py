"""Plain records of a lane by columns, admitted as one run. Pure.

What makes a record plain is said in raw_lane.py, and is looked at here for all of them at once. Where one
record is not plain, or of another layout, all are left to the loop there.
"""

from daemon.admission.examination import Moment
from daemon.admission.header_columns import HeaderColumns
from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket
from daemon.values.record_columns import RecordColumns
from daemon.values.request_run import RequestRun


class RawColumns:
    """Admits records whose bodies are one raw row of `row_bytes` each, for `bucket`."""

    def __init__(
        self, bucket: Bucket, row_bytes: int, most_bytes: int, headers: HeaderColumns
    ) -> None:
        """`most_bytes`: those of the largest body."""
        self._bucket = bucket
        self._row_bytes = row_bytes
        self._most_bytes = most_bytes
        self._headers = headers

    def run(self, records: RecordColumns, ledger: Ledger, moment: Moment) -> RequestRun | None:
        """Return what `records` ask for, their values not yet looked at; None: not all are plain."""
        if records.values.width != self._row_bytes or self._row_bytes > self._most_bytes:
            return None
        asked = self._headers.asked(records, moment)
        if asked is None:
            return None
        columns = asked.columns(records, records.values.rows(self._row_bytes))
        return RequestRun(ledger, self._bucket, moment.now_s, asked.addresses, columns)
