"""Plain records of a lane by columns, admitted as one run. Pure.

What makes a record plain is said in raw_lane.py, and is looked at here for all of them at once. Headers that
say what is asked for have few values each; what they come to is found out once for each combination. Where
one record is not plain, or of another layout, all are left to the loop there.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from config.settings import Limits
from daemon.admission.deadlines import NEVER_S, Expiries
from daemon.admission.examination import Moment, Terms
from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket, SentHeader
from daemon.values.outgoing import HeaderColumn
from daemon.values.record_columns import RecordColumns, SentColumn
from daemon.values.request_run import ReplyAddress, RequestColumns, RequestRun
from daemon.values.texts import Places, Texts
from daemon.wire.headers import (
    CORRELATION,
    LONGEST_CORRELATION,
    OF_ONE,
    REQUEST_HEADERS,
    TRACEPARENT,
)
from daemon.wire.trace import are_traces

_MOST_WAYS = 64
"""Combinations of headers in one chunk: each takes 20 us, and replies leave in as many runs."""


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
        """Return what `records` ask for, their values not yet looked at; None: not all are plain.

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
        expires_s = _expire(records.timestamps_ms, told, moment)
        if expires_s is not None and np.isnan(expires_s).any():
            return None
        columns = RequestColumns(
            records,
            range(len(records)),
            records.offsets,
            records.timestamps_ms,
            [None] * len(records) if records.keys is None else records.keys,
            records.values.rows(self._row_bytes),
            header_bytes + records.sizes_bytes,
            expires_s,
            told.correlations,
            told.traceparents,
            told.ways,
        )
        addresses = [ReplyAddress(each.reply_topic, each.reply_partition) for each in told.terms]
        return RequestRun(ledger, self._bucket, moment.now_s, addresses, columns)

    def _told(self, headers: Sequence[SentColumn]) -> "_Told | None":
        """Return what `headers` say, None where that is not plain of one record."""
        correlations: HeaderColumn | None = None
        traceparents: Texts | None = None
        telling: list[SentColumn] = []
        for header in headers:
            name, values = header
            if name in OF_ONE:
                return None
            if name not in REQUEST_HEADERS:
                continue
            if name in CORRELATION:
                if correlations is not None or values.lengths.max() > LONGEST_CORRELATION:
                    return None
                correlations = HeaderColumn(name, values)
            elif name == TRACEPARENT:
                if traceparents is not None or not are_traces(values):
                    return None
                traceparents = values
            else:
                telling.append(header)
        combinations, ways = _combinations(telling)
        if len(combinations) > _MOST_WAYS:
            return None
        found = [self._terms_of(each) for each in combinations]
        terms = [each for each in found if each is not None]
        if len(terms) < len(found):
            return None
        return _Told(terms, ways, correlations, traceparents)


class _Told(NamedTuple):
    """What the headers of records say: terms, and which of them each has; None: the first."""

    terms: Sequence[Terms]
    ways: Places | None
    correlations: HeaderColumn | None
    traceparents: Texts | None


def _combinations(
    telling: Sequence[SentColumn],
) -> tuple[Sequence[tuple[SentHeader, ...]], Places | None]:
    """Return the different headers that records have, and at which place there are those of each."""
    shared = [each.values.shared for each in telling]
    if None not in shared:
        return [tuple(zip([each.name for each in telling], shared, strict=True))], None
    found: dict[tuple[SentHeader, ...], int] = {}
    each_one = zip(*[each.apart() for each in telling], strict=True)
    ways = np.array([found.setdefault(each, len(found)) for each in each_one])
    return [*found], ways


def _header_bytes(headers: Sequence[SentColumn], count: int) -> npt.NDArray[np.int64]:
    """Return what the headers of each record take, names and values."""
    names = np.full(count, sum([len(each.name) for each in headers]))
    return sum([each.values.lengths for each in headers], start=names)


def _expire(timestamps_ms: Places, told: _Told, moment: Moment) -> npt.NDArray[np.float64] | None:
    """Return when each request expires, None where none does; nan: it is late, or of a skewed clock."""
    if all(each.timeout_s is None for each in told.terms):
        return None
    expires_s = np.full(len(timestamps_ms), NEVER_S)
    for way, terms in enumerate(told.terms):
        if terms.timeout_s is not None:
            its = slice(None) if told.ways is None else told.ways == way
            expires_s[its] = _expire_after(timestamps_ms[its], terms.timeout_s, moment)
    return expires_s


def _expire_after(
    timestamps_ms: Places, timeout_s: float, moment: Moment
) -> npt.NDArray[np.float64]:
    expiries = Expiries(*moment)
    stamps_ms, places = np.unique(timestamps_ms, return_inverse=True)
    expire_s = [expiries.of(stamp_ms, timeout_s) for stamp_ms in stamps_ms.tolist()]
    return np.array(expire_s, np.float64)[places]  # None becomes nan
