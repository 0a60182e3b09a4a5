"""Which form a body has, by its media type."""

from daemon.values.messages import Form

_FORMS = {
    b"application/json": Form.JSON,
    b"application/octet-stream": Form.RAW,
    b"application/x-npy": Form.NPY,
}
_CHARSETS = frozenset({b"utf-8", b"utf8", b"us-ascii"})
"""Of JSON; ASCII is a part of UTF-8."""


def form_of(content_type: bytes) -> Form | None:
    """Return the form that a media type names, None for one that is not served.

    Case does not matter and parameters are ignored, except that JSON is UTF-8. Octets stand for raw
    rows here; a header that gives the length of a JSON part makes them Form.BINARY.
    """
    media_type, *parameters = content_type.lower().split(b";")
    form = _FORMS.get(media_type.strip())
    if form is Form.JSON and not all(_is_utf8(parameter) for parameter in parameters):
        return None
    return form


def _is_utf8(parameter: bytes) -> bool:
    name, _, value = parameter.partition(b"=")
    return name.strip() != b"charset" or value.strip().strip(b'"') in _CHARSETS
