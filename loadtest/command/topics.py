"""The command `topics`: those that a configuration names are there afterwards."""

from pathlib import Path

from loadtest.kafka.address import address
from loadtest.kafka.topics import create, read


def topics(file: Path, partitions: int) -> None:
    """Create them and say which were there; raises KafkaUnavailable, TopicsFailed."""
    job = read(file)
    bootstrap = address(job.bootstrap).bootstrap
    created = create(bootstrap, job.topics, partitions, topic_of_jobs=job.topic_of_jobs)
    for topic in job.topics:
        print(f"{topic}: {'created' if topic in created else 'was there'} on {bootstrap}")
