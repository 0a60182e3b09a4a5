"""The replies of requests that ran together: those that are alike leave as one value."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from daemon.values.messages import Header, Request
from daemon.values.outgoing import RecordRun, Rows
from daemon.values.reply_run import Leaving, ReplyRun
from daemon.wire.reply_headers import Run, echoed, reply_headers, result_headers

_LEAST_ALIKE = 16
"""Replies that are worth a run, which takes 60 us by itself; an answer takes 4 from model to broker."""
_MOST_RUN_BYTES = 256 * 2**10
"""Bodies of a run, which are encoded all at once; of larger replies there are few a second."""

Bodies: TypeAlias = Sequence[bytes] | Rows
"""Those of replies: one by one, or all of one length in one array."""


class BatchReplies:
    """Makes the replies to one run's results; `run` is None for what needed no model."""

    def __init__(
        self, served_by: bytes, run: Run | None, *, diagnostics: bool, span_ids: Callable[[], int]
    ) -> None:
        self._run = run if diagnostics else None
        self._shared = result_headers(served_by, self._run)
        self._span_ids = span_ids

    def results(
        self, requests: Sequence[Request], bodies: Bodies, form: Sequence[Header]
    ) -> list[Leaving]:
        """Return the replies to `requests`, each with the body at its place in `bodies`.

        The headers `form` say what bodies are. Replies come in no certain order.
        """
        leaving: list[Leaving] = []
        for its_requests, its_bodies in _alike(requests, bodies):
            replies = self._reply_run(its_requests, its_bodies, form)
            if replies.count < _LEAST_ALIKE or replies.reply_bytes > _MOST_RUN_BYTES:
                leaving += replies.apart()
            else:
                leaving.append(replies)
        return leaving

    def _reply_run(
        self, requests: Sequence[Request], bodies: Bodies, form: Sequence[Header]
    ) -> ReplyRun:
        """Return the replies to `requests`, which are alike."""
        first = requests[0]
        records = [request.record for request in requests]
        offsets = _in_steps([record.offset for record in records])
        headers = reply_headers(
            requests, offsets, [*form, *self._shared], self._run, self._span_ids
        )
        prepared_bytes = sum([request.prepared_bytes for request in requests])
        return ReplyRun(
            requests,
            first.ledger,
            first.bucket.lane,
            first.reply_topic,
            first.reply_partition,
            RecordRun([record.key for record in records], bodies, headers),
            offsets,
            sum([request.cost_bytes for request in requests]) - prepared_bytes,
            bodies.nbytes if isinstance(bodies, np.ndarray) else sum(map(len, bodies)),
            prepared_bytes,
        )


def _alike(
    requests: Sequence[Request], bodies: Bodies
) -> Iterator[tuple[Sequence[Request], Bodies]]:
    """Yield those of one partition whose replies go to one place with the same headers."""
    ledgers = [request.ledger for request in requests]
    topics = [request.reply_topic for request in requests]
    partitions = [request.reply_partition for request in requests]
    kinds = [*zip(ledgers, topics, partitions, echoed(requests), strict=True)]
    if kinds.count(kinds[0]) == len(kinds):  # nearly always
        yield requests, bodies
        return
    places: dict[Hashable, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    for its in places.values():
        yield [requests[place] for place in its], _chosen(bodies, its)


def _chosen(bodies: Bodies, places: list[int]) -> Bodies:
    if isinstance(bodies, np.ndarray):
        return bodies[places]
    return [bodies[place] for place in places]


def _in_steps(offsets: list[int]) -> Sequence[int]:
    """Return `offsets` as a range where they are one: those of a batch mostly follow each other."""
    if len(offsets) > 1 and offsets[0] < offsets[1]:
        steps = range(offsets[0], offsets[-1] + 1, offsets[1] - offsets[0])
        if len(steps) == len(offsets) and offsets == [*steps]:
            return steps
    return offsets
