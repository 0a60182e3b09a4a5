"""What msgspec's decoder lets pass in a JSON text and careful readers do not.

By itself it refuses NaN and Infinity, numbers beyond float64, lone surrogates, control characters
in strings, a byte order mark and anything after the end. It lets pass, and so is looked for here: a
key given twice (the last would win), invalid UTF-8 in fields it skips, and nesting up to Python's
recursion limit.
"""

import re
from collections.abc import Iterable

import msgspec

from daemon.values.errors import Code, RequestRefused

_TELLING = 64
"""Bytes by which an array is found again."""
# A string, and whether it is a key; or a bracket. Possessive: linear in a well-formed text.
_TOKEN = re.compile(
    rb'[^][{}"]*+(?:("[^"\\]*+(?:\\.[^"\\]*+)*+")(?:[ \t\r\n]*+(:))?|([][{}]))', re.DOTALL
)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a text that it cannot decode."""


def refusal(error: Exception, mismatch: Code) -> RequestRefused:
    """Return the refusal for one of UNREADABLE: invalid_json, or `mismatch` for a wrong type.

    A number beyond 64 bits is invalid_json, wherever it stands.
    """
    if isinstance(error, UnicodeDecodeError):
        return RequestRefused(Code.INVALID_JSON, "not UTF-8")
    if isinstance(error, RecursionError):
        return RequestRefused(Code.INVALID_JSON, "nested too deep")
    if not isinstance(error, msgspec.ValidationError) or "out of range" in str(error):
        return RequestRefused(Code.INVALID_JSON, str(error))
    return RequestRefused(mismatch, str(error))


def check_well_formed(text: bytes, *, most_depth: int) -> None:
    """Look through a text that has not been decoded; raises RequestRefused invalid_json."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except UNREADABLE as error:
        raise refusal(error, Code.INVALID_JSON) from error
    check_text(text, most_depth=most_depth)


def check_text(text: bytes, *, most_depth: int, arrays: Iterable[bytes] = ()) -> None:
    """Look through a text that msgspec has decoded.

    *arrays*: parts of it that are known to hold no objects and little depth; they are left out,
    since they are most of the text.

    Raises: RequestRefused invalid_json.
    """
    for array in arrays:
        start = array[:_TELLING]  # a search for all of it takes as long as to look through it
        place = text.find(start)
        if place >= 0 and text.find(start, place + 1) < 0:  # else nobody knows which is meant
            text = text[:place] + text[place + len(array) :]
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise RequestRefused(Code.INVALID_JSON, "not UTF-8") from error
    _check_tokens(text, most_depth)


def _check_tokens(text: bytes, most_depth: int) -> None:
    open_keys: list[set[bytes]] = []
    for string, colon, bracket in _TOKEN.findall(text):
        if colon:
            _enter(open_keys[-1], string)
        elif bracket in {b"{", b"["}:
            open_keys.append(set())
            if len(open_keys) > most_depth:
                raise RequestRefused(Code.INVALID_JSON, f"nested deeper than {most_depth}")
        elif bracket:
            open_keys.pop()


def _enter(keys: set[bytes], string: bytes) -> None:
    if b"\\" in string:  # two spellings of one key
        string = msgspec.json.encode(msgspec.json.decode(string))
    if string in keys:
        raise RequestRefused(Code.INVALID_JSON, "a key is given twice in one object")
    keys.add(string)
