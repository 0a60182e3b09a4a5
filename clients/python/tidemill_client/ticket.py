"""What is needed to find the reply to a request later, from anywhere, and what it means when there is none.

Rule 1: who looks learns first how far the group has committed, then where the reply partition ends,
and reads up to there. A commit beyond a request is made when its reply is in Kafka, so that a reply
not found by then will never be found.
Rule 2: without such a commit nothing is certain yet; who may not see it cannot wait for it either.
Pure.
"""

from typing import TypeAlias

import msgspec

from tidemill_client.errors import Lost, NoReply, NotYet


class Ticket(msgspec.Struct, frozen=True):
    """Where a request is, who serves it, and where its reply will be."""

    topic: str
    partition: int
    offset: int
    group: str
    """The job's `kafka.group`."""
    correlation: str
    """As hexadecimal digits."""
    reply_topic: str
    reply_partition: int
    reply_from: int
    """The reply is at this offset or behind it."""
    deadline_ms: int
    """When the request expires, in milliseconds since 1970."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no client has made."""
        bytes.fromhex(self.correlation)

    def encode(self) -> str:
        """Return it as text, for a database or another process."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: "str | bytes") -> "Ticket":
        """Return the ticket that `text` is; raises msgspec.MsgspecError."""
        return msgspec.json.decode(text, type=cls)


Committed: TypeAlias = "int | NoReply | None"
"""Below which offset a group is done with a partition; None where it has committed nothing, and NoReply
where that cannot be learned."""


def unanswered(
    ticket: Ticket, committed: Committed, *, first: int | None
) -> NotYet | Lost | NoReply:
    """Return what it means that no reply was found.

    `committed`: as it was before the reply partition was read; `first`: the first offset that the
    reply partition still had, None where there is no such partition.
    """
    where = f"{ticket.topic}/{ticket.partition}"
    if isinstance(committed, NoReply):
        return NoReply(committed.code, committed.detail)
    if committed is None:
        return NotYet("not_yet", f"the group {ticket.group} has committed nothing of {where}")
    if committed <= ticket.offset:
        return NotYet(
            "not_yet",
            f"the group {ticket.group} has committed {where} up to {committed}, "
            f"the request is at {ticket.offset}",
        )
    replies = f"{ticket.reply_topic}/{ticket.reply_partition}"
    if first is None:
        why = f"there is no {replies} any more"
    elif first > ticket.reply_from:
        why = f"{replies} keeps nothing before {first} any more, its reply may have been there"
    else:
        why = "it may be a dead letter, or have been stepped over by hand"
    return Lost("lost", f"the group {ticket.group} is done with {where}/{ticket.offset}, and {why}")
