"""What may be asked, as bytes with the header that says their form. Pure."""

from typing import Any, TypeAlias

import msgspec

from tidemill_client import arrays

Body: TypeAlias = Any
"""Bytes as they are, an array of numpy's as an .npy file, anything else as JSON."""

JSON = "application/json"


def encoded(body: Body, content_type: str | None) -> tuple[bytes, str | None]:
    """Return `body` as bytes, and their form: `content_type` unless it is None.

    Bytes without one have the lane's. Raises TypeError and ValueError for what has no form.
    """
    if isinstance(body, bytes):
        return body, content_type
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body), content_type
    if body is None or isinstance(body, str):
        raise TypeError(f"a body is bytes, an array or what JSON can say, not {body!r:.40}")
    if arrays.is_array(body):
        return arrays.encoded(body), content_type or arrays.NPY
    return msgspec.json.encode(body, enc_hook=_plain), content_type or JSON


def not_one(bodies: Any) -> Any:  # noqa: ANN401 - an iterable of either kind
    """Return `bodies`; raises TypeError for a single one, of which each byte would be asked by itself."""
    if isinstance(bodies, (bytes, bytearray, memoryview, str)):
        raise TypeError(f"many bodies are an iterable of them, not {bodies!r:.40}")
    return bodies


def _plain(value: object) -> object:
    """Return arrays and numbers of numpy's within JSON as lists and numbers."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"JSON has no form for {type(value).__name__}")
