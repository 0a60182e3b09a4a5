"""The topics that a configuration names, created for it: the daemon itself creates none."""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from loadtest.kafka.jars import KafkaUnavailable

PARTITIONS = 4
"""Enough for a few workers; one broker on loopback has no use for more."""
# A request of 1 MiB and its headers must pass; Kafka's own limit is 1 MiB for both.
_SETTINGS = {"max.message.bytes": str(2 * 2**20)}
# The last word of each job is kept, others go within hours: as docs/jobs.md makes it by hand.
_SETTINGS_OF_JOBS = {**_SETTINGS, "cleanup.policy": "compact", "segment.ms": "3600000"}
_PARTITIONS_OF_JOBS = 1
"""They are read in one order."""
_MOST_COPIES = 3
"""Loses one node without harm; more is for who knows better."""
_BROKER = "127.0.0.1:9092"


class TopicsFailed(Exception):
    """Topics cannot be created; the message says why."""


class Job(NamedTuple):
    """What a configuration says of Kafka: its broker, and every topic it names, once.

    `topic_of_jobs` is the one of them that is compacted, if there is one.
    """

    bootstrap: str
    topics: list[str]
    topic_of_jobs: str | None = None


def read(file: Path) -> Job:
    """Return the job that `file` configures; raises TopicsFailed."""
    try:
        return job(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TopicsFailed(f"{file} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise TopicsFailed(
            f"{file} names no lanes, replies and dead letters; `tidemill check` says more"
        ) from error


def job(written: Mapping[str, Any]) -> Job:
    """Return what a configuration, read as TOML, says; raises KeyError when it is none. Pure."""
    lanes = [topic for lane in written["lanes"].values() for topic in lane["topics"]]
    jobs = written.get("jobs", {})
    heard = [jobs[each] for each in ("topic", "openlineage_topic") if each in jobs]
    topics = [*lanes, written["replies"]["topic"], written["dead_letters"]["topic"], *heard]
    bootstrap = written.get("kafka", {}).get("bootstrap_servers", _BROKER)
    return Job(bootstrap, list(dict.fromkeys(topics)), jobs.get("topic"))


def create(
    bootstrap: str,
    topics: Sequence[str],
    partitions: int = PARTITIONS,
    *,
    topic_of_jobs: str | None = None,
) -> list[str]:
    """Create those of `topics` that do not exist and return them.

    `topic_of_jobs` gets one partition and is compacted. Raises: KafkaUnavailable, TopicsFailed.
    """
    return asyncio.run(_create(bootstrap, topics, partitions, topic_of_jobs))


async def _create(
    bootstrap: str, topics: Sequence[str], partitions: int, topic_of_jobs: str | None
) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        copies = min(_MOST_COPIES, len((await admin.describe_cluster())["brokers"]))
        wanted = [
            NewTopic(name, _PARTITIONS_OF_JOBS, copies, topic_configs=_SETTINGS_OF_JOBS)
            if name == topic_of_jobs
            else NewTopic(name, partitions, copies, topic_configs=_SETTINGS)
            for name in topics
        ]
        answer = await admin.create_topics(wanted)
    except KafkaConnectionError as error:
        raise KafkaUnavailable(f"The broker {bootstrap} does not answer ({error}).") from error
    finally:
        await admin.close()
    created = []
    for topic, code, *message in answer.topic_errors:
        error_type = for_code(code)
        if not code:
            created.append(topic)
        elif error_type is not TopicAlreadyExistsError:
            raise TopicsFailed(f"Topic {topic} cannot be created: {error_type.__name__} {message}")
    return created
