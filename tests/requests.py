"""Requests as admission would make them, with everything a test does not care about filled in."""

import math
from collections.abc import Sequence

from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket, Envelope, Form, Request
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
