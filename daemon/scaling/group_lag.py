"""How far the group is behind, of many partitions. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from daemon.scaling.observation import Observation, Partition
from daemon.scaling.report import TopicLag


def what_waits(seen: Observation, due: Observation, topics: Collection[str]) -> Observation:
    """Return what was `seen` of `topics`, as if all that is `due` had been answered."""
    partitions = {
        partition: offsets._replace(committed=due.partitions[partition].end)
        for partition, offsets in seen.partitions.items()
        if partition[0] in topics
    }
    return seen._replace(partitions=partitions)


def topic_lags(
    topics: Collection[str],
    seen: Observation,
    due: Observation,
    ages_s: Mapping[Partition, float | None],
    waits_s: Mapping[Partition, float | None],
) -> dict[str, TopicLag]:
    """Return how far the group is behind in each topic; of one without a partition nothing is known.

    `due` is what was `seen`, as if logs ended where what is due ends; `ages_s`: how long the oldest
    record of each partition is due, `waits_s`: how long the oldest one has waited that is not, of
    the topics in which something may; None is unknown.
    """
    partitions: dict[str, list[Partition]] = {topic: [] for topic in topics}
    for partition in seen.partitions:
        partitions[partition[0]].append(partition)
    return {
        topic: _topic_lag(mine, seen, due, ages_s, waits_s) for topic, mine in partitions.items()
    }


def _topic_lag(
    mine: Sequence[Partition],
    seen: Observation,
    due: Observation,
    ages_s: Mapping[Partition, float | None],
    waits_s: Mapping[Partition, float | None],
) -> TopicLag:
    if not mine:
        return TopicLag(None, None, None, None)
    records = _sum(due.partitions[partition].lag for partition in mine)
    age_s = _max(ages_s[partition] for partition in mine)
    if mine[0] not in waits_s:
        return TopicLag(records, age_s, *((None, None) if records is None else (0, 0.0)))
    all_of_it = _sum(seen.partitions[partition].lag for partition in mine)
    return TopicLag(
        records,
        age_s,
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
