"""What the demo needs around its traffic: the example's files, a broker, topics."""

import asyncio
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from loadtest.demo.report import Lane
from loadtest.kafka.jars import KafkaUnavailable

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "examples" / "filetype"
CONFIG = EXAMPLE / "tidemill.toml"
_PARTITIONS = 4
# A file of 1 MiB and its headers must pass; Kafka's own limit is 1 MiB for both.
_TOPIC_SETTINGS = {"max.message.bytes": str(2 * 2**20)}
_MODEL_TIMEOUT_S = 60.0


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


def settings() -> dict[str, Any]:
    """Return the example's configuration; raises DemoFailed outside Tidemill's repository."""
    if not CONFIG.exists():
        raise DemoFailed(f"{CONFIG} is missing: the demo runs in Tidemill's repository")
    return tomllib.loads(CONFIG.read_text())


def lanes(written: dict[str, Any]) -> list[Lane]:
    """Return the lanes of the example, the first topic of each."""
    return [
        Lane(name, lane["topics"][0], lane["max_rows"], lane["linger"])
        for name, lane in written["lanes"].items()
    ]


def fetch_model() -> None:
    """Have the example fetch its model, as a user would; raises DemoFailed."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(EXAMPLE / "get_model.py")],
        capture_output=True,
        text=True,
        timeout=_MODEL_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise DemoFailed(done.stderr)


def given_broker() -> str | None:
    """Return KAFKA_BOOTSTRAP, None when it is not set."""
    return os.environ.get("KAFKA_BOOTSTRAP") or None


def create_topics(bootstrap: str, topics: list[str]) -> None:
    """Create the topics that do not exist; raises KafkaUnavailable."""
    asyncio.run(_create_topics(bootstrap, topics))


async def _create_topics(bootstrap: str, topics: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        wanted = [NewTopic(name, _PARTITIONS, 1, topic_configs=_TOPIC_SETTINGS) for name in topics]
        answer = await admin.create_topics(wanted)
    except KafkaConnectionError as error:
        raise KafkaUnavailable(f"The broker {bootstrap} does not answer ({error}).") from error
    finally:
        await admin.close()
    for topic, code, *message in answer.topic_errors:
        error_type = for_code(code)
        if code and error_type is not TopicAlreadyExistsError:
            raise DemoFailed(f"Topic {topic} cannot be created: {error_type.__name__} {message}")
