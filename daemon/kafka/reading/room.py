"""How much of what was fetched may be taken in one go. Pure."""

RESPONSE_BYTES = 8 * 2**20
"""As much as 8 partitions bring by default; the client's own 50 MiB would not come sooner."""


def response_bytes(fetch_bytes: int) -> int:
    """Return how much a broker may answer to one fetch, for all partitions together.

    It is held three times while the client takes it apart.
    """
    return max(fetch_bytes, RESPONSE_BYTES)


class Room:
    """Records and bytes that may still be taken; the last record may pass the bytes.

    So a record larger than any room is taken too, alone.
    """

    __slots__ = ("bytes", "most_bytes", "records")

    def __init__(self, records: int, size_bytes: float) -> None:
        self.records = records
        self.bytes = self.most_bytes = size_bytes

    @property
    def is_left(self) -> bool:
        """Whether another record may be taken."""
        return self.records > 0 and self.bytes > 0
