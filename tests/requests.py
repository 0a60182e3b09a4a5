"""Requests as admission would make them, with everything a test does not care about filled in."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket, Envelope, Form, ReplyAddress, Request
from daemon.values.outgoing import HeaderColumn
from daemon.values.request_run import (
    RequestColumns,
    RequestRun,
    Waiting,
    gathered,
)
from tests.fakes import FakeRecord
from tests.ledgers import make_ledger

BUCKET = Bucket("standard", "filetype")


def make_request(
    *,
    bucket: Bucket = BUCKET,
    ledger: Ledger | None = None,
    offset: int = 0,
    rows: int = 1,
    cost_bytes: int = 64,
    arrived_s: float = 0.0,
    expires_s: float = math.inf,
    inputs: object = b"",
    form: Form = Form.RAW,
    envelope: Envelope | None = None,
) -> Request:
    """One request; its record lies in `ledger`'s partition, by default one of its own."""
    ledger = ledger or make_ledger(bucket.lane, 0, 0)
    return Request(
        record=FakeRecord(ledger.topic, ledger.number, offset),
        ledger=ledger,
        bucket=bucket,
        form=form,
        inputs=inputs,
        rows=rows,
        cost_bytes=cost_bytes,
        arrived_s=arrived_s,
        expires_s=expires_s,
        reply_topic="replies",
        reply_partition=None,
        correlation=None,
        envelope=envelope,
    )


def make_requests(count: int, *, first_offset: int = 0, **fields: object) -> Sequence[Request]:
    """Return `count` requests at consecutive offsets, otherwise alike."""
    fields.setdefault("ledger", make_ledger(fields.get("bucket", BUCKET).lane, 0, 0))
    return [make_request(offset=first_offset + index, **fields) for index in range(count)]


def in_runs(requests: Iterable[Request]) -> Sequence[Request]:
    """The same requests, those that are neighbours and alike as one value."""
    return gathered([*_runs(requests)])


def _runs(requests: Iterable[Request]) -> Iterator[Waiting]:
    for (rows, *_), group in groupby(requests, _layout):
        alike = [*group]
        if rows == 1:
            yield _run(alike)
        else:
            yield from alike


def _layout(request: Request) -> tuple[object, ...]:
    correlation = request.correlation and request.correlation[0]
    shared = request.bucket, request.arrived_s
    return request.rows, id(request.ledger), correlation, request.traceparent is None, *shared


def _run(alike: Sequence[Request]) -> RequestRun:
    first = alike[0]
    asked = [ReplyAddress(each.reply_topic, each.reply_partition) for each in alike]
    addresses = [*dict.fromkeys(asked)]
    columns = RequestColumns(
        [each.record for each in alike],
        range(len(alike)),
        [each.record.offset for each in alike],
        np.array([each.record.timestamp for each in alike]),
        [each.record.key for each in alike],
        np.array([[*each.inputs] for each in alike], np.uint8),
        np.array([each.cost_bytes for each in alike]),
        np.array([each.expires_s for each in alike]),
        first.correlation
        and HeaderColumn(first.correlation[0], [each.correlation[1] for each in alike]),
        first.traceparent and [each.traceparent for each in alike],
        np.array([addresses.index(each) for each in asked]),
    )
    return RequestRun(
        first.ledger,
        first.bucket,
        first.arrived_s,
        addresses,
        columns,
    )
