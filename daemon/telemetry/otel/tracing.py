"""Takes what ran and what was answered, and hands on their spans."""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from daemon.inference.batches import Served
from daemon.telemetry.otel.spans import Context, Span, batch_span, request_spans
from daemon.values.reply_run import Leaving

Settled: TypeAlias = Callable[[Sequence[Leaving], float], None]
"""Told of answers that the broker has, and how long they took to get there."""

_TRACE_BITS, _SPAN_BITS = 128, 64


class Tracing:
    """Makes spans of batches and requests; `ended` takes each."""

    def __init__(self, group: str, ended: Callable[[Span], None]) -> None:
        self._group = group
        self._ended = ended

    def ran(self, served: Served) -> None:
        """A batch has run."""
        ahead_s = time.time() - time.monotonic()
        self._ended(batch_span(served, self._group, drawn, wall_ahead_s=ahead_s))

    def after(self, settled: Settled) -> Settled:
        """Return what tells `settled`, and then of the requests."""

        def told(answers: Sequence[Leaving], publish_s: float) -> None:
            settled(answers, publish_s)
            for span in request_spans(answers, self._group, drawn, wall_s=time.time()):
                self._ended(span)

        return told


def drawn() -> Context:
    """Return a context that nobody else has."""
    return Context(
        secrets.randbits(_TRACE_BITS) or 1, secrets.randbits(_SPAN_BITS) or 1, sampled=True
    )
