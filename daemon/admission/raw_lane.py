"""The plain records of a lane, admitted in one tight loop.

Requests of one source ask for the same again and again: what their headers say, but for correlation
ids, traces and headers of others, is found out by the examiner once and kept. Nothing here decides
anything of its own: what is not plain goes to the examiner, which would treat a plain record the same
(a test compares the two).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from config.settings import Limits
from daemon.admission.deadlines import NEVER_S, Expiries
from daemon.admission.examination import Moment, Terms
from daemon.admission.header_columns import FindTerms, HeaderColumns, KnownTerms
from daemon.admission.model_rules import ModelRules
from daemon.admission.raw_columns import RawColumns
from daemon.values.ledger import Ledger
from daemon.values.messages import (
    Bucket,
    Form,
    Header,
    Record,
    ReplyAddress,
    Request,
    SentHeader,
)
from daemon.values.object_sizes import headers_bytes
from daemon.values.outgoing import HeaderColumn
from daemon.values.record_columns import RecordColumns, in_steps
from daemon.values.request_run import LEAST_ALIKE, RequestColumns, RequestRun, Waiting
from daemon.wire.headers import (
    CORRELATION,
    LONGEST_CORRELATION,
    OF_ONE,
    REQUEST_HEADERS,
    TRACEPARENT,
)
from daemon.wire.trace import is_trace

_ECHOED = frozenset(CORRELATION)

_Told: TypeAlias = tuple[Record, Terms | None, Header | None, bytes | None, int]
"""A record, what its headers ask for, the correlation and the trace among them, and their bytes.

Without terms the others mean nothing."""
_Plain: TypeAlias = tuple[Record, int, float, Header | None, bytes | None]
"""A record, what it holds in bytes, when it expires, the correlation and the trace of its headers."""


class _Layout(NamedTuple):
    """What neighbours have in common that are a run."""

    terms: Terms
    rows: int
    correlation: str | None
    has_trace: bool


class RawLane:
    """A lane whose requests are raw rows for its first model, unless they differ."""

    def __init__(self, lane: str, model: ModelRules, limits: Limits, find_terms: FindTerms) -> None:
        self.model = model
        self._bucket = Bucket(lane, model.name)
        self._row_bytes = model.raw_row_bytes or 1
        self._most_bytes = min(limits.request_bytes, model.most_rows * self._row_bytes)
        self._held_bytes = [headers_bytes(count, of=1) for count in range(limits.headers + 1)]
        self._most_header_bytes = limits.header_bytes
        self._terms = KnownTerms(find_terms)
        headers = HeaderColumns(limits, self._terms)
        self._columns = RawColumns(self._bucket, self._row_bytes, limits.request_bytes, headers)

    def take(
        self, records: Sequence[Record], ledger: Ledger, moment: Moment
    ) -> tuple[list[Waiting], list[Record]]:
        """Return requests of plain records, their values not yet looked at, and the other records.

        A plain record is whole rows, has time left, and headers of which the examiner has nothing more
        to say. Neighbours that are laid out alike are a run.
        """
        if isinstance(records, RecordColumns) and len(records) >= LEAST_ALIKE:
            run = self._columns.run(records, ledger, moment)
            if run is not None:
                return [run], []
        taken: list[Waiting] = []
        others: list[Record] = []
        for layout, alike in self._alike(records, moment, others):
            if len(alike) < LEAST_ALIKE or layout.rows > 1:
                taken += self._requests(layout, alike, ledger, moment)
            else:
                taken.append(self._run(layout, alike, ledger, moment))
        return taken, others

    def _alike(
        self, records: Sequence[Record], moment: Moment, others: list[Record]
    ) -> Iterable[tuple["_Layout", list["_Plain"]]]:
        """Return plain records by layout, neighbour by neighbour; add to `others` those that are not.

        0.3 us a record with one header, 0.6 with three: names are local for that.
        """
        row_bytes, most_bytes = self._row_bytes, self._most_bytes
        expires = Expiries(*moment).of
        layout: tuple[Terms, int, str | None, bool] | None = None
        alike: list[_Plain] = []
        found: list[tuple[_Layout, list[_Plain]]] = []
        for record, terms, correlation, trace, header_bytes in self._read(records):
            body = record.value
            if terms is None or body is None:
                others.append(record)
                continue
            size_bytes = len(body)
            rows = size_bytes // row_bytes
            expires_s: float | None = NEVER_S
            if terms.timeout_s is not None:
                expires_s = expires(record.timestamp, terms.timeout_s)
            if (
                rows * row_bytes != size_bytes
                or not 0 < size_bytes <= most_bytes
                or expires_s is None
            ):
                others.append(record)
                continue
            key = record.key
            cost_bytes = size_bytes + header_bytes + (0 if key is None else len(key))
            name = None if correlation is None else correlation[0]
            its_layout = terms, rows, name, trace is not None
            if its_layout != layout:
                layout, alike = its_layout, []
                found.append((_Layout(*its_layout), alike))
            alike.append((record, cost_bytes, expires_s, correlation, trace))
        return found

    def _requests(
        self, layout: "_Layout", alike: Iterable["_Plain"], ledger: Ledger, moment: Moment
    ) -> Iterator[Request]:
        bucket, raw, arrived_s = self._bucket, Form.RAW, moment.now_s
        topic, partition, _ = layout.terms
        for record, cost_bytes, expires_s, correlation, trace in alike:
            yield Request(
                record,
                ledger,
                bucket,
                raw,
                record.value or b"",
                layout.rows,
                cost_bytes,
                arrived_s,
                expires_s,
                topic,
                partition,
                correlation,
                trace,
            )

    def _run(
        self, layout: "_Layout", alike: Iterable["_Plain"], ledger: Ledger, moment: Moment
    ) -> RequestRun:
        records, costs_bytes, expires_s, correlations, traces = zip(*alike, strict=True)
        terms, name = layout.terms, layout.correlation
        bodies = b"".join([record.value for record in records])
        columns = RequestColumns(
            records,
            range(len(records)),
            in_steps([record.offset for record in records]),
            np.array([record.timestamp for record in records]),
            [record.key for record in records],
            np.frombuffer(bodies, np.uint8).reshape(len(records), -1),
            np.array(costs_bytes),
            None if terms.timeout_s is None else np.array(expires_s),
            None if name is None else HeaderColumn(name, [text for _, text in correlations]),
            traces if layout.has_trace else None,
        )
        return RequestRun(
            ledger,
            self._bucket,
            moment.now_s,
            [ReplyAddress(terms.reply_topic, terms.reply_partition)],
            columns,
        )

    def _read(self, records: Iterable[Record]) -> Iterator[_Told]:
        """Read the headers of each of `records`."""
        echoed, of_one, weighed = _ECHOED, OF_ONE, REQUEST_HEADERS
        terms_of, bare_terms = self._terms.of, self._terms.of(())
        held_bytes, most_bytes = self._held_bytes, self._most_header_bytes
        for record in records:
            headers = record.headers
            correlation: Header | None = None
            trace: bytes | None = None
            telling: tuple[SentHeader, ...] = ()
            size_bytes = 0
            for header in headers:
                name, value = header
                if value is None or name in of_one:
                    break
                size_bytes += len(name) + len(value)
                if name not in weighed:
                    continue
                if name in echoed:
                    if correlation is not None or len(value) > LONGEST_CORRELATION:
                        break
                    correlation = name, value
                elif name == TRACEPARENT:
                    if trace is not None or not is_trace(value):
                        break
                    trace = value
                else:
                    telling = (*telling, header)
            else:
                if size_bytes <= most_bytes and len(headers) < len(held_bytes):
                    terms = terms_of(telling) if telling else bare_terms
                    size_bytes += held_bytes[len(headers)]
                    yield record, terms, correlation, trace, size_bytes
                    continue
            yield record, None, None, None, 0
