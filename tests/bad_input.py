"""Every kind of bad input and how it ends; the unit tests and the real-Kafka test share the list.

`MODELS` and `LANES` are the settings the list is written for; `GOOD` is a request that each lane
must answer, before and after every bad one.
"""

import json
import struct
from typing import NamedTuple

import numpy as np

from tests import models, published_models

REQUEST_BYTES = 64 * 2**10
REPLY_BYTES = 32 * 2**10
LIMITS = {
    "request_bytes": "64KiB",
    "request_rows": 1_000,
    "reply_bytes": "32KiB",
    "headers": 64,
    "header_bytes": "16KiB",
    "json_depth": 32,
}
MODELS = {
    "rows": models.mlp,  # x float32 [n, 16] -> y float32 [n, 8]
    "ids": models.lookup,  # x int64 [n] -> y float32 [n, 2]
    "words": models.text,  # x string [n] -> y string [n]
    "pair": models.two_inputs,  # a float32 [n, 4], b int64 [n, 2, 3] -> total, count
    "spans": models.dynamic_axis,  # x float32 [n, length] -> y float32 [n, 1]
    "logs": models.logarithm,  # x float32 [n, 2] -> y float32 [n, 2]
    "found": published_models.detector,  # image, threshold -> boxes, scores, all of them whole
}
MODEL_SETTINGS = {"ids": {"minimum": -5.0, "maximum": 20.0}, "found": {"batch": "none"}}
"""Those of `ids` are wider than the ten entries that it has, so that some bad ids reach the model."""
LANES = {name: {"topics": [f"bad.{name}"], "models": [name]} for name in MODELS}
REPLIES = {"topic": "bad.replies", "allow": ["bad.replies.*", "bad.elsewhere", "bad.dead"]}
DEAD_LETTERS = {"topic": "bad.dead"}
MISSING_TOPIC = "bad.replies.missing"
"""Allowed as a reply topic, and never created."""

ERROR_REPLY = (
    ("content-type", b"application/problem+json"),
    ("status", b"error"),
    ("error-code", b"model_timeout"),
)
"""The headers of what another daemon answered."""


class BadInput(NamedTuple):
    """One bad record. `code` is its error code; `dead`: in a dead letter instead of a reply.

    `echo`: whether its correlation header comes back. `seen` names the station that finds it:
    admission, model (only the run shows it) or outbox (only the broker knows). `age_s`: how old its
    timestamp is.
    """

    name: str
    code: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    lane: str = "rows"
    dead: bool = False
    echo: bool = True
    seen: str = "admission"
    key: bytes | None = None
    age_s: float = 0.0

    @property
    def sent_headers(self):
        """The headers of the record: those given, and a correlation header unless given."""
        if any(name in CORRELATION_NAMES for name, _ in self.headers):
            return self.headers
        return (("correlation-id", self.name.encode()), *self.headers)


CORRELATION_NAMES = ("correlation-id", "correlation_id", "kafka_correlationId")
RAW = ("content-type", b"application/octet-stream")
JSON = ("content-type", b"application/json")
NPY = ("content-type", b"application/x-npy")
ROW = np.arange(16, dtype="<f4").tobytes()


def tensor(name="x", shape=(1, 16), datatype="FP32", data=None, **fields):
    """Return one input of an Open Inference Protocol request."""
    data = list(range(16)) if data is None else data
    return {"name": name, "shape": list(shape), "datatype": datatype, "data": data} | fields


def body(*inputs, **fields):
    """Return an Open Inference Protocol request as JSON."""
    return json.dumps({"inputs": list(inputs)} | fields).encode()


def binary(head, *parts):
    """Return (body, headers) of a request in the binary tensor extension."""
    text = json.dumps(head).encode()
    length = ("inference-header-content-length", str(len(text)).encode())
    return text + b"".join(parts), (RAW, length)


def npy(header, data=b"", *, version=b"\x01\x00"):
    """Return a .npy file with this header text, right or wrong."""
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def _npy_header(descr="'<f4'", order="False", shape="(1, 16)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


GOOD = {
    "rows": (ROW, (RAW,)),
    "ids": (body(tensor(shape=[1], datatype="INT64", data=[3])), ()),
    "words": (body(tensor(shape=[1], datatype="BYTES", data=["tide"])), ()),
    "pair": (
        body(
            tensor("a", [1, 4], "FP32", [1, 2, 3, 4]),
            tensor("b", [1, 2, 3], "INT64", [1, 2, 3, 4, 5, 6]),
        ),
        (),
    ),
    "spans": (body(tensor(shape=[1, 3], data=[1, 2, 3])), ()),
    "logs": (np.ones(2, "<f4").tobytes(), (RAW,)),
    "found": (
        body(
            tensor("image", [1, 2, 5], data=[0, 0, 1, 1, 0.75, 2, 2, 3, 3, 0.25]),
            tensor("threshold", [], data=[0.5]),
        ),
        (),
    ),
}
"""A request (value, headers) that each lane answers."""

_HUGE = 2**40
_BINARY_INPUT = {"name": "x", "shape": [1, 16], "datatype": "FP32"}


def _binary_input(size=64, **fields):
    return _BINARY_INPUT | {"parameters": {"binary_data_size": size}} | fields


def _case(name, code, made, **fields):
    value, headers = made
    return BadInput(name, code, value, headers, **fields)


BODIES = [
    BadInput("tombstone", "invalid_request", None, key=b"k"),
    BadInput("tombstone_without_key", "invalid_request", None),
    BadInput("empty", "invalid_request", b""),
    BadInput("empty_raw", "invalid_request", b"", (RAW,)),
    BadInput("too_many_bytes", "too_large", bytes(REQUEST_BYTES + 1), (RAW,)),
    BadInput("too_many_rows", "too_large", ROW * 1_001, (RAW,)),
    BadInput("unknown_form", "unsupported_media_type", ROW, (("content-type", b"text/csv"),)),
    BadInput("no_form", "unsupported_media_type", ROW, (("content-type", b""),)),
    BadInput(
        "other_charset",
        "unsupported_media_type",
        body(tensor()),
        (("content-type", b"application/json; charset=utf-16"),),
    ),
    BadInput("raw_for_two_inputs", "unsupported_media_type", ROW, (RAW,), lane="pair"),
    BadInput("npy_for_two_inputs", "unsupported_media_type", b"\x93NUMPY", (NPY,), lane="pair"),
    BadInput("raw_for_free_shape", "unsupported_media_type", ROW, (RAW,), lane="spans"),
    BadInput("raw_for_strings", "unsupported_media_type", b"tide", (RAW,), lane="words"),
]
JSON_TEXTS = [
    BadInput("not_utf8", "invalid_json", b'{"inputs": "\xff"}'),
    BadInput("not_utf8_where_ignored", "invalid_json", b'{"more": "\xff",' + body(tensor())[1:]),
    BadInput("not_json", "invalid_json", b"inputs=1"),
    BadInput("gzip", "invalid_json", b"\x1f\x8b\x08\x00", (("content-encoding", b"gzip"),)),
    BadInput("cut_short", "invalid_json", body(tensor())[:-5]),
    BadInput("text_after_the_end", "invalid_json", body(tensor()) + b"{}"),
    BadInput("byte_order_mark", "invalid_json", b"\xef\xbb\xbf" + body(tensor())),
    BadInput("key_twice", "invalid_json", b'{"id": "a", "id": "b",' + body(tensor())[1:]),
    BadInput("key_twice_escaped", "invalid_json", b'{"id": "a", "\\u0069d": "b",' + body()[1:]),
    BadInput("key_twice_where_ignored", "invalid_json", b'{"m": {"a": 1, "a": 2},' + body()[1:]),
    BadInput("nan_literal", "invalid_json", body(tensor(data=[float("nan")] * 16))),
    BadInput("infinity_literal", "invalid_json", body(tensor(data=[float("-inf")] * 16))),
    BadInput("too_deep", "invalid_json", b'{"m":' + b"[" * 32 + b"]" * 32 + b"," + body()[1:]),
    BadInput("far_too_deep", "invalid_json", b"[" * 30_000 + b"]" * 30_000),
    BadInput("lone_surrogate", "invalid_json", body(tensor(), id="\ud800")),
    BadInput(
        "wide_integer",
        "invalid_json",
        body(tensor(shape=[1], datatype="INT64", data=[2**64])),
        lane="ids",
    ),
    BadInput("wide_integer_in_shape", "too_large", body(tensor(shape=[2**64, 16]))),
    BadInput(
        "endless_integer",
        "invalid_json",
        body(tensor(shape=[1], datatype="INT64", data=[0])).replace(
            b"[0]", b"[" + b"9" * 5_000 + b"]"
        ),
        lane="ids",
    ),
]
JSON_FIELDS = [
    BadInput("not_an_object", "invalid_request", b"[1, 2]"),
    BadInput("no_inputs", "invalid_request", b"{}"),
    BadInput("inputs_not_a_list", "invalid_request", b'{"inputs": {}}'),
    BadInput("inputs_empty", "invalid_request", body()),
    BadInput(
        "input_without_name", "invalid_request", b'{"inputs": [{"shape": [1], "datatype": "FP32"}]}'
    ),
    BadInput(
        "input_without_data",
        "invalid_request",
        b'{"inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32"}]}',
    ),
    BadInput("unknown_input", "invalid_request", body(tensor(), tensor("z"))),
    BadInput(
        "missing_input",
        "invalid_request",
        body(tensor("a", [1, 4], data=[1, 2, 3, 4])),
        lane="pair",
    ),
    BadInput("input_twice", "invalid_request", body(tensor(), tensor())),
    BadInput("unknown_output", "invalid_request", body(tensor(), outputs=[{"name": "z"}])),
    BadInput("output_twice", "invalid_request", body(tensor(), outputs=[{"name": "y"}] * 2)),
    BadInput("id_not_text", "invalid_request", body(tensor(), id=7)),
    BadInput("shape_not_integers", "invalid_request", body(tensor(shape=[1.0, 16]))),
    BadInput("data_not_a_list", "invalid_value", body(tensor(data=5))),
    BadInput("binary_part_in_json", "invalid_request", body(_binary_input())),
]
SHAPES = [
    BadInput("raw_part_of_a_row", "invalid_shape", ROW[:-1], (RAW,)),
    BadInput("rank", "invalid_shape", body(tensor(shape=[16]))),
    BadInput("dimension", "invalid_shape", body(tensor(shape=[2, 8]))),
    BadInput("negative", "invalid_shape", body(tensor(shape=[-1, 16]))),
    BadInput("no_rows", "invalid_shape", body(tensor(shape=[0, 16], data=[]))),
    BadInput("empty_axis", "invalid_shape", body(tensor(shape=[1, 0], data=[])), lane="spans"),
    BadInput("overflow", "invalid_shape", body(tensor(shape=[1, 2**62])), lane="spans"),
    BadInput("huge", "invalid_shape", body(tensor(shape=[1, _HUGE])), lane="spans"),
    BadInput("huge_rows", "too_large", body(tensor(shape=[_HUGE, 16]))),
    BadInput("fewer_values", "invalid_shape", body(tensor(data=[0] * 15))),
    BadInput("more_values", "invalid_shape", body(tensor(data=[0] * 17))),
    BadInput("ragged", "invalid_shape", body(tensor(shape=[2, 16], data=[[0] * 15, [0] * 17]))),
    BadInput("nested_wrongly", "invalid_shape", body(tensor(data=[[[0] * 16]]))),
    BadInput(
        "rows_differ",
        "invalid_shape",
        body(tensor("a", [2, 4], data=[0] * 8), tensor("b", [1, 2, 3], "INT64", [0] * 6)),
        lane="pair",
    ),
    BadInput(
        "rows_of_a_whole",
        "invalid_shape",
        body(tensor("image", [1, 1, 2, 5], data=[0] * 10), tensor("threshold", [], data=[0])),
        lane="found",
    ),
    BadInput(
        "two_numbers_for_one",
        "invalid_shape",
        body(tensor("image", [1, 1, 5], data=[0] * 5), tensor("threshold", [], data=[0, 0])),
        lane="found",
    ),
]
VALUES = [
    BadInput("wrong_datatype", "invalid_value", body(tensor(datatype="FP64"))),
    BadInput("unknown_datatype", "invalid_value", body(tensor(datatype="FP33"))),
    BadInput("null_value", "invalid_value", body(tensor(data=[None] * 16))),
    BadInput("text_value", "invalid_value", body(tensor(data=["12"] * 16))),
    BadInput("bool_value", "invalid_value", body(tensor(data=[True] * 16))),
    BadInput("beyond_float32", "invalid_value", body(tensor(data=[1e39] * 16))),
    BadInput(
        "beyond_float64",
        "invalid_json",
        body(tensor(data=[0] * 16)).replace(b"[0, 0", b"[1e999, 0"),
    ),
    BadInput(
        "real_for_integer",
        "invalid_value",
        body(tensor(shape=[1], datatype="INT64", data=[1.0])),
        lane="ids",
    ),
    BadInput(
        "below_minimum",
        "invalid_value",
        body(tensor(shape=[1], datatype="INT64", data=[-6])),
        lane="ids",
    ),
    BadInput(
        "above_maximum",
        "invalid_value",
        body(tensor(shape=[1], datatype="INT64", data=[21])),
        lane="ids",
    ),
    BadInput(
        "least_integer",
        "invalid_value",
        body(tensor(shape=[1], datatype="INT64", data=[-(2**63)])),
        lane="ids",
    ),
    BadInput(
        "beyond_int64",
        "invalid_value",
        body(tensor(shape=[1], datatype="INT64", data=[2**63])),
        lane="ids",
    ),
    BadInput("raw_above_maximum", "invalid_value", struct.pack("<q", 21), (RAW,), lane="ids"),
    BadInput(
        "number_for_text",
        "invalid_value",
        body(tensor(shape=[1], datatype="BYTES", data=[5])),
        lane="words",
    ),
    BadInput("raw_nan", "invalid_value", np.full(16, np.nan, "<f4").tobytes(), (RAW,)),
    BadInput("raw_infinity", "invalid_value", ROW + np.full(16, -np.inf, "<f4").tobytes(), (RAW,)),
]
BINARIES = [
    _case(
        "binary_nan",
        "invalid_value",
        binary({"inputs": [_binary_input()]}, np.full(16, np.nan, "<f4").tobytes()),
    ),
    _case("binary_short", "invalid_shape", binary({"inputs": [_binary_input()]}, ROW[:-4])),
    _case("binary_long", "invalid_shape", binary({"inputs": [_binary_input()]}, ROW + b"\0")),
    _case("binary_size", "invalid_shape", binary({"inputs": [_binary_input(60)]}, ROW)),
    _case("binary_negative", "invalid_request", binary({"inputs": [_binary_input(-1)]}, ROW)),
    _case("binary_huge", "invalid_shape", binary({"inputs": [_binary_input(_HUGE)]}, ROW)),
    _case(
        "binary_twice", "invalid_request", binary({"inputs": [_binary_input(data=[0] * 16)]}, ROW)
    ),
    _case("binary_head", "invalid_json", (ROW, (RAW, ("inference-header-content-length", b"10")))),
    _case(
        "binary_head_long",
        "invalid_request",
        (ROW, (RAW, ("inference-header-content-length", b"65"))),
    ),
    _case(
        "binary_head_size",
        "invalid_request",
        (ROW, (RAW, ("inference-header-content-length", b"-1"))),
    ),
    _case(
        "binary_text_length",
        "invalid_value",
        binary(
            {"inputs": [_binary_input(8, shape=[1], datatype="BYTES")]},
            struct.pack("<I", 2**31) + b"tide",
        ),
        lane="words",
    ),
    _case(
        "binary_text_encoding",
        "invalid_value",
        binary({"inputs": [_binary_input(5, shape=[1], datatype="BYTES")]}, b"\1\0\0\0\xff"),
        lane="words",
    ),
]
NPY_FILES = [
    BadInput("npy_not_npy", "invalid_value", ROW, (NPY,)),
    BadInput("npy_cut_in_header", "invalid_value", npy(_npy_header())[:20], (NPY,)),
    BadInput("npy_version", "invalid_value", npy(_npy_header(), ROW, version=b"\x09\x00"), (NPY,)),
    BadInput("npy_header_not_a_dict", "invalid_value", npy("__import__('os')", ROW), (NPY,)),
    BadInput("npy_header_long", "invalid_value", npy(_npy_header() + " " * 10_001, ROW), (NPY,)),
    BadInput(
        "npy_pickle", "invalid_value", npy(_npy_header("'|O'", shape="(1,)"), b"\x80\x04."), (NPY,)
    ),
    BadInput("npy_structured", "invalid_value", npy(_npy_header("[('a', '<f4')]"), ROW), (NPY,)),
    BadInput("npy_void", "invalid_value", npy(_npy_header("'|V0'", shape=f"({_HUGE},)")), (NPY,)),
    BadInput("npy_other_dtype", "invalid_value", npy(_npy_header("'<f8'"), ROW * 2), (NPY,)),
    BadInput("npy_short", "invalid_shape", npy(_npy_header(), ROW[:-4]), (NPY,)),
    BadInput("npy_long", "invalid_shape", npy(_npy_header(), ROW + b"\0"), (NPY,)),
    BadInput("npy_huge", "too_large", npy(_npy_header(shape=f"({_HUGE}, 16)"), ROW), (NPY,)),
    BadInput("npy_rank", "invalid_shape", npy(_npy_header(shape="(16,)"), ROW), (NPY,)),
    BadInput("npy_negative", "invalid_shape", npy(_npy_header(shape="(-1, 16)"), ROW), (NPY,)),
    BadInput(
        "npy_nan", "invalid_value", npy(_npy_header(), np.full(16, np.nan, "<f4").tobytes()), (NPY,)
    ),
]
_REPLY_TO = "reply-to"
HEADERS = [
    BadInput(
        "too_many_headers", "too_large", ROW, (RAW, *[(f"h{number}", b"") for number in range(64)])
    ),
    BadInput("too_many_header_bytes", "too_large", ROW, (RAW, ("h", bytes(16 * 2**10)))),
    BadInput("error_reply_of_a_daemon", "model_timeout", b'{"detail": "why"}', ERROR_REPLY),
    BadInput("unknown_model", "unknown_model", ROW, (RAW, ("model", b"other"))),
    BadInput("no_model_name", "unknown_model", ROW, (RAW, ("model", b""))),
    BadInput("model_of_another_lane", "unknown_model", ROW, (RAW, ("model", b"ids"))),
    BadInput("expired_at_once", "deadline_exceeded", ROW, (RAW, ("timeout-ms", b"0"))),
    BadInput("timeout_not_digits", "invalid_request", ROW, (RAW, ("timeout-ms", b"-1"))),
    BadInput("timeout_not_ascii", "invalid_request", ROW, (RAW, ("timeout-ms", "٣".encode()))),
    BadInput("timeout_empty", "invalid_request", ROW, (RAW, ("timeout-ms", b""))),
    BadInput(
        "timeout_twice",
        "invalid_request",
        ROW,
        (RAW, ("timeout-ms", b"9000"), ("timeout-ms", b"9000")),
    ),
    BadInput("deadline_passed", "deadline_exceeded", ROW, (RAW, ("deadline", b"1700000000000"))),
    BadInput("deadline_in_seconds", "deadline_exceeded", ROW, (RAW, ("deadline", b"1893456000"))),
    BadInput("deadline_zero", "deadline_exceeded", ROW, (RAW, ("deadline", b"0"))),
    BadInput("deadline_negative", "invalid_request", ROW, (RAW, ("deadline", b"-1893456000000"))),
    BadInput("deadline_signed", "invalid_request", ROW, (RAW, ("deadline", b"+1893456000000"))),
    BadInput("deadline_real", "invalid_request", ROW, (RAW, ("deadline", b"1893456000000.5"))),
    BadInput("deadline_date", "invalid_request", ROW, (RAW, ("deadline", b"2030-01-01T00:00Z"))),
    BadInput("deadline_not_ascii", "invalid_request", ROW, (RAW, ("deadline", "٣".encode()))),
    BadInput("deadline_empty", "invalid_request", ROW, (RAW, ("deadline", b""))),
    BadInput(
        "deadline_twice",
        "invalid_request",
        ROW,
        (RAW, ("deadline", b"1893456000000"), ("deadline", b"1893456000000")),
    ),
    BadInput("model_twice", "invalid_request", ROW, (RAW, ("model", b"rows"), ("model", b"rows"))),
    BadInput("content_type_twice", "invalid_request", ROW, (RAW, RAW)),
    BadInput(
        "correlation_long",
        "invalid_request",
        ROW,
        (RAW, ("correlation-id", b"c" * 129)),
        echo=False,
    ),
    BadInput(
        "correlation_twice",
        "invalid_request",
        ROW,
        (RAW, ("correlation-id", b"a"), ("correlation-id", b"a")),
        echo=False,
    ),
    BadInput("partition_size", "invalid_request", ROW, (RAW, ("kafka_replyPartition", b"\0\0\1"))),
    BadInput(
        "partition_negative",
        "invalid_request",
        ROW,
        (RAW, ("kafka_replyPartition", b"\xff\xff\xff\xff")),
    ),
    BadInput(
        "partition_twice", "invalid_request", ROW, (RAW, *[("kafka_replyPartition", bytes(4))] * 2)
    ),
    BadInput(
        "partition_beyond",
        "invalid_request",
        ROW,
        (RAW, ("kafka_replyPartition", b"\0\x01\0\0")),
        seen="outbox",
    ),
]
ADDRESSES = [
    BadInput(
        f"reply_to_{name}", code, ROW, (RAW, *[(_REPLY_TO, topic) for topic in topics]), dead=True
    )
    for name, code, topics in (
        ("stranger", "reply_topic_denied", [b"elsewhere"]),
        ("beyond_exact", "reply_topic_denied", [b"bad.elsewhere.too"]),
        ("input", "reply_topic_denied", [b"bad.rows"]),
        ("dead_letters", "reply_topic_denied", [b"bad.dead"]),
        ("internal", "reply_topic_denied", [b"__consumer_offsets"]),
        ("illegal", "reply_topic_denied", [b"bad.replies.a b"]),
        ("not_utf8", "reply_topic_denied", [b"bad.replies.\xff"]),
        ("long", "reply_topic_denied", [b"bad.replies." + b"x" * 250]),
        ("twice", "invalid_request", [b"bad.replies", b"bad.replies"]),
    )
] + [
    BadInput(
        "reply_to_tombstone", "reply_topic_denied", None, ((_REPLY_TO, b"elsewhere"),), dead=True
    ),
    BadInput(
        "reply_to_missing_topic",
        "reply_topic_denied",
        ROW,
        (RAW, (_REPLY_TO, MISSING_TOPIC.encode())),
        dead=True,
        seen="outbox",
    ),
]
RUNS = [
    BadInput(
        "model_raises",
        "inference_failed",
        body(tensor(shape=[1], datatype="INT64", data=[15])),
        lane="ids",
        seen="model",
    ),
    BadInput(
        "output_not_finite",
        "invalid_output",
        np.full(2, -1, "<f4").tobytes(),
        (RAW,),
        lane="logs",
        seen="model",
    ),
    BadInput(
        "result_too_large",
        "result_too_large",
        body(tensor(shape=[1], datatype="BYTES", data=["x" * 20_000])),
        lane="words",
        seen="model",
    ),
]

BAD_INPUT = [
    *BODIES,
    *JSON_TEXTS,
    *JSON_FIELDS,
    *SHAPES,
    *VALUES,
    *BINARIES,
    *NPY_FILES,
    *HEADERS,
    *ADDRESSES,
    *RUNS,
]
"""All of it. A record whose header name is not UTF-8 cannot be made by a client that checks names:
the tests that need one (`undecodable_record`) make it themselves."""
