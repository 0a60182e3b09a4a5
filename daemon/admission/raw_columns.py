"""Plain records of a lane by columns, admitted as one run where all of them ask for the same. Pure.

What makes a record plain is said in raw_lane.py, and is looked at here for all of them at once; of a header
that says what is asked for, all have to say the same. Where that does not hold for one, all are left to the
loop there.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from config.settings import Limits
from daemon.admission.deadlines import Expiries
from daemon.admission.examination import Moment, Terms
from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket, SentHeader
from daemon.values.outgoing import HeaderColumn
from daemon.values.record_columns import RecordColumns, SentColumn
from daemon.values.request_run import RequestColumns, RequestRun
from daemon.wire.headers import (
    CORRELATION,
    LONGEST_CORRELATION,
    OF_ONE,
    REQUEST_HEADERS,
    TRACEPARENT,
    is_trace,
)


class RawColumns:
    """Admits records whose bodies are one raw row of `row_bytes` each, for `bucket`."""

    def __init__(
        self,
        bucket: Bucket,
        row_bytes: int,
        limits: Limits,
        terms_of: Callable[[tuple[SentHeader, ...]], Terms | None],
    ) -> None:
        self._bucket = bucket
        self._row_bytes = row_bytes
        self._limits = limits
        self._terms_of = terms_of

    def run(self, records: RecordColumns, ledger: Ledger, moment: Moment) -> RequestRun | None:
        """Return what `records` ask for, their values not yet looked at; None: not all are plain, or alike.

        0.05 us a record of 4,096, and 50 us for each call.
        """
        if records.values.width != self._row_bytes or self._row_bytes > self._limits.request_bytes:
            return None
        header_bytes = _header_bytes(records.headers, len(records))
        told = self._told(records.headers)
        if (
            told is None
            or len(records.headers) > self._limits.headers
            or header_bytes.max() > self._limits.header_bytes
        ):
            return None
        expires_s = None
        if told.terms.timeout_s is not None:
            expires_s = _expire(records.timestamps_ms, told.terms.timeout_s, moment)
            if expires_s is None:
                return None
        columns = RequestColumns(
            records,
            records.offsets,
            records.timestamps_ms,
            [None] * len(records) if records.keys is None else records.keys,
            records.values.rows(self._row_bytes),
            header_bytes + records.sizes_bytes,
            expires_s,
            told.correlations,
            told.traceparents,
        )
        return RequestRun(
            ledger,
            self._bucket,
            moment.now_s,
            told.terms.reply_topic,
            told.terms.reply_partition,
            columns,
        )

    def _told(self, headers: Sequence[SentColumn]) -> "_Told | None":
        """Return what `headers` say, None where they do not say the same of all records."""
        correlations: HeaderColumn | None = None
        traceparents: Sequence[bytes] | None = None
        telling: tuple[SentHeader, ...] = ()
        for name, values in headers:
            if name in OF_ONE:
                return None
            if name not in REQUEST_HEADERS:
                continue
            if name in CORRELATION:
                if correlations is not None or values.lengths.max() > LONGEST_CORRELATION:
                    return None
                correlations = HeaderColumn(name, values)
            elif name == TRACEPARENT:
                if traceparents is not None or not all(map(is_trace, values)):
                    return None
                traceparents = values
            elif (shared := values.shared) is not None:
                telling = (*telling, (name, shared))
            else:
                return None
        terms = self._terms_of(telling)
        return None if terms is None else _Told(terms, correlations, traceparents)


class _Told(NamedTuple):
    """What the headers of records say."""

    terms: Terms
    correlations: HeaderColumn | None
    traceparents: Sequence[bytes] | None


def _header_bytes(headers: Sequence[SentColumn], count: int) -> npt.NDArray[np.int64]:
    """Return what the headers of each record take, names and values."""
    names = np.full(count, sum([len(each.name) for each in headers]))
    return sum([each.values.lengths for each in headers], start=names)


def _expire(
    timestamps_ms: npt.NDArray[np.int64], timeout_s: float, moment: Moment
) -> npt.NDArray[np.float64] | None:
    """Return when each request expires; None where one is late, or of a skewed clock."""
    expiries = Expiries(*moment)
    stamps_ms, places = np.unique(timestamps_ms, return_inverse=True)
    expire_s = [expiries.of(stamp_ms, timeout_s) for stamp_ms in stamps_ms.tolist()]
    return None if None in expire_s else np.array(expire_s, np.float64)[places]
