"""What `--embedded` starts: a Kafka and a daemon of the scenario's own, on this machine."""

import asyncio
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from rich.console import Console

from loadtest.kafka.broker import Broker
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Embedded

# It works for minutes: let Java's second compiler make it as fast as it can be.
_OPTIONS = ("-Xmx1g", "-XX:TieredStopAtLevel=4")
_READY_TIMEOUT_S = 120.0
"""Twice that of a small model: this one is the user's."""


class Stage(NamedTuple):
    """Where the run finds what was started."""

    bootstrap: str
    metrics_url: str


class Sandbox(NamedTuple):
    """A Kafka with topics and models; `overrides` are the daemon's settings that fit it."""

    config: Path
    lanes: tuple[str, ...]
    bootstrap: str
    overrides: Mapping[str, str]


@contextmanager
def embedded(wanted: Embedded, console: Console) -> Iterator[Stage]:
    """Start Kafka, topics, models and daemon; end them afterwards, nothing is left behind.

    Raises KafkaUnavailable, BadScenario, WorkerFailed (also when the daemon does not end well).
    """
    with sandbox(wanted, console) as found, daemon(found) as stage:
        console.print(f"Tidemill runs {wanted.config.name}.", style="dim")
        yield stage


@contextmanager
def sandbox(wanted: Embedded, console: Console) -> Iterator[Sandbox]:
    """Start Kafka, topics and models; raises KafkaUnavailable, BadScenario."""
    settings = _settings(wanted.config)
    with (
        tempfile.TemporaryDirectory(prefix="tidemill-load-") as folder,
        Broker(options=_OPTIONS) as broker,
    ):
        console.print(f"Apache Kafka serves on {broker.bootstrap}.", style="dim")
        asyncio.run(_create_topics(broker.bootstrap, _topics(settings), wanted.partitions))
        overrides = {
            "kafka.bootstrap_servers": broker.bootstrap,
            **_models(wanted, Path(folder)),
        }
        yield Sandbox(wanted.config, tuple(settings["lanes"]), broker.bootstrap, overrides)


@contextmanager
def daemon(on: Sandbox, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Start a daemon in this sandbox, with `settings` over its configuration; raises WorkerFailed."""
    with Worker(on.config, {**on.overrides, **(settings or {})}) as worker:
        worker.wait_until_ready(_READY_TIMEOUT_S)
        yield Stage(on.bootstrap, f"http://127.0.0.1:{worker.http_port}/metrics")
        exit_code = worker.terminate()
        if exit_code:
            raise WorkerFailed(f"the daemon ended with {exit_code}:\n{worker.log.read_text()}")


def _settings(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadScenario(f"embedded.config {config}: {error}") from error


def _topics(settings: dict[str, Any]) -> list[str]:
    lanes = [topic for lane in settings["lanes"].values() for topic in lane["topics"]]
    named = [topic for topic in settings["replies"].get("allow", []) if not topic.endswith("*")]
    fixed = [settings["replies"]["topic"], settings["dead_letters"]["topic"]]
    return list(dict.fromkeys([*lanes, *named, *fixed]))


def _models(wanted: Embedded, folder: Path) -> dict[str, str]:
    """Make the models that the daemon is to run; return the settings that name them."""
    if not wanted.perceptrons:
        return {}
    # Imported late: whoever tests a deployment of their own needs no package onnx.
    from loadtest.deployment.perceptrons import Perceptron, write  # noqa: PLC0415

    return {
        f"models.{name}.path": str(write(Perceptron(name, widths), folder))
        for name, widths in wanted.perceptrons.items()
    }


async def _create_topics(bootstrap: str, topics: list[str], partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(name, partitions, 1) for name in topics])
        for _, code, *message in answer.topic_errors:
            if code:
                raise for_code(code)(*message)
    finally:
        await admin.close()
