"""A request on its way to Kafka, and how far it came."""

import asyncio
from typing import Any, NamedTuple

from tidemill_client.errors import NoReply, NotSent, TidemillError
from tidemill_client.request_headers import Headers


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Outgoing:
    """A request; its future is what its sender waits for, and once that is done it is not wanted."""

    __slots__ = (
        "body",
        "correlation",
        "future",
        "headers",
        "is_doubtful",
        "is_handed",
        "key",
        "latest_s",
        "place",
        "timeout_s",
        "topic",
        "wall_ms",
    )

    def __init__(
        self,
        topic: str,
        body: bytes,
        headers: Headers,
        *,
        correlation: bytes,
        key: bytes | None,
        wall_ms: int,
        timeout_s: float,
        latest_s: float,
        future: asyncio.Future[Any],
    ) -> None:
        """`timeout_s`: how long it may take; `latest_s`: until when, in the loop's time."""
        self.topic = topic
        self.body = body
        self.headers = headers
        self.correlation = correlation
        self.key = key
        self.wall_ms = wall_ms
        self.timeout_s = timeout_s
        self.latest_s = latest_s
        self.future = future
        self.is_handed = False
        """Whether the Kafka client has it at the moment,"""
        self.is_doubtful = False
        """or had it, and nobody can say what became of it there."""
        self.place: Place | None = None
        """Where it is, once the broker has said so."""

    @property
    def may_be_in_kafka(self) -> bool:
        """Whether somebody may have read it."""
        return self.is_handed or self.is_doubtful

    def taken(self, place: Place) -> None:
        """Note that the broker has it."""
        self.place = place

    def refuse(self, error: TidemillError) -> None:
        """End it: it did not get into Kafka."""
        if not self.future.done():
            self.future.set_exception(error)

    def silence(self, waited: str, doubt: str) -> TidemillError:
        """Return what it means that nothing more was heard of it; `doubt`: why that may be."""
        if not self.may_be_in_kafka:
            return NotSent("unsent", f"no broker took it for {self.topic} within {waited}{doubt}")
        if self.place is None:
            return NoReply(
                "unacknowledged",
                f"no broker said within {waited} that it has it for {self.topic}{doubt}",
            )
        return NoReply("no_reply", f"nobody answered {self.place} within {waited}{doubt}")


class Submission(Outgoing):
    """A request whose sender waits for nothing but that Kafka has it."""

    __slots__ = ()

    def taken(self, place: Place) -> None:
        """Tell its sender."""
        super().taken(place)
        if not self.future.done():
            self.future.set_result(place)
