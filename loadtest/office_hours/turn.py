"""A worker's life, timed: until it serves, and one whole turn of `run --until-caught-up`."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from loadtest.client import Client
from loadtest.office_hours.documents import REPLY_TOPICS, TOPICS, Documents
from loadtest.processes.child import Child
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.scenario import arrivals

_READY_TIMEOUT_S = 120.0
_EXIT_TIMEOUT_S = 70.0
_PATIENCE_S = 120.0
# Until the client has connected and its requests are on Kafka.
_AHEAD_S = 1.0


def start_s(config: Path, settings: Mapping[str, str]) -> float:
    """Return how long a worker takes from its start until it serves; raises WorkerFailed."""
    with Worker(config, settings) as worker:
        began_s = time.monotonic()
        worker.wait_until_ready(_READY_TIMEOUT_S)
        took_s = time.monotonic() - began_s
        worker.terminate(_EXIT_TIMEOUT_S)
    return took_s


async def turn_s(
    config: Path, settings: Mapping[str, str], rows: int, documents: Documents
) -> float:
    """Return how long a one-shot run takes for so many waiting requests, from start to end.

    Raises WorkerFailed, also when not all were answered by it; KafkaError.
    """
    requests = documents.take([TOPICS[0]] * rows)
    async with Client(settings["kafka.bootstrap_servers"], REPLY_TOPICS) as client:
        running = asyncio.create_task(
            client.run(requests, arrivals.at_once(rows), patience_s=_PATIENCE_S)
        )
        await asyncio.sleep(_AHEAD_S)
        took_s = await asyncio.to_thread(_caught_up_s, config, settings)
        verdict = (await running).verdict
    if verdict.lost or verdict.codes:
        raise WorkerFailed(f"{len(verdict.lost)} of {rows} unanswered, errors: {verdict.codes}")
    return took_s


def _caught_up_s(config: Path, settings: Mapping[str, str]) -> float:
    command = [sys.executable, "-m", "daemon", "run", "--config", str(config), "--until-caught-up"]
    command += [
        word for name, value in settings.items() for word in ("--set", f"{name}={value}")
    ] + ["--set", "http.port=0", "--set", "log.form=json"]
    child = Child("turn")
    try:
        began_s = time.monotonic()
        child.spawn(command)
        exit_code = child.wait(_PATIENCE_S)
        took_s = time.monotonic() - began_s
        if exit_code:
            raise WorkerFailed(f"a one-shot run ended with {exit_code}:\n{child.log_end()}")
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(f"a one-shot run still runs after {_PATIENCE_S:.0f} s") from error
    finally:
        child.close()
    return took_s
