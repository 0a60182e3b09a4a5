"""How far the group is behind, of many partitions. Pure."""

from collections.abc import Iterable, Mapping

from daemon.scaling.observation import Observation, Partition
from daemon.scaling.report import TopicLag


def what_waits(seen: Observation, due: Observation) -> Observation:
    """Return what was `seen`, as if all that is `due` had been answered."""
    partitions = {
        partition: offsets._replace(committed=due.partitions[partition].end)
        for partition, offsets in seen.partitions.items()
    }
    return seen._replace(partitions=partitions)


def topic_lag(
    topic: str,
    seen: Observation,
    due: Observation,
    ages_s: Mapping[Partition, float | None],
    waits_s: Mapping[Partition, float | None],
) -> TopicLag:
    """Return how far the group is behind; of a topic without a partition nothing is known.

    `due` is what was `seen`, as if logs ended where what is due ends; `ages_s`: how long the oldest
    record of each partition is due, `waits_s`: how long the oldest one has waited that is not; None is
    unknown.
    """
    mine = [partition for partition in seen.partitions if partition[0] == topic]
    if not mine:
        return TopicLag(None, None, None, None)
    records = _sum(due.partitions[partition].lag for partition in mine)
    all_of_it = _sum(seen.partitions[partition].lag for partition in mine)
    return TopicLag(
        records,
        _max(ages_s[partition] for partition in mine),
        None if records is None or all_of_it is None else all_of_it - records,
        _max(waits_s[partition] for partition in mine),
    )


def in_all(lags: Iterable[TopicLag]) -> TopicLag:
    """Return how far the group is behind in all of them together; one unknown makes it so."""
    each = list(lags)
    return TopicLag(
        _sum(lag.records for lag in each),
        _max(lag.seconds for lag in each),
        _sum(lag.waiting for lag in each),
        _max(lag.waiting_seconds for lag in each),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    """Return the sum; one that is unknown makes it so."""
    numbers = list(values)
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _max(values: Iterable[float | None]) -> float | None:
    """Return the largest; one that is unknown makes it so."""
    numbers = list(values)
    known = [number for number in numbers if number is not None]
    return max(known) if numbers and len(known) == len(numbers) else None
