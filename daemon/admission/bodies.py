"""What the bodies of a lane's requests hold, by their forms."""

from collections.abc import Sequence

import msgspec

from daemon.admission.json_bodies import JsonBodies
from daemon.admission.model_rules import ModelRules
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Arrays, Bucket, Envelope, Form
from daemon.values.object_sizes import array_bytes
from daemon.wire.forms import Decoded
from daemon.wire.headers import RequestHeaders
from daemon.wire.media import form_of

# Looking up a member of an Enum takes 90 ns; these are wanted for each request.
_RAW, _BINARY, _TRANSFORM, _JSON = Form.RAW, Form.BINARY, Form.TRANSFORM, Form.JSON

_MOST_MEDIA_TYPES = 256
"""Decisions on media types that are kept."""


class Body(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A body that is to be read for `model`; `json_bytes` of it are JSON where it has binary parts."""

    value: bytes
    form: Form
    model: ModelRules
    json_bytes: int | None


class Content(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a body holds; `decoded_bytes` are taken besides the body's own."""

    bucket: Bucket
    form: Form
    inputs: bytes | Arrays
    rows: int
    decoded_bytes: int = 0
    envelope: Envelope | None = None


class Bodies:
    """Reads the bodies of one lane; `content_type` is that of requests which name none."""

    def __init__(self, lane: str, models: Sequence[ModelRules], content_type: str) -> None:
        self._lane = lane
        self._content_type = content_type.encode()
        self._buckets = {model.name: Bucket(lane, model.name) for model in models}
        self._json = {model.name: JsonBodies(model) for model in models if not model.transform}
        self._forms: dict[bytes, Form | None] = {}

    def json_of(self, model: ModelRules) -> JsonBodies:
        """Return what reads JSON bodies for a model that has no transform."""
        return self._json[model.name]

    def form(self, headers: RequestHeaders, model: ModelRules) -> Form:
        """Return the form of a body; raises RequestRefused for one that the model does not take."""
        if model.transform:
            return _TRANSFORM
        form = self._named(headers.content_type)
        if form is _RAW and headers.json_bytes is not None:
            form = _BINARY
        if form is None or form not in model.forms:
            raise RequestRefused(
                Code.UNSUPPORTED_MEDIA_TYPE, "this model takes no bodies of that media type"
            )
        return form

    def read(self, bodies: Sequence[Body]) -> list[Content | RequestRefused]:
        """Return what each body holds, or why it is refused."""
        alike = self._alike(bodies)
        contents: list[Content | RequestRefused] = []
        is_learning = True
        for place, body in enumerate(bodies):
            decoded = alike.get(place)
            try:
                contents.append(self._content(body, decoded))
            except RequestRefused as refused:
                contents.append(refused)
                continue
            if decoded is None and is_learning and body.form is _JSON:
                self._json[body.model.name].learn(body.value)
                is_learning = False  # once a call: bodies of which none is alike must not cost much
        return contents

    def _alike(self, bodies: Sequence[Body]) -> dict[int, Decoded]:
        """Return what JSON bodies hold that are like others before them, by their places."""
        of_model: dict[str, dict[int, bytes]] = {}
        for place, body in enumerate(bodies):
            if body.form is _JSON:
                of_model.setdefault(body.model.name, {})[place] = body.value
        decoded: dict[int, Decoded] = {}
        for model, values in of_model.items():
            decoded.update(self._json[model].read(values))
        return decoded

    def _content(self, body: Body, decoded: Decoded | None) -> Content:
        model, form = body.model, body.form
        if form is _TRANSFORM:
            return Content(self._buckets[model.name], form, body.value, 1)
        if not body.value:
            raise RequestRefused(Code.INVALID_REQUEST, "the value is empty")
        if form is _RAW:
            return Content(self._buckets[model.name], form, body.value, model.raw_rows(body.value))
        if decoded is None:
            decoded = model.decode(form, body.value, body.json_bytes)
        arrays, rows, envelope = decoded
        bucket = model.bucket(self._lane, arrays)
        decoded_bytes = sum(map(array_bytes, arrays.values()))
        decoded_bytes += model.padding_bytes(bucket, arrays)
        return Content(bucket, form, arrays, rows, decoded_bytes, envelope)

    def _named(self, content_type: bytes | None) -> Form | None:
        if content_type is None:
            content_type = self._content_type
        if content_type in self._forms:
            return self._forms[content_type]
        form = form_of(content_type)
        if len(self._forms) < _MOST_MEDIA_TYPES:
            self._forms[content_type] = form
        return form
