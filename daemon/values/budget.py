"""How much a lane may hold at a time, from fetch to acknowledged reply. Pure."""

import math

_REOPENS_AT = 0.75
"""Share of each limit below which a full budget has room again. Fetching stops and starts by the
quarter instead of by the request; three quarters keep the executor fed while replies drain."""


class Budget:
    """Requests and bytes held by one lane, against their limits.

    A fetch brings no more records than there is room for, and passes the bytes by one record. They
    are counted as fetched; what grows when it is decoded comes on top. Once full it stays closed
    until both counts are at three quarters of their limits or below.

    What transforms make of requests counts among their bytes, and by itself besides: beyond the same
    limit no more is made. Bodies that wait do not stop it, for nothing but making lets them go.

    Replies, and outputs that wait to become some, have a limit of their own: what makes them runs no
    more of the lane beyond it. Counted with the requests they would stop those that wait, which
    nothing but running lets go.
    """

    __slots__ = (
        "_full",
        "_max_bytes",
        "_max_reply_bytes",
        "_max_requests",
        "bytes",
        "prepared_bytes",
        "reply_bytes",
        "requests",
    )

    def __init__(
        self, max_requests: int, max_bytes: int, max_reply_bytes: float = math.inf
    ) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._max_reply_bytes = max_reply_bytes
        self._full = False
        self.requests = 0
        self.bytes = 0
        self.prepared_bytes = 0
        self.reply_bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether more may be fetched."""
        return not self._full

    @property
    def room(self) -> int:
        """Requests that may be fetched before the budget is full."""
        return max(self._max_requests - self.requests, 0)

    @property
    def room_bytes(self) -> int:
        """Bytes that may be fetched before the budget is full."""
        return max(self._max_bytes - self.bytes, 0)

    @property
    def has_room_to_prepare(self) -> bool:
        """Whether transforms may make more of what is held."""
        return self.prepared_bytes < self._max_bytes

    @property
    def has_room_for_replies(self) -> bool:
        """Whether more may be made."""
        return self.reply_bytes < self._max_reply_bytes

    def take(self, requests: int, size_bytes: int) -> None:
        """Count `requests` of `size_bytes` together in; they are held already."""
        self.requests += requests
        self.bytes += size_bytes
        if self.requests >= self._max_requests or self.bytes >= self._max_bytes:
            self._full = True

    def take_prepared(self, size_bytes: int) -> None:
        """Count in what transforms made of requests that are held."""
        self.take(0, size_bytes)
        self.prepared_bytes += size_bytes

    def give(self, requests: int, size_bytes: int, prepared_bytes: int = 0) -> None:
        """Count out again what was taken; `prepared_bytes` of the bytes were made by transforms.

        Raises ValueError for more than is held.
        """
        if (
            requests > self.requests
            or size_bytes > self.bytes
            or prepared_bytes > self.prepared_bytes
        ):
            raise ValueError(
                f"{requests} requests of {size_bytes} bytes, {prepared_bytes} of them prepared,"
                f" given back of {self.requests} of {self.bytes} and {self.prepared_bytes}"
            )
        self.requests -= requests
        self.bytes -= size_bytes
        self.prepared_bytes -= prepared_bytes
        if (
            self.requests <= self._max_requests * _REOPENS_AT
            and self.bytes <= self._max_bytes * _REOPENS_AT
        ):
            self._full = False

    def take_replies(self, size_bytes: int) -> None:
        """Count in the bodies of replies, which wait for the broker, or what they are made of."""
        self.reply_bytes += size_bytes

    def give_replies(self, size_bytes: int) -> None:
        """Count them out again; raises ValueError for more than is held."""
        if size_bytes > self.reply_bytes:
            raise ValueError(f"replies of {size_bytes} bytes given back of {self.reply_bytes}")
        self.reply_bytes -= size_bytes
