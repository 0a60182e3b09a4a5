"""The replies of requests that ran together: what they share is made once."""

from collections.abc import Callable, Sequence

from daemon.values.messages import Answer, Header, Request
from daemon.wire.reply_headers import Run, reply_headers, result_headers


class BatchReplies:
    """Makes the answers of one run's results; `run` is None for what needed no model."""

    def __init__(
        self, served_by: bytes, run: Run | None, *, diagnostics: bool, span_ids: Callable[[], int]
    ) -> None:
        self._run = run if diagnostics else None
        self._shared = result_headers(served_by, self._run)
        self._span_ids = span_ids

    def result(self, request: Request, body: bytes, form: Sequence[Header]) -> Answer:
        """Return the answer with `body`; the headers `form` say what it is."""
        (answer,) = self.results([request], [body], form)
        return answer

    def results(
        self, requests: Sequence[Request], bodies: Sequence[bytes], form: Sequence[Header]
    ) -> list[Answer]:
        """Return the answer to each of `requests`, whose body is at its place in `bodies`."""
        lists = reply_headers(requests, [*form, *self._shared], self._run, self._span_ids)
        return [
            Answer(
                request.record,
                request.ledger,
                request.bucket.lane,
                None,
                False,  # noqa: FBT003 -- made by position, which costs half as much as by keyword
                request.reply_topic,
                request.reply_partition,
                request.record.key,
                body,
                headers,
                request.cost_bytes - request.prepared_bytes,
                len(body),
                request.prepared_bytes,
            )
            for request, body, headers in zip(requests, bodies, lists, strict=True)
        ]
