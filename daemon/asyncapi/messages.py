"""The requests that a model takes, in each form, and the replies to them, as AsyncAPI's messages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from config.settings import Lane, Model, Settings
from config.transform_tables import ImageTransform, ReadyMade, TextTransform
from daemon.admission.model_rules import ModelRules
from daemon.asyncapi import headers, payloads
from daemon.asyncapi.payloads import Schema
from daemon.values.messages import Form
from daemon.wire.headers import CONTENT_TYPE, CORRELATION, JSON_LENGTH, MODEL, PROBLEM
from runtime.signature import Signature

Message: TypeAlias = Mapping[str, Any]
Messages: TypeAlias = Mapping[str, Message]
"""By the names that they have in the document."""

ERROR = "error"
DEAD_LETTER = "dead-letter"

_JSON = "application/json"
_OCTETS = "application/octet-stream"
_NPY = "application/x-npy"
_MEDIA = {Form.JSON: _JSON, Form.BINARY: _OCTETS, Form.RAW: _OCTETS, Form.NPY: _NPY}
_ANY = "*/*"
_ANY_FORM: Schema = {"type": "string"}


class Served(NamedTuple):
    """A model as it is served under `name`."""

    name: str
    signature: Signature


class _Kind(NamedTuple):
    """One sort of bodies: what they are called, what requests and results of it are.

    `form`: what the request's content type may be; `required`: headers that must be there for it.
    """

    name: str
    media: str
    request: Schema
    form: Schema
    required: Sequence[str]
    result_media: str
    result: Schema
    has_json_part: bool = False


def requests(settings: Settings, lane_name: str, served: Mapping[str, Served]) -> Messages:
    """Return the requests that a lane takes, of each of its models."""
    lane = settings.lanes[lane_name]
    return {
        f"{lane_name}.{name}.{kind.name}": _request(settings, lane, name, kind)
        for name in lane.models
        for kind in _kinds(settings, lane, served[name])
    }


def results(settings: Settings, lane_name: str, served: Mapping[str, Served]) -> Messages:
    """Return the results that requests of a lane come to: those of the last lane of its row."""
    lane = settings.lanes[lane_name]
    names = lane.models
    while lane.then is not None:
        lane = settings.lanes[lane.then]
        names = lane.models[:1]
    return {
        f"{name}.{kind.name}.result": _result(settings, name, kind)
        for name in names
        for kind in _kinds(settings, lane, served[name])
    }


def error(settings: Settings) -> Message:
    """Return the error reply."""
    return {
        "title": "Error",
        "contentType": PROBLEM.decode(),
        "headers": headers.of_error(settings),
        "payload": payloads.problem(),
        "correlationId": _correlation(),
    }


def dead_letter() -> Message:
    """Return what is kept of a record that nobody can be answered for."""
    return {
        "title": "Dead letter",
        "contentType": _ANY,
        "headers": headers.of_dead_letter(),
        "payload": payloads.opaque("the record's value, as far as it fits"),
    }


def _request(settings: Settings, lane: Lane, model: str, kind: _Kind) -> Message:
    other = [] if model == lane.models[0] else [MODEL]
    return {
        "title": f"Request for {model}, {kind.name}",
        "contentType": kind.media,
        "headers": headers.of_request(
            settings,
            model={"const": model},
            form=kind.form,
            required=[*other, *kind.required],
            has_json_part=kind.has_json_part,
        ),
        "payload": kind.request,
        "correlationId": _correlation(),
    }


def _result(settings: Settings, model: str, kind: _Kind) -> Message:
    form: Schema = {"type": "string"} if kind.result_media == _ANY else {"const": kind.result_media}
    return {
        "title": f"Result of {model}, {kind.name}",
        "contentType": kind.result_media,
        "headers": headers.of_result(
            settings, model=model, form=form, has_json_part=kind.has_json_part
        ),
        "payload": kind.result,
        "correlationId": _correlation(),
    }


def _kinds(settings: Settings, lane: Lane, served: Served) -> Iterator[_Kind]:
    transform = settings.models[served.name].transform
    if isinstance(transform, ReadyMade):
        yield from _ready_made(transform)
    elif transform:
        body = payloads.opaque(f"what the transform {transform} takes")
        reply = payloads.opaque("what it replies with")
        yield _Kind("body", _ANY, body, _ANY_FORM, (), _ANY, reply)
    else:
        yield from _forms(settings, lane, served)


def _ready_made(table: ReadyMade) -> Iterator[_Kind]:
    result = payloads.ready_made_result(table)
    match table:
        case TextTransform():
            text: Schema = {"type": "string", "description": "one text, UTF-8"}
            form: Schema = {"type": "string", "not": {"const": _JSON}}
            yield _Kind("text", "text/plain", text, form, (), _JSON, result)
            named: Schema = {"const": _JSON}
            yield _Kind("texts", _JSON, payloads.texts(), named, (CONTENT_TYPE,), _JSON, result)
        case ImageTransform():
            picture = payloads.opaque("a JPEG, PNG or WebP picture")
            yield _Kind("picture", "image/*", picture, _ANY_FORM, (), _JSON, result)


def _forms(settings: Settings, lane: Lane, served: Served) -> Iterator[_Kind]:
    model = settings.models[served.name]
    rules = ModelRules(served.name, served.signature, model, settings.limits, transform=False)
    for form in rules.forms:
        media = _MEDIA[form]
        required = [] if media == lane.content_type else [CONTENT_TYPE]
        if form is Form.BINARY:
            required.append(JSON_LENGTH)
        yield _Kind(
            form.value,
            media,
            _request_body(form, rules, model),
            {"const": media},
            required,
            media,
            _result_body(form, rules, model),
            form is Form.BINARY,
        )


def _request_body(form: Form, rules: ModelRules, model: Model) -> Schema:
    taken = rules.signature.inputs
    if form is Form.RAW:
        return payloads.raw_rows(taken[0])
    if form is Form.NPY:
        return payloads.npy_file(taken[0])
    ranges = {spec.name: model.range_of(spec.name) for spec in taken}
    binary = form is Form.BINARY
    said = payloads.request_json(rules.signature, ranges, most_rows=rules.most_rows, binary=binary)
    return payloads.json_then_bytes(said) if binary else said


def _result_body(form: Form, rules: ModelRules, model: Model) -> Schema:
    given = rules.signature.outputs
    if form is Form.RAW:
        return payloads.raw_rows(given[0])
    if form is Form.NPY:
        return payloads.npy_file(given[0])
    binary = form is Form.BINARY
    said = payloads.result_json(
        rules.signature, rules.name, finite=model.finite_outputs, binary=binary
    )
    return payloads.json_then_bytes(said) if binary else said


def _correlation() -> Mapping[str, str]:
    return {"location": f"$message.header#/{CORRELATION[0]}"}
