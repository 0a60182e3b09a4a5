"""What the headers of records by columns ask for, found out for all of them at once. Pure.

What makes a record plain is said in raw_lane.py. Headers that say what is asked for have few values each;
what they come to is found out once for each combination.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from config.settings import Limits
from daemon.admission.deadlines import NEVER_S, Expiries
from daemon.admission.examination import Moment, Terms
from daemon.values.messages import Envelope, ReplyAddress, SentHeader
from daemon.values.outgoing import HeaderColumn
from daemon.values.record_columns import RecordColumns, SentColumn
from daemon.values.request_run import Inputs, RequestColumns
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
_MOST_KEPT = 1_024
"""Combinations of headers whose terms are kept; with one more all are found out anew."""
_LONGEST_KEPT = 512
"""Bytes of their values: a reply topic's name takes 249 at most, and nobody is to fill memory."""

FindTerms: TypeAlias = Callable[[Sequence[SentHeader]], Terms | None]
"""Returns what requests with these headers ask for; None: more than these terms can say."""


class KnownTerms:
    """What combinations of headers ask for, each found out once."""

    def __init__(self, find_terms: FindTerms) -> None:
        self._find_terms = find_terms
        self._kept: dict[tuple[SentHeader, ...], Terms | None] = {}

    def of(self, telling: tuple[SentHeader, ...]) -> Terms | None:
        """Return what a request with the headers `telling` asks for."""
        try:
            return self._kept[telling]
        except KeyError:
            terms = self._find_terms(telling)
            if sum([len(value or b"") for _, value in telling]) <= _LONGEST_KEPT:
                if len(self._kept) == _MOST_KEPT:
                    self._kept.clear()
                self._kept[telling] = terms
            return terms


class Asked(NamedTuple):
    """What records ask for by their headers; `ways`: at which of `addresses` each is, None: the first."""

    addresses: Sequence[ReplyAddress]
    ways: Places | None
    header_bytes: npt.NDArray[np.int64]
    expires_s: npt.NDArray[np.float64] | None
    correlations: HeaderColumn | None
    traceparents: Texts | None

    def columns(
        self,
        records: RecordColumns,
        inputs: Inputs,
        *,
        decoded_bytes: int = 0,
        envelopes: Sequence[Envelope | None] | None = None,
    ) -> RequestColumns:
        """Return the requests that `records` are; `inputs` take `decoded_bytes` besides each body."""
        return RequestColumns(
            records,
            range(len(records)),
            records.offsets,
            records.timestamps_ms,
            [None] * len(records) if records.keys is None else records.keys,
            inputs,
            self.header_bytes + records.sizes_bytes + decoded_bytes,
            self.expires_s,
            self.correlations,
            self.traceparents,
            self.ways,
            envelopes,
        )


class HeaderColumns:
    """Reads the headers of records of one lane, for requests of which `terms` tells."""

    def __init__(self, limits: Limits, terms: KnownTerms) -> None:
        self._limits = limits
        self._terms = terms

    def asked(self, records: RecordColumns, moment: Moment) -> Asked | None:
        """Return what `records` ask for; None: not all are plain.

        0.05 us a record of 4,096, and 50 us for each call.
        """
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
        addresses = [ReplyAddress(each.reply_topic, each.reply_partition) for each in told.terms]
        return Asked(
            addresses, told.ways, header_bytes, expires_s, told.correlations, told.traceparents
        )

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
        found = [self._terms.of(each) for each in combinations]
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
