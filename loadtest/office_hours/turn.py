"""A worker's life, timed: its start, its end, and one whole turn of `run --until-caught-up`."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.office_hours.documents import REPLY_TOPICS, TOPICS, Documents
from loadtest.plan.plan import of_streams
from loadtest.processes.child import Child
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.scenario.arrival_processes import at_once
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.seen import Progress

JOINED = "group.joined"
"""Is logged by a worker that is given partitions, and reads from then on."""
_READY_TIMEOUT_S = 120.0
"""Twice that of a small model: these stand for heavy ones."""
_RUN_TIMEOUT_S = 120.0
"""A guess: a start, a batch and an end."""
# A whole one-shot run, and what it may take longer to read its replies back.
_GRACE_S = 180.0


class Life(NamedTuple):
    """What a worker's life takes beside its work: until it has joined its group, and from SIGTERM on."""

    start_s: float
    end_s: float


def life(config: Path, settings: Mapping[str, str]) -> Life:
    """Return what a worker's life takes; raises WorkerFailed."""
    began_wall_s = time.time()
    with Worker(config, settings) as worker:
        worker.wait_until_ready(_READY_TIMEOUT_S)
        joined = next(event for event in worker.events() if event["event"] == JOINED)
        told_s = time.monotonic()
        worker.terminate()
        end_s = time.monotonic() - told_s
    return Life(at_wall_s(joined) - began_wall_s, end_s)


def at_wall_s(event: Mapping[str, Any]) -> float:
    """Return when something was logged, seconds since 1970. Pure."""
    return datetime.fromisoformat(str(event["ts"])).timestamp()


async def turn_s(
    config: Path, settings: Mapping[str, str], rows: int, documents: Documents
) -> float:
    """Return how long a one-shot run takes for so many waiting requests, from start to end.

    Raises WorkerFailed, also when not all were answered by it; KafkaError.
    """
    sent = asyncio.Event()

    def told(progress: Progress) -> None:
        if progress.handed == rows:
            sent.set()

    load = of_streams([documents.stream(TOPICS[0], at_once(rows))])
    broker = options(settings["kafka.bootstrap_servers"], None)
    running = asyncio.create_task(exchange(load, broker, REPLY_TOPICS, grace_s=_GRACE_S, told=told))
    waiting = asyncio.create_task(sent.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    took_s = await asyncio.to_thread(_caught_up_s, config, settings)
    account = (await running).account()
    if account.lost or account.errors:
        raise WorkerFailed(f"{account.lost} of {rows} unanswered, errors: {dict(account.errors)}")
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
        exit_code = child.wait(_RUN_TIMEOUT_S)
        took_s = time.monotonic() - began_s
        if exit_code:
            raise WorkerFailed(f"a one-shot run ended with {exit_code}:\n{child.log_end()}")
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(f"a one-shot run still runs after {_RUN_TIMEOUT_S:.0f} s") from error
    finally:
        child.close()
    return took_s
