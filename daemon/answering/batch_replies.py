"""The replies of requests that ran together: those that are alike leave as one value."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from daemon.values.messages import Header, ReplyAddress, Request
from daemon.values.outgoing import HeaderColumn, RecordRun
from daemon.values.record_columns import in_steps
from daemon.values.reply_run import Leaving, ReplyRun
from daemon.values.request_run import LEAST_ALIKE, Gathered, RequestRun, in_runs
from daemon.values.texts import Places, Rows
from daemon.wire.reply_headers import Echoed, Run, reply_headers, result_headers

_MOST_RUN_BYTES = 256 * 2**10
"""Bodies of a run, which are encoded all at once; of larger replies there are few a second."""

Bodies: TypeAlias = Sequence[bytes] | Rows
"""Those of replies: one by one, or all of one length in one array."""


class BatchReplies:
    """Makes the replies to one run's results; `run` is None for what needed no model."""

    def __init__(
        self,
        served_by: bytes,
        run: Run | None,
        *,
        diagnostics: bool,
        span_ids: Callable[[], int],
        event: Sequence[Header] = (),
    ) -> None:
        """`event`: see daemon.wire.reply_headers.reply_headers."""
        self._run = run if diagnostics else None
        self._shared = result_headers(served_by, self._run)
        self._span_ids = span_ids
        self._event = event

    def results(
        self, requests: Sequence[Request], bodies: Bodies, form: Sequence[Header]
    ) -> list[Leaving]:
        """Return the replies to `requests`, each with the body at its place in `bodies`.

        The headers `form` say what bodies are. Replies come in no certain order.
        """
        leaving: list[Leaving] = []
        single: list[Request] = []
        places: list[int] = []
        first = 0
        for waiting in in_runs(requests):
            if isinstance(waiting, Request):
                single.append(waiting)
                places.append(first)
            else:
                its_bodies = bodies[first : first + waiting.count]
                for address, run, at in waiting.by_address():
                    replies = self._to_run(address, run, _chosen(its_bodies, at), form)
                    leaving += self._as_fits(replies)
            first += waiting.count
        if single:
            its_bodies = bodies if len(single) == first else _chosen(bodies, np.array(places))
            for alike, their_bodies in _alike(single, its_bodies):
                leaving += self._as_fits(self._to_requests(alike, their_bodies, form))
        return leaving

    def _as_fits(self, replies: ReplyRun) -> Sequence[Leaving]:
        """Return `replies` as one value where that is worth it."""
        if replies.count < LEAST_ALIKE or replies.reply_bytes > _MOST_RUN_BYTES:
            return replies.apart()
        return [replies]

    def _to_requests(
        self, requests: Sequence[Request], bodies: Bodies, form: Sequence[Header]
    ) -> ReplyRun:
        """Return the replies to `requests`, which are alike."""
        first = requests[0]
        records = [request.record for request in requests]
        echoed = _echoed(requests)
        prepared_bytes = sum([request.prepared_bytes for request in requests])
        return ReplyRun(
            requests,
            first.ledger,
            first.bucket.lane,
            first.reply_topic,
            first.reply_partition,
            RecordRun([record.key for record in records], bodies, self._headers(echoed, form)),
            echoed.offsets,
            [record.timestamp for record in records],
            sum([request.cost_bytes for request in requests]) - prepared_bytes,
            _size_bytes(bodies),
            prepared_bytes,
        )

    def _to_run(
        self, address: ReplyAddress, run: RequestRun, bodies: Bodies, form: Sequence[Header]
    ) -> ReplyRun:
        """Return the replies to `run`, all of which go to `address`."""
        columns, ledger = run.columns, run.ledger
        echoed = Echoed(
            ledger.topic,
            ledger.number,
            columns.offsets,
            columns.timestamps_ms,
            run.arrived_s,
            columns.correlations,
            columns.traceparents,
            None,
        )
        return ReplyRun(
            Gathered([run]),
            ledger,
            run.bucket.lane,
            address.topic,
            address.partition,
            RecordRun(columns.keys, bodies, self._headers(echoed, form)),
            columns.offsets,
            columns.timestamps_ms,
            run.cost_bytes,
            _size_bytes(bodies),
            0,
        )

    def _headers(self, echoed: Echoed, form: Sequence[Header]) -> list[Header | HeaderColumn]:
        shared = [*form, *self._shared]
        return reply_headers(echoed, shared, self._run, self._span_ids, self._event)


def _echoed(requests: Sequence[Request]) -> Echoed:
    """Return what the replies to `requests`, which are alike, repeat of them."""
    first = requests[0]
    records = [request.record for request in requests]
    correlations = traceparents = tracestates = None
    if first.correlation is not None:
        echoes = [request.correlation or first.correlation for request in requests]
        correlations = HeaderColumn(first.correlation[0], [value for _, value in echoes])
    if first.traceparent is not None:
        traceparents = [request.traceparent or b"" for request in requests]
    if first.tracestate is not None:
        tracestates = [request.tracestate or b"" for request in requests]
    return Echoed(
        first.record.topic,
        first.record.partition,
        in_steps([record.offset for record in records]),
        [record.timestamp for record in records],
        [request.arrived_s for request in requests],
        correlations,
        traceparents,
        tracestates,
        [
            HeaderColumn(name, [request.passed[place][1] for request in requests])
            for place, (name, _) in enumerate(first.passed)
        ],
    )


def _size_bytes(bodies: Bodies) -> int:
    return bodies.nbytes if isinstance(bodies, np.ndarray) else sum(map(len, bodies))


def _alike(
    requests: Sequence[Request], bodies: Bodies
) -> Iterator[tuple[Sequence[Request], Bodies]]:
    """Yield those of one partition whose replies go to one place with the same headers."""
    ledgers = [request.ledger for request in requests]
    topics = [request.reply_topic for request in requests]
    partitions = [request.reply_partition for request in requests]
    kinds = [*zip(ledgers, topics, partitions, map(_echoes, requests), strict=True)]
    if kinds.count(kinds[0]) == len(kinds):  # nearly always
        yield requests, bodies
        return
    places: dict[Hashable, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    for its in places.values():
        yield [requests[place] for place in its], _chosen(bodies, np.array(its))


def _chosen(bodies: Bodies, places: slice | Places) -> Bodies:
    if isinstance(bodies, np.ndarray):
        return bodies[places]
    if isinstance(places, slice):
        return bodies[places]
    return [bodies[place] for place in places.tolist()]


def _echoes(request: Request) -> tuple[object, ...]:
    """Return which headers its reply has because it has them."""
    return (
        None if request.correlation is None else request.correlation[0],
        request.traceparent is not None,
        request.tracestate is not None,
        tuple([name for name, _ in request.passed]) if request.passed else (),
    )
