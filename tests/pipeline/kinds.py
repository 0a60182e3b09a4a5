"""Kinds of records, good and bad, and what may come of each."""

from typing import NamedTuple

import numpy as np

from runtime import Done, Rejected
from tests.pipeline.doubling import POISON, row


class Words:
    """A word's length, doubled; some words show what a transform may do."""

    def preprocess(self, body, headers):
        if body == b"reject":
            raise Rejected("invalid_value", "no such word")
        if body == b"done":
            return Done("text/plain", b"done")
        return {"x": np.full((1, 1), len(body), np.float32)}

    def postprocess(self, outputs):
        if outputs["y"][0, 0] == 2 * len("unlucky"):
            raise ValueError
        return "text/plain", b"%d" % outputs["y"][0, 0]


class Kind(NamedTuple):
    """A record, and the outcomes that it may have."""

    value: bytes | None
    outcomes: tuple[str, ...]
    headers: tuple[tuple[str, bytes], ...] = ()


OK = ("ok",)
_JSON = (("content-type", b"application/json"),)
_TENSOR = b'"shape":[1,1],"datatype":"FP32","data":[%b]}]'
ROWS = {
    "good": Kind(row(3), OK),
    "three_rows": Kind(row(3) * 3, OK),
    "nine_rows": Kind(row(3) * 9, OK),
    "poison": Kind(row(POISON), ("inference_failed",)),
    "not_whole": Kind(b"odd", ("invalid_shape",)),
    "tombstone": Kind(None, ("invalid_request",)),
    "expired": Kind(row(3), ("deadline_exceeded",), (("timeout-ms", b"0"),)),
    "hurried": Kind(row(3), ("ok", "deadline_exceeded"), (("timeout-ms", b"400"),)),
    "denied": Kind(row(3), ("reply_topic_denied",), (("reply-to", b"elsewhere"),)),
    "missing": Kind(row(3), ("reply_topic_denied",), (("reply-to", b"replies.missing"),)),
    "json": Kind(b'{"inputs":[{"name":"x",' + _TENSOR % b"3" + b"}", OK, _JSON),
    "beyond": Kind(row(3), ("invalid_request",), (("kafka_replyPartition", b"\0\0\0\x63"),)),
}
WORDS = {
    "tide": Kind(b"tide", OK),
    "done": Kind(b"done", OK),
    "reject": Kind(b"reject", ("invalid_value",)),
    "unlucky": Kind(b"unlucky", ("transform_failed",)),
}
RIGHT = {
    "good": row(6),
    "hurried": row(6),
    "three_rows": row(6) * 3,
    "nine_rows": row(6) * 9,
    "json": b'{"model_name":"double","outputs":[{"name":"y",' + _TENSOR % b"6.0" + b"}",
    "tide": b"8",
    "done": b"done",
}
