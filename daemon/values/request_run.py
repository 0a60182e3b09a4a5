"""Requests that are laid out alike, by columns: one value from admission to their replies. Pure.

A run waits, is cut where a batch ends, runs and is answered as so many requests would be. Where
something happens to some of it alone, it is taken apart, and that happens to requests.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias, TypeVar, cast, overload

import msgspec
import numpy as np
import numpy.typing as npt

from daemon.values.ledger import Ledger
from daemon.values.messages import (
    Arrays,
    Bucket,
    Envelope,
    Form,
    Header,
    Record,
    ReplyAddress,
    Request,
)
from daemon.values.outgoing import HeaderColumn
from daemon.values.record_columns import RecordColumns, in_order
from daemon.values.texts import Places, Rows, Texts

_Value = TypeVar("_Value")

Inputs: TypeAlias = Rows | Arrays
"""Raw rows, one for each request, or each input by name with as many rows."""

LEAST_ALIKE = 16
"""Requests that are worth a run: one takes some 60 us by itself, a request 4 from fetch to reply."""


class RequestColumns(NamedTuple):
    """What each request of a run has of its own, in the order of offsets.

    `places`: which of `records` they are; `offsets`, `timestamps_ms` (int64) and `keys` are those of
    these; `inputs` have one row each; `expires_s` (float64) None: none has a deadline;
    `traceparents` None: none has a trace; `addresses` are places in those of the run, None: all have
    the first; `envelopes` None: none has one.
    """

    records: Sequence[Record]
    places: Sequence[int]
    offsets: Sequence[int]
    timestamps_ms: npt.NDArray[np.int64]
    keys: Sequence[bytes | None]
    inputs: Inputs
    costs_bytes: npt.NDArray[np.int64]
    expires_s: npt.NDArray[np.float64] | None
    correlations: HeaderColumn | None
    traceparents: Sequence[bytes] | None
    addresses: Places | None = None
    envelopes: Sequence[Envelope | None] | None = None

    def at(self, places: slice | Places) -> "RequestColumns":
        """Return those at `places`."""
        correlations, expires_s, inputs = self.correlations, self.expires_s, self.inputs
        return RequestColumns(
            self.records,
            in_order(self.places, places),
            in_order(self.offsets, places),
            self.timestamps_ms[places],
            _at(self.keys, places),
            inputs[places] if isinstance(inputs, np.ndarray) else _rows_at(inputs, places),
            self.costs_bytes[places],
            None if expires_s is None else expires_s[places],
            None if correlations is None else correlations.at(places),
            None if self.traceparents is None else _at(self.traceparents, places),
            None if self.addresses is None else self.addresses[places],
            None if self.envelopes is None else _at(self.envelopes, places),
        )


def _rows_at(arrays: Arrays, places: slice | Places) -> Arrays:
    return {name: array[places] for name, array in arrays.items()}


def _at(column: Sequence[_Value], places: slice | Places) -> Sequence[_Value]:
    if isinstance(places, slice):
        return column[places]
    if isinstance(column, Texts | RecordColumns):
        return cast("Sequence[_Value]", column[places])
    return [column[place] for place in places.tolist()]


class RequestRun(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Requests of one chunk that have one row each, raw or JSON.

    Fields that are no column are those of each Request; `cost_bytes` is that of all.
    """

    ledger: Ledger
    bucket: Bucket
    arrived_s: float
    addresses: Sequence[ReplyAddress]
    columns: RequestColumns
    form: Form = Form.RAW

    @property
    def count(self) -> int:
        """How many requests it is."""
        return len(self.columns.costs_bytes)

    @property
    def rows(self) -> int:
        """As many: one each."""
        return self.count

    @property
    def inputs(self) -> Inputs:
        """Their bodies end to end, or their arrays."""
        return self.columns.inputs

    @property
    def cost_bytes(self) -> int:
        """What they hold in all."""
        return int(self.columns.costs_bytes.sum())

    @property
    def expires_s(self) -> float:
        """When the first of them expires; inf: none does."""
        expires_s = self.columns.expires_s
        return math.inf if expires_s is None else float(expires_s.min())

    def part(self, first: int, end: int) -> "RequestRun":
        """Return those from the one at `first` to before `end`, as a run."""
        return self._at(slice(first, end))

    def by_address(self) -> "Iterator[tuple[ReplyAddress, RequestRun, slice | Places]]":
        """Yield those that are answered in one place, and their places among all of these."""
        found = self.columns.addresses
        if found is None or (found == found[0]).all():
            yield self.addresses[0 if found is None else found[0]], self, slice(None)
            return
        for address in np.unique(found).tolist():
            places = np.flatnonzero(found == address)
            yield self.addresses[address], self._at(places), places

    def _at(self, places: slice | Places) -> "RequestRun":
        columns = self.columns.at(places)
        return RequestRun(
            self.ledger, self.bucket, self.arrived_s, self.addresses, columns, self.form
        )

    def apart(self) -> list[Request]:
        """Return the requests that it is, made anew."""
        columns, count = self.columns, self.count
        correlations: Sequence[Header | None] = [None] * count
        if columns.correlations is not None:
            correlations = columns.correlations.headers()
        traceparents: Sequence[bytes | None] = columns.traceparents or [None] * count
        expires_s = [math.inf] * count if columns.expires_s is None else columns.expires_s.tolist()
        addresses = [self.addresses[0]] * count
        if columns.addresses is not None:
            addresses = [self.addresses[each] for each in columns.addresses.tolist()]
        records = _at(columns.records, np.array(columns.places))
        return [
            Request(
                record,
                self.ledger,
                self.bucket,
                self.form,
                inputs,
                1,
                cost_bytes,
                self.arrived_s,
                its_expires_s,
                address.topic,
                address.partition,
                correlation,
                traceparent,
                None,
                envelope,
            )
            for (
                record,
                inputs,
                cost_bytes,
                its_expires_s,
                address,
                correlation,
                traceparent,
                envelope,
            ) in zip(
                records,
                self._inputs_of_each(records),
                columns.costs_bytes.tolist(),
                expires_s,
                addresses,
                correlations,
                traceparents,
                columns.envelopes or [None] * count,
                strict=True,
            )
        ]

    def _inputs_of_each(self, records: Sequence[Record]) -> Sequence[bytes | Arrays]:
        """Return what each request holds, in arrays of its own: a view would keep all the others alive."""
        inputs = self.inputs
        if isinstance(inputs, np.ndarray):
            return [record.value or b"" for record in records]
        return [
            {name: array[place : place + 1].copy() for name, array in inputs.items()}
            for place in range(self.count)
        ]


Waiting: TypeAlias = Request | RequestRun
"""One request, or several."""


class Gathered(Sequence[Request]):
    """Requests of which some are in runs; those are made when somebody looks at each alone."""

    __slots__ = ("_requests", "in_runs")

    def __init__(self, in_runs: Sequence[Waiting]) -> None:
        self.in_runs = in_runs
        self._requests: Sequence[Request] | None = None

    @property
    def requests(self) -> Sequence[Request]:
        """The requests one by one, the same each time."""
        if self._requests is None:
            self._requests = [
                request
                for each in self.in_runs
                for request in ([each] if isinstance(each, Request) else each.apart())
            ]
        return self._requests

    def __len__(self) -> int:
        return sum([each.count for each in self.in_runs])

    @overload
    def __getitem__(self, place: int) -> Request: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Request]: ...
    def __getitem__(self, place: int | slice) -> Request | Sequence[Request]:
        """Return one of the requests, or several."""
        return self.requests[place]

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)


def in_runs(requests: Sequence[Request]) -> Sequence[Waiting]:
    """Return `requests` as they were gathered: those of a run as one."""
    return requests.in_runs if isinstance(requests, Gathered) else requests


def gathered(waiting: Sequence[Waiting]) -> Sequence[Request]:
    """Return the requests that `waiting` is."""
    requests = [each for each in waiting if isinstance(each, Request)]
    return requests if len(requests) == len(waiting) else Gathered(waiting)
