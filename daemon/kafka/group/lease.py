"""How long a worker may act as the owner of its partitions without hearing from the group. Pure."""

from math import inf


class Lease:
    """A member's session, seen from the member; times are monotonic seconds.

    The broker gives partitions away when it has heard no heartbeat for the session timeout. What
    it answered proves that it heard a request after that was sent, so the lease runs from the
    sending, never from the answer: a process that was stopped in between must not believe it.
    """

    def __init__(self, session_s: float) -> None:
        self._session_s = session_s
        self._until_s = -inf

    def renew(self, sent_s: float) -> None:
        """The broker answered a heartbeat, or what counts as one, that was sent at `sent_s`."""
        self._until_s = max(self._until_s, sent_s + self._session_s)

    def end(self) -> None:
        """The broker no longer knows this member."""
        self._until_s = -inf

    def valid(self, now_s: float) -> bool:
        """Whether the broker surely still takes this worker for a member."""
        return now_s < self._until_s
