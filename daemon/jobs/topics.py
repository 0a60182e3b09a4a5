"""Whether the topics are fit for a job: what they take, and how long they keep it."""

from config.units import format_duration
from daemon.jobs.registering import Registered
from daemon.kafka.looking.cluster import Topic
from daemon.values.errors import Exit, Fatal

_RECORD_BYTES = 1_024
"""What a record takes beside its body: ids of 300 bytes, a few headers, Kafka's own."""


def check_size(registered: Registered, topic: str, seen: Topic) -> None:
    """Raise Fatal where `topic` does not take the largest of the items."""
    if seen.largest_bytes is None or registered.largest_bytes + _RECORD_BYTES <= seen.largest_bytes:
        return
    raise Fatal(
        Exit.USAGE,
        f"nothing was sent: {registered.largest} has {registered.largest_bytes:,} bytes, and {topic} takes"
        f" records of {seen.largest_bytes:,} (max.message.bytes)",
    )


def short_retention(topic: str, seen: Topic, *, until_s: float) -> str:
    """Return a warning where `topic` may delete its first replies within `until_s`; empty: it does not.

    Whoever comes back at the deadline, to a job that was stopped at once, finds no less than that.
    """
    if seen.retention_s is None or seen.retention_s >= until_s:
        return ""
    return (
        f"{topic} keeps replies for {format_duration(seen.retention_s)} (retention.ms), and --by is later: do"
        " not leave this job alone for longer than that, or replies are gone before they are read"
    )
