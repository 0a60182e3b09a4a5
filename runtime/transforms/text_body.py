"""What a request of texts says: plain text, or JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from runtime.transform import Rejected

Text: TypeAlias = tuple[str, str | None]
"""A text, and the one that it is compared with, if any."""

_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


def read_texts(body: bytes, headers: Mapping[str, bytes]) -> tuple[Sequence[Text], bool]:
    """Return the texts of a request, and whether it is a list of them; raises Rejected."""
    media, charset = _media(headers.get("content-type", b""))
    if charset not in _UTF8:
        raise Rejected("unsupported_media_type", "send UTF-8")
    try:
        text = body.decode()
        if media != "application/json":
            return [(text, None)], False
        return _of_json(json.loads(text))
    except UnicodeDecodeError:
        raise Rejected("invalid_value", "the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise Rejected("invalid_json", "the body is not JSON, or too deep") from None


def _of_json(sent: object) -> tuple[Sequence[Text], bool]:
    if not isinstance(sent, dict) or not {"text"} <= sent.keys() <= {"text", "pair"}:
        raise Rejected("invalid_request", 'send {"text": "..."}, and "pair" to compare it with')
    text, pair = sent["text"], sent.get("pair")
    if isinstance(text, str) and (pair is None or isinstance(pair, str)):
        return [(text, pair)], False
    pairs = [None] * len(text) if isinstance(text, list) and pair is None else pair
    if not isinstance(text, list) or not isinstance(pairs, list) or len(text) != len(pairs):
        raise Rejected("invalid_request", "text, and pair if there is one, are strings or lists")
    if not all(isinstance(each, str) for each in [*text, *(pair or ())]):
        raise Rejected("invalid_request", "a list of texts holds strings")
    return list(zip(text, pairs, strict=True)), True


def _media(content_type: bytes) -> tuple[str, str]:
    """Return the media type and the charset, UTF-8 where none is named."""
    media, *parameters = content_type.decode("latin-1").lower().split(";")
    charsets = [
        value.strip(' "')
        for name, _, value in (parameter.partition("=") for parameter in parameters)
        if name.strip() == "charset"
    ]
    return media.strip(), charsets[0] if charsets else "utf-8"
