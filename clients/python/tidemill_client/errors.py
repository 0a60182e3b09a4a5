"""How asking ends without a result: a few kinds of error, each with a code and a detail.

The kind says what to do, the code what happened, the detail is for people and may change. Pure.
"""

from typing import Literal, TypeAlias

import msgspec

from tidemill_client.reply import Reply

OwnCode: TypeAlias = Literal[
    "broker_unavailable",
    "closed",
    "forked",
    "group_denied",
    "lost",
    "no_reply",
    "not_open",
    "not_yet",
    "other_loop",
    "refused",
    "too_large",
    "topic_denied",
    "unacknowledged",
    "unknown_topic",
    "unsent",
]
"""The codes that this client makes; all others are the daemon's, of docs/wire.md."""

REFUSALS = frozenset(
    {
        "invalid_request",
        "invalid_json",
        "invalid_shape",
        "invalid_value",
        "unsupported_media_type",
        "too_large",
        "unknown_model",
    }
)
"""The daemon's codes for requests that are wrong as they are."""
_DEADLINE_EXCEEDED = "deadline_exceeded"


class TidemillError(Exception):
    """Any of them; `reply` is the daemon's, where there is one."""

    def __init__(self, code: str, detail: str, *, reply: Reply | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.reply = reply

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Rejected(TidemillError):
    """The request is wrong as it is: sent again it will be refused again."""


class Failed(TidemillError):
    """The request was taken and gave no result; `retriable`: the same one may fare better."""

    def __init__(
        self, code: str, detail: str, *, reply: Reply | None = None, retriable: bool = False
    ) -> None:
        super().__init__(code, detail, reply=reply)
        self.retriable = retriable


class Expired(TidemillError):
    """Its time was over before the model ran: it is certain that nothing was computed."""


class NoReply(TidemillError):
    """No answer came in time, and nobody knows whether something was computed."""


class NotSent(TidemillError):
    """The request did not get into Kafka: it is certain that nobody will ever read it."""


class Closed(TidemillError):
    """This client cannot be used, any more or from here."""


class NotYet(TidemillError):
    """What was submitted is not answered so far."""


class Lost(TidemillError):
    """What was submitted was dealt with, and its reply is not there to be read."""


class _Problem(msgspec.Struct):
    """The body of an error reply, RFC 9457."""

    code: str = ""
    detail: str = ""
    retriable: bool = False


def error_of(reply: Reply) -> TidemillError | None:
    """Return what an error reply says, None of a result."""
    if reply.header("status") != b"error":
        return None
    try:
        problem = msgspec.json.decode(reply.body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(detail="the body of the error reply cannot be read")
    code = problem.code or (reply.header("error-code") or b"").decode("utf-8", "replace")
    if code in REFUSALS:
        return Rejected(code, problem.detail, reply=reply)
    if code == _DEADLINE_EXCEEDED:
        return Expired(code, problem.detail, reply=reply)
    return Failed(code, problem.detail, reply=reply, retriable=problem.retriable)
