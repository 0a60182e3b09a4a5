"""What the headers of requests, replies and dead letters may be, as JSON schemas.

Kafka's headers are bytes. Here they are the text that these bytes are, but for the partition of a reply,
which is no text.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from config.settings import Settings
from daemon.answering import dead_letters
from daemon.asyncapi.payloads import Schema, replied_codes
from daemon.values.errors import Code
from daemon.wire import cloud_events, headers, reply_headers

_DIGITS = "^[0-9]+$"
_POSITION = {"type": "string", "pattern": r"^[a-zA-Z0-9._-]+/[0-9]+/[0-9]+$"}

_OWN_NAME: Schema = {
    "type": "string",
    "description": "a name of the requester's own, which the reply repeats",
}
_ASKED: Mapping[str, Schema] = {
    headers.CORRELATION[0]: {
        "type": "string",
        "maxLength": headers.LONGEST_CORRELATION,
        "description": "opaque; the reply has it by the same name. Also: "
        + ", ".join(headers.CORRELATION[1:]),
    },
    headers.REPLY_TO[0]: {
        "type": "string",
        "description": "topic of the reply. Also: " + ", ".join(headers.REPLY_TO[1:]),
    },
    headers.REPLY_PARTITION: {
        "type": "string",
        "format": "binary",
        "description": "partition of the reply: 4 bytes, big-endian",
    },
    headers.TIMEOUT: {
        "type": "string",
        "pattern": _DIGITS,
        "description": "the request expires so many milliseconds after its record's timestamp",
    },
    headers.DEADLINE: {
        "type": "string",
        "pattern": _DIGITS,
        "description": "when the request expires, milliseconds since 1970",
    },
    headers.TRACEPARENT: {"type": "string", "description": "W3C trace context"},
    headers.TRACESTATE: {"type": "string", "description": "W3C trace context"},
    headers.JOB_ID: _OWN_NAME,
    headers.ITEM_ID: _OWN_NAME,
    headers.EVENT_ID: {
        "type": "string",
        "description": f"of a CloudEvent: the {headers.CORRELATION[0]} where there is none",
    },
}

_ECHOED: Mapping[str, Schema] = {
    headers.CORRELATION[0]: {"type": "string", "description": "the request's, by its name there"},
    headers.TRACEPARENT: {
        "type": "string",
        "description": "the daemon's span, child of the request's",
    },
    headers.TRACESTATE: {"type": "string", "description": "the request's"},
    headers.DEADLINE: {"type": "string", "description": "the request's"},
    headers.JOB_ID: {"type": "string", "description": "the request's"},
    headers.ITEM_ID: {"type": "string", "description": "the request's"},
    headers.REQUEST_ID: {
        **_POSITION,
        "description": "topic/partition/offset of the request, the same on every repeat",
    },
    headers.ORIGIN_ID: {
        **_POSITION,
        "description": "of requests that are replies themselves: request-id of the first one",
    },
}

_OF_RUNS: Mapping[str, Schema] = {
    reply_headers.BATCH_ROWS: {
        "type": "string",
        "pattern": _DIGITS,
        "description": "rows that ran together",
    },
    reply_headers.STAGES: {
        "type": "string",
        "description": "microseconds: broker=..;wait=..;run=..",
    },
}

_JSON_LENGTH: Schema = {
    "type": "string",
    "pattern": _DIGITS,
    "description": "bytes of the JSON part",
}
_NEVER: Schema = {"not": {}}


def of_request(
    settings: Settings, *, model: Schema, form: Schema, required: Iterable[str], has_json_part: bool
) -> Schema:
    """Return the schema of a request's headers; `model` and `form` are what those two may be."""
    properties: dict[str, Schema] = {
        **_ASKED,
        headers.MODEL: model,
        headers.CONTENT_TYPE: form,
        headers.JSON_LENGTH: _JSON_LENGTH if has_json_part else _NEVER,
    }
    return {**_schema(properties, required), "maxProperties": settings.limits.headers}


def of_result(settings: Settings, *, model: str, form: Schema, has_json_part: bool) -> Schema:
    """Return the schema of a result's headers."""
    served_by = {
        "type": "string",
        "pattern": f"^{model}@[0-9a-f]{{12}}$",
        "description": "the model, and how the SHA-256 of its file begins",
    }
    said: dict[str, Schema] = {
        headers.STATUS: {"const": reply_headers.OK[1].decode()},
        headers.CONTENT_TYPE: form,
        reply_headers.SERVED_BY: served_by,
    }
    said[headers.JSON_LENGTH] = _JSON_LENGTH if has_json_part else _NEVER
    if settings.replies.diagnostics:
        said |= _OF_RUNS
    required = [headers.STATUS, headers.CONTENT_TYPE, headers.REQUEST_ID, reply_headers.SERVED_BY]
    if has_json_part:
        required.append(headers.JSON_LENGTH)
    event = _of_event(settings, cloud_events.OK_TYPE)
    return _schema({**said, **event, **_ECHOED}, [*required, *event])


def of_error(settings: Settings) -> Schema:
    """Return the schema of an error reply's headers."""
    said: dict[str, Schema] = {
        headers.STATUS: {"const": reply_headers.ERROR[1].decode()},
        headers.CONTENT_TYPE: {"const": headers.PROBLEM.decode()},
        headers.ERROR_CODE: {"enum": replied_codes()},
    }
    said |= _of_event(settings, cloud_events.ERROR_TYPE)
    return _schema({**said, **_ECHOED}, [*said, headers.REQUEST_ID])


def _of_event(settings: Settings, event_type: bytes) -> Mapping[str, Schema]:
    if not settings.replies.cloudevents:
        return {}
    return {
        cloud_events.SPEC_VERSION: {"const": cloud_events.VERSION.decode()},
        cloud_events.SOURCE: {"type": "string", "format": "uri-reference"},
        cloud_events.TYPE: {"const": event_type.decode()},
        cloud_events.ID: {**_POSITION, "description": f"the same as {headers.REQUEST_ID}"},
    }


def of_dead_letter() -> Schema:
    """Return the schema of a dead letter's headers, beside which are those of its record."""
    number = {"type": "string", "pattern": r"^-?[0-9]+$"}
    always: dict[str, Schema] = {
        dead_letters.CODE: {"enum": [code.value for code in Code]},
        dead_letters.DETAIL: {"type": "string"},
        dead_letters.TOPIC: {"type": "string"},
        dead_letters.PARTITION: number,
        dead_letters.OFFSET: number,
        dead_letters.TIMESTAMP: number,
        dead_letters.ATTEMPTS: number,
    }
    sometimes: dict[str, Schema] = {
        dead_letters.TRUNCATED: number,
        dead_letters.TOMBSTONE: {"const": "true"},
        dead_letters.DROPPED: {"enum": ["headers", "headers,key"]},
    }
    return _schema({**always, **sometimes}, always)


def _schema(properties: Mapping[str, Any], required: Iterable[str]) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": dict(properties)}
