"""The body of an error reply: a problem document (RFC 9457)."""

import msgspec

from daemon.values.errors import Code
from daemon.wire.headers import CONTENT_TYPE, PROBLEM

PROBLEM_TYPE = (CONTENT_TYPE, PROBLEM)
_TYPE = "urn:tidemill:problem:"
"""A problem's `type`: a name, not an address, since workers have no public pages."""
LONGEST_DETAIL = 300
"""Characters; details repeat names that a requester chose."""


def problem(code: Code, detail: str) -> bytes:
    """Return the JSON of a problem; `detail` is cut to its longest."""
    return _OPENINGS[code] + msgspec.json.encode(brief(detail)) + b"}"


def detail_of(body: bytes) -> str:
    """Return the detail of somebody's problem document, as far as it is one."""
    try:
        return msgspec.json.decode(body, type=_Detailed).detail
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


class _Detailed(msgspec.Struct):
    detail: str = ""


def brief(detail: str) -> str:
    """Return `detail` cut to its longest, and fit to be written as UTF-8."""
    cut = detail if len(detail) <= LONGEST_DETAIL else detail[: LONGEST_DETAIL - 1] + "…"
    return cut.encode(errors="replace").decode()


def _opening(code: Code) -> bytes:
    fixed = {
        "type": _TYPE + code,
        "title": code.replace("_", " "),
        "code": code,
        "retriable": code.retriable,
    }
    return msgspec.json.encode(fixed)[:-1] + b',"detail":'


_OPENINGS = {code: _opening(code) for code in Code}
