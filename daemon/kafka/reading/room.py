"""How much of what was fetched may be taken in one go. Pure."""

RESPONSE_BYTES = 8 * 2**20
"""As much as 8 partitions bring by default; the client's own 50 MiB would not come sooner."""
MOST_BATCHES = 256
"""Read in one turn of the loop: 1 to 2 ms where they have few records each, as many small batches have."""


def response_bytes(fetch_bytes: int) -> int:
    """Return how much a broker may answer to one fetch, for all partitions together.

    It is held three times while the client takes it apart.
    """
    return max(fetch_bytes, RESPONSE_BYTES)


class Room:
    """Records, bytes and batches that may still be taken; the last record may pass the bytes.

    So a record larger than any room is taken too, alone.
    """

    __slots__ = ("batches", "bytes", "most_bytes", "records")

    def __init__(self, records: int, size_bytes: float) -> None:
        self.records = records
        self.bytes = self.most_bytes = size_bytes
        self.batches = MOST_BATCHES

    @property
    def is_left(self) -> bool:
        """Whether another record may be taken."""
        return self.records > 0 and self.bytes > 0 and self.batches > 0
